"""Any server that speaks OpenAI's chat completions: vLLM, llama-server, Ollama, a vendor's.

A grammar is handed on where the server takes one. Servers have answered 200 to a grammar that they could not read, and written freely
(../shared/references/probes.md): so the grammar is compiled here before, and the answer read again under it after.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import httpx

from kubestill.ground.errors import UserError
from kubestill.ground.settings import read_settings
from kubestill.tools.chat.format import Prompt
from kubestill.tools.engines.api import Ask, EngineFault, Reply, Told, TooLong
from kubestill.tools.engines.posting import Poster, Refused
from kubestill.tools.engines.posting_events import EVENTS, post_events
from kubestill.tools.engines.reading import read_request
from kubestill.tools.engines.streaming import Lines
from kubestill.tools.grammar.api import Given, Grammar, Guide, Step
from kubestill.tools.grammar.compile import Compiler
from kubestill.tools.grammar.pieces import Pieces

END = 256  # of the vocabulary that answers are read again with: the bytes, and an end
PATH = "/chat/completions"
Post = Callable[[dict[str, Any]], Any]
CONCURRENT = 8  # questions at a time: servers batch what comes together
# How a server takes a grammar: vLLM from 0.12, vLLM before, llama.cpp's and xllamacpp's servers, not at all.
Dialect = Literal["vllm", "vllm-guided", "llama", "none"]
# What servers add to sampling unless told not to (llama-server: 40 and 0.05; vLLM: what the model's folder says).
OWN_SAMPLING: Mapping[str, dict[str, Any]] = {
    "vllm": {"top_k": -1, "min_p": 0.0},
    "vllm-guided": {"top_k": -1, "min_p": 0.0},
    "llama": {"top_k": 0, "min_p": 0.0},
    "none": {},
}
_TOO_LONG = re.compile(r"context[ _](length|size|window)")  # with status 400: vLLM, llama-server, OpenAI
GRAMMAR_REFUSED = (400, 422, 501)  # what servers answer to a grammar that they do not take
STRUCTURED_SINCE = (0, 12)  # vLLM: `guided_*` was removed (docs.vllm.ai, features/structured_outputs)
_LARK = '%llguidance {"no_forcing": true}\n'  # by this start llama-server knows llguidance's Lark from its own language


@dataclass
class Held:
    """How guided answers were held to their grammars, so far."""

    sent: int = 0
    """Answers that the server wrote under the grammar, as far as it says."""
    free: int = 0
    """Guided answers that it wrote freely: a guide of several steps, or a server that takes no grammar or not this one."""
    strayed: int = 0
    """Answers, of both, that do not fit their grammar and were not cut."""


class OpenAIHttpEngine:
    """A model behind a server. `held` and `poster.spent` tell what became of grammars, and of retries."""

    name = "openai_http"

    def __init__(self, poster: Poster, model: str = "", dialect: Dialect | None = None, concurrent: int = CONCURRENT) -> None:
        """`model` may be left out where the server has one only; `dialect` None: the server is asked what it is."""
        self.poster, self._model, self._dialect, self.concurrent = poster, model, dialect, concurrent
        self.held = Held()

    @classmethod
    def load(cls, where: str) -> "OpenAIHttpEngine":
        """Take a url, the model's name after a `#` (`http://localhost:8000/v1#qwen`), and the key from KUBESTILL_API_KEY.

        Raises:
            UserError: it is no url.
        """
        url, _, model = where.partition("#")
        return cls(Poster(url, read_settings().api_key), model)

    def generate(self, requests: Sequence[str], ask: Ask, guides: Sequence[Guide | None] | None = None) -> list[Reply]:
        """Answer every request; some at a time, in order.

        Raises:
            TooLong: a request is longer than the server's context.
            UserError: the server refuses, or answers what is no chat completion; or a guide's grammar is none.
            Unavailable: no server there, or it stays busy beyond the budget.
        """
        firsts = [self._first(request, guide) for request, guide in zip(requests, guides or [None] * len(requests), strict=True)]
        dialect, bodies = self._asked(requests, firsts, ask)
        self.poster.begin()
        with ThreadPoolExecutor(self.concurrent) as pool:
            futures = [pool.submit(self._answer, body, first, dialect, self._post) for body, first in zip(bodies, firsts, strict=True)]
            try:
                found = [future.result() for future in futures]
            finally:  # after an error the others are not waited for
                self.poster.give_up()
                for future in futures:
                    future.cancel()
        for first, (reply, sent) in zip(firsts, found, strict=True):
            self._hold(first, reply, sent)
        return [reply for reply, _ in found]

    def stream(self, request: str, ask: Ask, guide: Guide | None, told: Told) -> Reply:
        """Answer a request as `generate` does, and tell its text line by line as the server sends it.

        Raises:
            TooLong: the request is longer than the server's context.
            UserError: the server refuses, breaks off, or answers what is no chat completion; or the guide's grammar is none.
            Unavailable: no server there, or it stays busy beyond the budget.
        """
        first, lines = self._first(request, guide), Lines(told)
        dialect, (body,) = self._asked([request], [first], ask)
        self.poster.begin()

        def post(body: dict[str, Any]) -> Any:
            with self._long():
                return post_events(self.poster, PATH, body | EVENTS, lambda text: lines.grown(_unicode(text)))

        reply, sent = self._answer(body, first, dialect, post)
        self._hold(first, reply, sent)
        lines.whole(reply.text)
        return reply

    @cached_property
    def model(self) -> str:
        """The model that is asked: the one that was named, or the server's only one."""
        if self._model:
            return self._model
        found = self.poster.get(self.poster.url + "/models")
        rows = found.get("data") if isinstance(found, dict) else None
        names = [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)] if isinstance(rows, list) else []
        if len(names) != 1:
            known = f"it has {', '.join(names[:10])}" if names else "it names none"
            raise UserError(self.poster.url, f"which model is meant is not clear: {known}", f"write {self.poster.url}#MODEL")
        return str(names[0])

    @cached_property
    def dialect(self) -> Dialect:
        """How the server takes a grammar, as it was told or as the server shows."""
        if self._dialect is not None:
            return self._dialect
        root = self.poster.url.removesuffix("/v1")
        version = self.poster.get(root + "/version")
        if isinstance(version, dict) and isinstance(version.get("version"), str):
            numbers = tuple(int(number) for number in re.findall(r"\d{1,6}", version["version"])[:2])
            return "vllm" if numbers >= STRUCTURED_SINCE else "vllm-guided"
        props = self.poster.get(root + "/props")
        return "llama" if isinstance(props, dict) and "default_generation_settings" in props else "none"

    @cached_property
    def _compiler(self) -> Compiler:
        """Compiles for a vocabulary of bytes: what an answer says is held against a grammar, however the server cuts it into tokens."""
        tokens = [*(bytes([byte]) for byte in range(END)), b"<|end|>"]
        return Compiler(Pieces.of_tokens(tokens, {"<|end|>": END}, END, lambda text: list(text.encode())))

    def _first(self, request: str, guide: Guide | None) -> Step | Given | None:
        """Return a guide's first step, its grammar compiled: before a question is paid for."""
        first = None if guide is None else guide.start(read_request(request, Prompt(request, {}), pointers=False))
        if isinstance(first, Step):
            self._compiler.compile(first.grammar)
        return first

    def _asked(self, requests: Sequence[str], firsts: Sequence[Step | Given | None], ask: Ask) -> tuple[Dialect, list[dict[str, Any]]]:
        """Return how the server takes a grammar, as far as that matters, and the questions' bodies."""
        dialect = self.dialect if ask.temperature > 0 or any(isinstance(first, Step) for first in firsts) else "none"
        return dialect, [self._body(request, ask) | OWN_SAMPLING[dialect] for request in requests]

    def _body(self, request: str, ask: Ask) -> dict[str, Any]:
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": request}],
            "max_tokens": ask.max_new_tokens,
            "temperature": ask.temperature,
            "top_p": ask.top_p,
            "seed": ask.seed,
            "stream": False,
        }

    def _answer(self, body: dict[str, Any], first: Step | Given | None, dialect: Dialect, post: Post) -> tuple[Reply, bool]:
        """Return an answer, and whether the server took a grammar with the question; `post` asks."""
        if isinstance(first, Given):
            return Reply(first.text, 0, 0), False
        fields = {} if first is None or first.then is not None else _fields(first.grammar, dialect)
        try:
            return self._reply(post(body | fields)), bool(fields)
        except Refused as error:
            if not fields or error.status not in GRAMMAR_REFUSED:
                raise
        return self._reply(post(body)), False  # it may be the grammar that it does not take

    def _hold(self, first: Step | Given | None, reply: Reply, sent: bool) -> None:
        """Count how a guided answer came about, and whether it fits."""
        if isinstance(first, Step):
            self.held.sent += sent
            self.held.free += not sent
            self.held.strayed += not reply.cut and not self._fits(first, reply.text)

    def _post(self, body: dict[str, Any]) -> Any:
        with self._long():
            return self.poster.post(PATH, body)

    @contextmanager
    def _long(self) -> Iterator[None]:
        """Tell a refusal for length from others."""
        try:
            yield
        except Refused as error:
            if error.status == httpx.codes.BAD_REQUEST and _TOO_LONG.search(error.found):
                raise TooLong(error.where, error.found, "shorten the request") from None
            raise

    def _reply(self, found: Any) -> Reply:
        """Read a chat completion; a count that is missing is 0.

        Raises:
            EngineFault: it is none.
        """
        try:
            choice = found["choices"][0]
            text, reason = choice["message"]["content"], choice.get("finish_reason")
        except (LookupError, TypeError, AttributeError):
            text, reason = 0, ""
        if not isinstance(text, str | None):
            raise EngineFault(self.poster.url, "answers what is no chat completion", "look at the url (it ends in /v1 as a rule)")
        usage = found.get("usage")
        return Reply(_unicode(text or ""), _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"), cut=reason == "length")

    def _fits(self, first: Step, text: str) -> bool:
        """Whether an answer is whole under its guide; some servers drop the newline at its end."""
        return any(self._compiler.session(first).valid([*spelled.encode(), END]) > len(spelled.encode()) for spelled in (text, text + "\n"))


def _fields(grammar: Grammar, dialect: Dialect) -> dict[str, Any]:
    """Return what a body says of a grammar, nothing where the server takes none."""
    if grammar.syntax == "json":
        schema = json.loads(grammar.text)
        asked = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        told = {"vllm": {"structured_outputs": {"json": schema}}, "vllm-guided": {"guided_json": schema}}
        return told.get(dialect, {"response_format": asked})
    text = _LARK + grammar.text
    told = {"vllm": {"structured_outputs": {"grammar": text}}, "vllm-guided": {"guided_grammar": text}, "llama": {"grammar": text}}
    return told.get(dialect, {})


def _count(usage: Any, name: str) -> int:
    found = usage.get(name) if isinstance(usage, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else 0


def _unicode(text: str) -> str:
    """Replace what is no Unicode text: JSON can hold half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
