"""Templates in annotations of alerts: Go's text/template with Prometheus' functions, read as far as a fault can be seen."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# prometheus template/template.go, and Go's text/template.
_FUNCTIONS = frozenset(
    "args externalURL first graphLink humanize humanize1024 humanizeDuration humanizePercentage humanizeTimestamp label match now "
    "parseDuration parseDurationTime pathPrefix query reReplaceAll safeHtml sortByLabel stripDomain stripPort strvalue tableLink title "
    "tmpl toDuration toLower toTime toUpper urlQueryEscape value and call eq ge gt html index js le len lt ne not or print printf "
    "println slice urlquery true false nil".split()
)
_KEYWORDS = frozenset("if else end range with define template block break continue".split())
_VARIABLES = frozenset(("$labels", "$value", "$externalLabels", "$externalURL"))
_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`')
_DECLARED = re.compile(r"(\$\w*)\s*(?:,\s*(\$\w+)\s*)?:=")
_TOKEN = re.compile(r"\$\w*(?:\.\w+)*|\.\w+(?:\.\w+)*|[A-Za-z_]\w*")


class Template(NamedTuple):
    """What a template refers to, and what is wrong with it."""

    labels: frozenset[str]  # of `$labels.x` and `.Labels.x`
    faults: tuple[str, ...]


def read(text: str) -> Template:
    """Read one annotation or label value."""
    if "{{" not in text:
        return Template(frozenset(), ("found }} without {{ before it",) if "}}" in text else ())
    faults = []
    rest = _ACTION.sub("", text)
    if "{{" in rest:
        faults.append("found {{ that no }} closes")
    labels: set[str] = set()
    declared: set[str] = set()
    depth = 0
    for action in _ACTION.findall(text):
        body = _STRING.sub(" ", action)
        declared.update(name for pair in _DECLARED.findall(body) for name in pair if name)
        words = body.split()
        depth += 1 if words and words[0] in ("if", "range", "with", "define", "block") else -1 if words[:1] == ["end"] else 0
        for label, fault in _tokens(body, declared):
            labels.update((label,) if label else ())
            faults.extend((fault,) if fault else ())
    if depth != 0:
        faults.append("the number of blocks that open (if, range, with) and end differs")
    return Template(frozenset(labels), tuple(faults))


def _tokens(body: str, declared: set[str]) -> Iterator[tuple[str, str]]:
    """Yield a label that is used, or what is wrong with a word."""
    for found in _TOKEN.finditer(body):
        word = found[0]
        head, _, rest = word.partition(".")
        if word.startswith("."):
            parts = word.split(".")
            if parts[1] == "Labels" and len(parts) > 2:
                yield parts[2], ""
        elif head == "$labels":
            yield rest.partition(".")[0], ""
        elif head.startswith("$"):
            if head != "$" and head not in _VARIABLES and head not in declared:
                yield "", f"no variable is called {head}"
        elif word not in _FUNCTIONS and word not in _KEYWORDS and not _is_number(body, found.start()):
            yield "", f"no function is called {word}"


def _is_number(body: str, start: int) -> bool:
    """Return whether a word is the rest of a number, such as the e of 1e3."""
    return start > 0 and (body[start - 1].isdigit() or body[start - 1] == ".")


def filled(text: str, labels: dict[str, str], value: str) -> str:
    """Return a template as Alertmanager shows it: labels and value stand where they are asked for; what else is asked for is left out."""

    def shown(match: re.Match[str]) -> str:
        action = match[1]
        found = re.search(r"(?:\$labels|\.Labels)\.(\w+)", action)
        return labels.get(found[1], "") if found else value if "$value" in action or ".Value" in action else ""

    return _ACTION.sub(shown, text)
