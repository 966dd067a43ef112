"""Templates of requests, answers and commands: `{name}` is a value, `[[a||b]]` is `a` where its values are known, else `b` or nothing."""

import re
from collections.abc import Mapping

PLACE = re.compile(r"\{([a-z_]+)\}")  # the braces of PromQL, JSON and Go templates hold no bare word
_CHOICE = re.compile(r"\[\[(.*?)(?:\|\|(.*?))?\]\]")
_ONE = re.compile(r"\b1 (day|hour|time|second|error)s\b")
_SCOPE = "$S"  # in PromQL: the matchers of what is asked about


def names(template: str) -> list[str]:
    """Return the names in a template in the order of mention, each once."""
    return list(dict.fromkeys(PLACE.findall(template)))


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a template with its values.

    Raises:
        KeyError: a value is not known and not optional.
    """
    chosen = _CHOICE.sub(lambda match: _choice(match, values), template)
    return _ONE.sub(r"1 \1", PLACE.sub(lambda match: values[match[1]], chosen))


def _choice(match: re.Match[str], values: Mapping[str, str]) -> str:
    known = all(name in values for name in PLACE.findall(match[1]))
    return match[1] if known else match[2] or ""


def scoped(query: str, matchers: Mapping[str, str]) -> str:
    """Return a query about what the matchers (label → value) name; with none, about everything.

    A matcher takes the place of a wider one on its label: `verb="LIST"` that of `verb!="WATCH"`.
    """
    for label in matchers:
        query = re.sub(rf'\b{label}(?:!=|=~|!~)"[^"]*",(?=[^{{}}]*\$S)', "", query)
    if matchers:
        return query.replace(_SCOPE, ",".join(f'{label}="{value}"' for label, value in matchers.items()))
    return re.sub(r"\{\$S\}", "", query).replace(f",{_SCOPE}", "")
