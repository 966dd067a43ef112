"""How large a grammar may be: judged by its text, before the compiler sees it.

llguidance's own limits come late: `/(a{1000}){1000}/` holds it for 14 seconds and 180 MB before it gives up, 30,000 alternatives for
11 seconds, and a chain of 5,000 rules ends the process (measured at 1.9.1). Within the limits here a compile took less than a second.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from kubestill.ground.errors import UserError
from kubestill.tools.grammar.api import Grammar

TEXT = 1_000_000  # characters of a grammar
RULES = 2_000  # rules and terminals: compile time grows by their square
DEPTH = 1_000  # rules that call each other in a chain: the compiler recurses
SYMBOLS = 4_000  # names, strings and regular expressions in one rule
ALTERNATIVES = 1_500  # in one rule; the parser takes 2,000 in a row
WEIGHT = 10_000  # characters of a terminal with its repetitions written out
SCHEMA = 2_000  # values in a JSON schema
CHOICES = 300  # of one anyOf, oneOf, allOf or properties

_HEAD = re.compile(r"^[?!]*([A-Za-z_][\w.\-]*)(?:::[^\s:]*)?(?:\[[^\]\n]*\])?[ \t]*:(?!:)", re.MULTILINE)
_TOKEN = re.compile(
    r"""
    "(?:[^"\\\n]|\\.)*"            # a string
    |//[^\n]*|\#[^\n]*              # a comment
    |/(?:[^/\\\n]|\\.)+/            # a regular expression
    |%(?:json|regex)\b\s*(?=\{)     # JSON follows
    |%[a-z]+
    |\{\s*\d*\s*(?:,\s*\d*\s*)?\}|~\s*\d+(?:\s*\.\.\s*\d+)?
    |[A-Za-z_]\w*
    |[()|\[\]]
    """,
    re.VERBOSE,
)
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d*,?\d*\}|[()]|.", re.DOTALL)
_NUMBER = re.compile(r"\d+")


def hold(grammar: Grammar) -> None:
    """Refuse a grammar that is too large, too deep or too often repeated.

    Raises:
        UserError: with what was found, and the limit.
    """
    where = grammar.name or "grammar"
    _limit(where, "characters", len(grammar.text), TEXT)
    if grammar.syntax == "json":
        _hold_schema(where, parse_schema(grammar))
    else:
        _hold_lark(where, grammar.text)


def parse_schema(grammar: Grammar) -> Any:
    """Return the JSON schema of a grammar.

    Raises:
        UserError: it is not JSON.
    """
    try:
        return json.loads(grammar.text)
    except (ValueError, RecursionError) as error:
        raise UserError(grammar.name or "grammar", f"not JSON: {error}", "give a JSON schema") from error


def _limit(where: str, what: str, found: int, most: int) -> None:
    if found > most:
        raise UserError(where, f"the grammar has {found:,} {what}, at most {most:,} can be followed", "make it smaller")


def _hold_lark(where: str, text: str) -> None:
    heads = list(_HEAD.finditer(text))
    _limit(where, "rules", len(heads), RULES)
    ends = [head.start() for head in heads[1:]] + [len(text)]
    rules = {"": _tokens(where, text[: heads[0].start() if heads else len(text)])}
    for head, end in zip(heads, ends, strict=False):
        body = text[head.end() : end]
        plain = len(heads) <= DEPTH and not _is_terminal(head[1]) and _is_plain(body)
        rules[head[1]] = [] if plain else _tokens(where, body)
    weights: dict[str, int] = {}
    for name in _depth_first(where, rules):  # what a rule calls comes before it
        tokens, place = rules[name], f"{where}: {name}"
        _limit(place, "symbols in one rule", len(tokens), SYMBOLS)
        if _is_terminal(name):
            weights[name] = _weigh(_atoms(place, tokens, weights))
            _limit(place, "characters in one terminal, repetitions written out,", weights[name], WEIGHT)
        else:  # its repetitions are unrolled as the parser goes, and cost nothing before
            _limit(place, "alternatives in one rule", tokens.count("|"), ALTERNATIVES)
            for token in tokens:
                if token[0] in '/"':
                    _leaf(place, token)


def _is_plain(body: str) -> bool:
    """Whether the body of a rule is within every limit, seen from afar: most are, and reading them all takes as long as half a compile."""
    return len(body) <= 2 * SYMBOLS and "/" not in body and "%json" not in body and "%regex" not in body and body.count("|") <= ALTERNATIVES


def _tokens(where: str, text: str) -> list[str]:
    """Return the tokens of a part of a Lark text; what stands in it as JSON is held at once and left out."""
    if "%json" not in text and "%regex" not in text:
        return [token for token in _TOKEN.findall(text) if token[0] not in "%#" and token[:2] != "//"]
    place, found = 0, list[str]()
    for match in _TOKEN.finditer(text):
        token = match[0]
        if match.start() < place or token[0] == "#" or token[:2] == "//":
            continue
        if token[0] == "%" and text[match.end() : match.end() + 1] == "{":
            value, place = _embedded(where, text, match.end())
            _hold_schema(where, value)
        elif token[0] != "%":
            found.append(token)
    return found


def _embedded(where: str, text: str, place: int) -> tuple[Any, int]:
    try:
        return json.JSONDecoder().raw_decode(text, place)
    except (ValueError, RecursionError) as error:
        raise UserError(where, f"not JSON: {error}", "give a JSON value after %json") from error


def _is_terminal(name: str) -> bool:
    return name.lstrip("_")[:1].isupper()


def _depth_first(where: str, rules: dict[str, list[str]]) -> list[str]:
    """Return the rules, each after those it calls (but for circles), no chain of calls longer than DEPTH."""
    order: list[str] = []
    seen: set[str] = set()
    for first in rules:
        chain = [(first, iter(rules[first]))] if first not in seen else []
        seen.add(first)
        while chain:
            _limit(where, "rules in a chain of calls", len(chain), DEPTH)
            following = next((other for other in chain[-1][1] if other in rules and other not in seen), None)
            if following is None:
                order.append(chain.pop()[0])
            else:
                seen.add(following)
                chain.append((following, iter(rules[following])))
    return order


def _atoms(where: str, tokens: Iterable[str], weights: dict[str, int]) -> Iterator[int | str]:
    """Turn the body of a terminal into what `_weigh` reads."""
    for token in tokens:
        first = token[0]
        if first in "()|{~":
            yield token
        elif first in "[]":
            yield "(" if first == "[" else ")"
        elif first in '/"':
            yield _leaf(where, token)
        else:
            yield weights.get(token, 1)


def _leaf(where: str, token: str) -> int:
    return _regex(where, token) if token[0] == "/" else _string(where, token)


def _string(where: str, token: str) -> int:
    _limit(where, "characters in one string", len(token), WEIGHT)
    return len(token)


def _regex(where: str, text: str) -> int:
    """Return the weight of a regular expression, within its limit; the longest of its alternatives, if nothing is counted."""
    if "{" in text:
        weight = _weigh(piece if piece in "()|" or piece[0] == "{" else 1 for piece in _PIECE.findall(text.strip("/")))
    else:
        weight = max(map(len, text.split("|")))
    _limit(where, "characters in one regular expression, repetitions written out,", weight, WEIGHT)
    return weight


def _weigh(atoms: Iterable[int | str]) -> int:
    """Return the characters of the longest way through; what is repeated counts with all its alternatives.

    `(`, `|`, `)` group, `{2,5}` and `~ 2..5` repeat what stands before, other strings mean nothing.
    """
    groups, last = [_Group()], (0, 0)
    for atom in atoms:
        if isinstance(atom, int):
            last = (atom, atom)
        elif atom == "(":
            groups.append(_Group())
            continue
        elif atom == "|":
            groups[-1].turn()
            continue
        elif atom == ")" and len(groups) > 1:
            last = groups.pop().close()
        elif atom[0] in "{~":
            groups[-1].add((-last[0], -last[1]))
            last = (last[1] * _times(atom),) * 2
        else:
            continue
        groups[-1].add(last)
    while len(groups) > 1:
        inner = groups.pop().close()
        groups[-1].add(inner)
    return groups[0].close()[0]


class _Group:
    """Alternatives between parentheses: the longest of those that are over, the one at hand, and all together."""

    def __init__(self) -> None:
        self.longest = self.here = self.total = 0

    def add(self, weight: tuple[int, int]) -> None:
        self.here += weight[0]
        self.total += weight[1]

    def turn(self) -> None:
        self.longest, self.here = max(self.longest, self.here), 0

    def close(self) -> tuple[int, int]:
        return max(self.longest, self.here), self.total


def _times(token: str) -> int:
    return max((int(number[:9]) for number in _NUMBER.findall(token)), default=1) or 1


def _hold_schema(where: str, schema: Any) -> None:
    """Walk a JSON schema: how many values, how wide its choices, how heavy its patterns."""
    waiting, count = [("", schema)], 0
    while waiting:
        key, value = waiting.pop()
        count += 1
        if isinstance(value, dict):
            if key == "properties":
                _limit(where, "properties in one object", len(value), CHOICES)
            waiting += value.items()
            if key == "patternProperties":
                waiting += [("pattern", pattern) for pattern in value]
        elif isinstance(value, list):
            if key in ("anyOf", "oneOf", "allOf"):
                _limit(where, f"choices in one {key}", len(value), CHOICES)
            waiting += [("", item) for item in value]
        elif isinstance(value, str):
            _string(where, value)
            if key in ("pattern", "regex"):
                _regex(where, value)
        _limit(where, "values in its schema", count + len(waiting), SCHEMA)
