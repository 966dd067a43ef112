"""The line to an API server: one request at a time through the official client, with limits, and with a word for every failure."""

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kubestill.domains.kubernetes.cluster.kubeconfig import Access, read_access
from kubestill.domains.kubernetes.subject import table
from kubestill.ground.errors import UserError
from kubestill.ground.fingerprint import fingerprint
from kubestill.ground.registry import load_object, need

CLIENT_VERSION = "37"  # of the package `kubernetes`: earlier ones take the same requests in another order of parameters
OLDEST = (1, 25)  # the first release that judges fields strictly unless told otherwise; dry runs are older (1.18)
CONNECT_SECONDS = 5.0  # at most, until somebody takes the call
TIMEOUT_SECONDS = 35.0  # without a byte: an admission webhook may take 30 s (timeoutSeconds of its configuration)
MAX_ANSWER_BYTES = 128 * 2**20  # /openapi/v2 of a plain server has 4 MB; each large definition adds one
MAX_FAILURES = 3  # in a row; after these nobody waits for the server again
MAX_SHOWN = 1_000  # characters of a server's words: a webhook may write pages
KEY_DIGITS = 12  # as in the names of artifacts (ground/store)
_JSON, _APPLY = "application/json", "application/apply-patch+yaml"


class CannotAsk(Exception):
    """The server was not asked, or gave no answer that tells anything; the text is the reason of a SKIP."""


class Reply(NamedTuple):
    """What the server answered: HTTP status, the JSON of the body (None: it is none), its start as text, and the warnings."""

    status: int
    value: Any
    text: str
    warnings: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """Return what the server says in words."""
        told = table(self.value)
        said = told.get("message") if told.get("kind") == "Status" else None
        return one_line(str(said or self.text or f"HTTP status {self.status}"))


class Connection:
    """An API server that has answered. `resources` remembers what discovery found, by apiVersion."""

    def __init__(self, access: Access, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        configuration = access.configuration
        configuration.retries = False  # else a Retry-After of an hour would be waited for
        self.context, self.namespace = access.context, access.namespace
        self.server = str(configuration.host)
        self.release = ""  # as the server tells it: v1.36.2
        self.resources: dict[str, Any] = {}
        self._client = load_object("kubernetes.client:ApiClient")(configuration)
        self._client.user_agent = "kubestill"
        self._seconds = (min(CONNECT_SECONDS, timeout_seconds), timeout_seconds)
        self._failures, self._failure = 0, ""

    @property
    def version(self) -> str:
        """Return the version that schemas go by: "1.36" of v1.36.2."""
        return ".".join(map(str, release_numbers(self.release)))

    @cached_property
    def name(self) -> str:
        """Return a name for folders: the host, and a digest of address and certificate authority."""
        configuration = self._client.configuration
        authority = configuration.ssl_ca_cert
        trusted = Path(authority).read_text("utf-8", "replace") if authority else str(configuration.ca_cert_data or "")
        host = re.sub(r"[^\w.-]", "-", urlsplit(self.server).hostname or "cluster")
        return f"{host}-{fingerprint([self.server, trusted])[:KEY_DIGITS]}"

    def ask(self, method: str, path: str, query: Sequence[tuple[str, str]] = (), body: Mapping[str, Any] | None = None) -> Reply:
        """Send one request and return the answer, whatever its status. `path` is quoted; a PATCH is a server-side apply.

        Raises:
            CannotAsk: nobody answered, not in time, not over TLS that can be trusted, or with too much.
        """
        if self._failures >= MAX_FAILURES:
            raise CannotAsk(f"{self._failure} (not asked again after {MAX_FAILURES} failures)")
        headers = {"Accept": _JSON} | ({"Content-Type": _APPLY if method == "PATCH" else _JSON} if body is not None else {})
        silent, invalid = load_object("urllib3.exceptions:HTTPError"), load_object("kubernetes.client.exceptions:ApiException")
        unsafe = load_object("urllib3.exceptions:InsecureRequestWarning")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", unsafe)  # insecure-skip-tls-verify is the kubeconfig's own word
                form = self._client.param_serialize(
                    method, path, query_params=list(query), header_params=headers, body=body, auth_settings=["BearerToken"]
                )
                reply = _read(self._client.call_api(*form, _request_timeout=self._seconds).response)
        except (silent, invalid, load_object("kubernetes.config:ConfigException"), OSError) as error:
            self._failures, self._failure = self._failures + 1, _reason(error, self._seconds[1])
            raise CannotAsk(self._failure) from error
        self._failures = 0
        return reply


def connect(kubeconfig: Path | None = None, context: str = "", timeout_seconds: float = TIMEOUT_SECONDS) -> Connection:
    """Reach the cluster of a context ("": the current one; without any kubeconfig, in a pod, the cluster it runs in).

    `timeout_seconds` bounds the wait for each part of an answer.

    Raises:
        UserError: no kubeconfig, no such context; nobody answers, or not as an API server; the credentials are not taken; the
            server is too old for a strict dry run.
        Unavailable: the package `kubernetes` is not installed.
    """
    need("kubernetes", at_least=CLIENT_VERSION, extra="cluster")
    connection = Connection(read_access(kubeconfig, context), timeout_seconds)
    where = f"{connection.server} (context {connection.context})"
    try:
        reply = connection.ask("GET", "/version")
    except CannotAsk as error:
        raise UserError(where, str(error), "see that the cluster runs and can be reached from here (kubectl version)") from error
    if reply.status == 401:
        raise UserError(where, f"does not take the credentials ({reply.message})", "log in again, or give another --context")
    if reply.status == 403:
        raise UserError(where, f"does not tell its version ({reply.message})", "ask for the right to get /version")
    connection.release = str(table(reply.value).get("gitVersion", ""))
    numbers = release_numbers(connection.release)
    if reply.status != 200 or not numbers:
        raise UserError(where, f"answers, but not as an API server ({reply.status}: {reply.message})", "mend its address in the kubeconfig")
    if numbers < OLDEST:
        raise UserError(where, f"is Kubernetes {connection.release}", "a strict dry run needs 1.25 or later: leave the cluster out")
    return connection


def release_numbers(release: str) -> tuple[int, ...]:
    """Return major and minor of "v1.36.2" or "v1.29.4-gke.1043"; nothing of another text."""
    match = re.match(r"v?(\d{1,4})\.(\d{1,4})", release)
    return (int(match[1]), int(match[2])) if match else ()


def one_line(text: str) -> str:
    """Return a stranger's words fit for a terminal: one line, no control characters, not too long."""
    shown = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 4 * MAX_SHOWN]).split())
    return shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 3] + "..."


def _read(response: Any) -> Reply:
    """Read an answer whose body has not been loaded yet."""
    try:
        content = response.read(MAX_ANSWER_BYTES + 1)
        if len(content) > MAX_ANSWER_BYTES:
            response.close()
            raise CannotAsk(f"the answer is larger than {MAX_ANSWER_BYTES // 2**20} MiB")
    finally:
        response.release_conn()
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    told = tuple(text for header in response.headers.getlist("Warning") for text in _warnings(header))
    return Reply(int(response.status), value, one_line(content[: 2 * MAX_SHOWN].decode("utf-8", "replace"))[:200], told)


def _warnings(header: str) -> list[str]:
    """Return the texts of a Warning header: `299 - "text"`, several after commas (RFC 7234, 5.5)."""
    quoted = re.findall(r'\b\d{3} \S+ "((?:[^"\\]|\\.)*)"', header)
    return [one_line(re.sub(r"\\(.)", r"\1", text)) for text in quoted]


def _reason(error: BaseException, seconds: float) -> str:
    """Return why a request failed, without the addresses of objects that the libraries put into their messages."""
    name, text = type(error).__name__, " ".join(str(getattr(error, "reason", "") or error).split())
    text = re.sub(r"^(<[^>]*>|\w+\([^)]*\)): ", "", text)
    if "Timeout" in name:
        return f"did not answer within {seconds:g} s"
    if "SSL" in name or text.startswith("SSLError"):
        return f"no trusted connection: {text.removeprefix('SSLError ')}"
    if name in ("NewConnectionError", "NameResolutionError"):
        return f"cannot be reached: {text}"
    return f"broke off ({name}: {text})"
