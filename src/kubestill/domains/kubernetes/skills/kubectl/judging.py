"""Whether an answer is one command that kubectl takes, and whether it means what was asked."""

import json
import re
import shlex
from collections.abc import Callable, Sequence
from functools import lru_cache

from kubestill.domains.api import EXPECTED, Intent
from kubestill.domains.kubernetes.kubectl.canonical import canonical_parsed
from kubestill.domains.kubernetes.kubectl.check import check_parsed
from kubestill.domains.kubernetes.kubectl.codes import CODES
from kubestill.domains.kubernetes.kubectl.parse import PROGRAM, parse
from kubestill.domains.kubernetes.kubectl.parsed import Call, Parsed
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict

INTENT = "K8S100"
ONE_COMMAND, PLACEHOLDER = "K8S401", "K8S420"
COMMAND = f"{EXPECTED}command"  # the aspect of the meaning of all right answers: a text, or a tuple of several


def judge(answer: str, intents: Sequence[Intent] | None = None) -> Verdict:
    """Judge the form (one command on one line and nothing else), all that kubectl would refuse, and with `intents` the meaning."""
    text = answer.strip()
    parsed = parse(text)
    problem = _form(text, parsed)
    if problem:
        return Verdict((_failed(ONE_COMMAND, "", problem), *_unjudged(intents, Tier.FORM)))
    checked = check_parsed(parsed)
    results = tuple(_strict(result) for result in checked.results)
    if intents is None:
        return Verdict(results)
    failed = next((result for result in results if result.outcome is not Outcome.PASS), None)
    if failed is not None:
        return Verdict((*results, *_unjudged(intents, failed.tier)))
    return Verdict((*results, _meant(meaning_of(parsed), intents)))


@lru_cache(maxsize=4096)
def meaning(command: str) -> str:
    """Return the one spelling of all commands that mean the same as this one."""
    return meaning_of(parse(command))


def meaning_of(parsed: Parsed) -> str:
    """Return the one spelling of what `parse` has read: the canonical one, and what equals it for one command."""
    text = canonical_parsed(parsed)
    call = parsed.call
    if call is None or call.command is None or parsed.script.fault is not None:
        return text
    words = shlex.split(text, posix=True)
    end = words.index("--") if "--" in words else len(words)
    flags = [_flag(call, word) if word.startswith("--") else word for word in words[:end]]
    spelled = _SAME.get(call.command.name, _as_it_is)(call, flags)
    return shlex.join(word for word in (*spelled, *words[end:]) if word)


def _form(text: str, parsed: Parsed) -> str:
    """Return what is wrong with the form, or an empty text."""
    if "\n" in text:
        return f"found {len(text.splitlines())} lines, expected one command on one line"
    if text.split(" ")[0] != PROGRAM:
        return f"found {text[:40]!r}, expected a command that begins with kubectl"
    if parsed.script.fault is None and (len(parsed.calls) != 1 or parsed.others or len(parsed.script.commands) != 1):
        return "found several commands, expected one"
    if parsed.calls and parsed.calls[0].redirections:
        return "found a redirection, expected the command alone"
    return ""


def _failed(code: str, path: str, problem: str) -> Result:
    tier = CODES[code].tier if code in CODES else Tier.INTENT
    remedy = CODES[code].remedy if code in CODES else ""
    return Result(code, tier, Outcome.FAIL, (Finding(code, path, problem, tier, remedy=remedy),))


def _strict(result: Result) -> Result:
    """Return the result; a placeholder, elsewhere a warning, is no answer here."""
    if result.code == PLACEHOLDER and result.findings:
        return Result(result.code, result.tier, Outcome.FAIL, result.findings)
    return result


def _unjudged(intents: Sequence[Intent] | None, tier: Tier) -> tuple[Result, ...]:
    if intents is None:
        return ()
    return (Result(INTENT, Tier.INTENT, Outcome.SKIP, reason=f"the {tier.name.lower()} tier failed"),)


def _meant(found: str, intents: Sequence[Intent]) -> Result:
    """Judge whether the meaning is among those expected."""
    for intent in intents:
        if intent.aspect != COMMAND:
            continue
        expected = intent.value if isinstance(intent.value, tuple) else (intent.value,)
        if found not in expected:
            return _failed(INTENT, "command", f"means {found!r}, asked for {expected[0]!r}")
    return Result(INTENT, Tier.INTENT, Outcome.PASS)


def _as_it_is(call: Call, words: list[str]) -> list[str]:  # noqa: ARG001 - the signature of the others
    return words


_BRACES = re.compile(r"\{?\.?([^{}]*)\}?\Z")  # kubectl relaxes paths of --sort-by and columns (cmd/get/customcolumn.go)


def _flag(call: Call, word: str) -> str:  # noqa: ARG001
    name, equals, value = word.partition("=")
    if name == "--sort-by":
        return f"{name}={_BRACES.sub(lambda match: match[1], value)}"
    if name == "--output" and value.startswith("custom-columns="):
        return f"--output={value.replace(':.', ':')}"
    if name == "--filename":
        return f"{name}={','.join(_path(one) for one in value.split(','))}"
    if name in ("--kustomize", "--output-directory", "--from-env-file", "--cert", "--key", "--patch-file"):
        return f"{name}={_path(value)}"
    if name == "--from-file":
        key, sign, path = value.rpartition("=")
        return f"{name}={key}{sign}{_path(path)}"
    if name == "--patch":
        return f"{name}={_json(value)}"
    return word if equals else name


def _path(text: str) -> str:
    return text.removeprefix("./").rstrip("/") or text


def _json(text: str) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    except ValueError:
        return text


def _copy(call: Call, words: list[str]) -> list[str]:  # noqa: ARG001
    """NAMESPACE/POD:PATH is POD:PATH with --namespace; local paths need no `./`."""
    flags = [word for word in words if word.startswith("--")]
    found: list[str] = []
    for word in words:
        if word.startswith("--"):
            continue
        pod, colon, path = word.partition(":")
        if colon and pod.count("/") == 1 and not word.startswith((".", "/")):
            namespace, _, pod = pod.partition("/")
            flags = sorted({*flags, f"--namespace={namespace}"})
        found.append(f"{pod}{colon}{path}" if colon else _path(word))
    return [*found, *flags]


def _delete(call: Call, words: list[str]) -> list[str]:
    """Force without a grace period has none (cmd/delete/delete.go); --now is a grace period of one second."""
    words = ["--grace-period=1" if word == "--now" else word for word in words]
    return [word for word in words if not (word == "--grace-period=0" and call.on("force"))]


def _wait(call: Call, words: list[str]) -> list[str]:  # noqa: ARG001
    """Conditions are compared without case, and true unless told (cmd/wait/wait.go)."""
    return [re.sub(r"(?i)=true\Z", "", word).lower() if word.startswith("--for=condition=") else word for word in words]


def _kustomize(call: Call, words: list[str]) -> list[str]:  # noqa: ARG001
    return [_path(word) for word in words]


_SAME: dict[str, Callable[[Call, list[str]], list[str]]] = {
    "cp": _copy,
    "delete": _delete,
    "kustomize": _kustomize,
    "wait": _wait,
}
