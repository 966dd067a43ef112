"""PromQL: a text in, what it asks out: metrics, matchers, windows, comparisons, and which labels its result keeps.

The language is read by the package promql-parser (Rust, Apache-2.0), which follows Prometheus' own parser; it is loaded on first use.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from kubestill.ground.registry import need

MAX_CHARS = 20_000  # of an expression; the longest of kube-prometheus has some 1,500
_MAX_NODES = 600  # they may be nested as deep as Python can follow
_SCOPED = 100  # nodes: what follows for a selector is looked for in expressions of so many; the time grows with their cube
_COMPARISONS = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}  # each with what it is seen from the other side
_TARGETS = "up"  # the metric that says of each scrape job whether it is reached
_SETS = ("and", "or", "unless")
_KEEPS_SERIES = ("topk", "bottomk", "limitk", "limit_ratio")  # aggregations that choose among series
_SCALARS = ("scalar", "time", "pi")
_LABELLESS = (*_SCALARS, "vector")
_CHANGES_LABELS = ("label_replace", "label_join")
_ABSENT = ("absent", "absent_over_time")
_DROPS_BUCKET = ("histogram_quantile",)


class NotAQuery(ValueError):
    """The text is no PromQL; the message says why."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Which labels a result has: those of `names`, or where `open` all that the series have but those of `names`."""

    names: frozenset[str]
    open: bool

    def has(self, name: str) -> bool:
        """Say whether a label may be there."""
        return (name not in self.names) if self.open else name in self.names

    def without(self, names: frozenset[str]) -> "Labels":
        """Return what is left when labels are taken away."""
        return Labels(self.names | names if self.open else self.names - names, self.open)

    def only(self, names: frozenset[str]) -> "Labels":
        """Return what an aggregation by `names` keeps."""
        return Labels(frozenset(name for name in names if self.has(name)), open=False)

    def plus(self, names: frozenset[str]) -> "Labels":
        """Return what there is when labels are added."""
        return Labels(self.names - names if self.open else self.names | names, self.open)

    def either(self, other: "Labels") -> "Labels":
        """Return what a series of one or the other may have."""
        if self.open and other.open:
            return Labels(self.names & other.names, open=True)
        if self.open or other.open:
            wide, narrow = (self, other) if self.open else (other, self)
            return Labels(wide.names - narrow.names, open=True)
        return Labels(self.names | other.names, open=False)


_NONE = Labels(frozenset(), open=False)
_ALL = Labels(frozenset(), open=True)


@dataclass(frozen=True, slots=True)
class Query:
    """One expression. Two with equal `meaning` ask the same, whatever their thresholds are scaled by."""

    text: str
    type: str  # vector | scalar | matrix | string
    metrics: tuple[str, ...]
    matchers: frozenset[tuple[str, str, str, str]]  # metric, label, operator, value
    scope: frozenset[tuple[str, str, str, str]]  # the same, with those that follow: in `a{x="1"} / b` b is asked for x="1", too
    windows: frozenset[float]  # seconds of the ranges
    comparisons: tuple[tuple[str, float | None], ...]  # operator and threshold; a percentage is a share; None: another series
    groups: frozenset[str]  # labels that anything is aggregated or matched by
    functions: frozenset[str]
    labels: Labels  # what the result keeps

    @property
    def meaning(self) -> tuple[Any, ...]:
        """Return what decides whether two expressions ask the same; the scrape job does not, but where it is what is asked about."""
        scope = frozenset(one for one in self.scope if one[1] != "job" or one[0] == _TARGETS)
        return self.metrics, scope, self.windows, self.comparisons


@lru_cache(maxsize=4096)
def read(text: str) -> Query:
    """Read an expression.

    Raises:
        NotAQuery: it cannot be read.
        Unavailable: promql-parser is not installed.
    """
    if len(text) > MAX_CHARS:
        raise NotAQuery(f"{len(text)} characters, at most {MAX_CHARS} are read")
    try:
        tree = _parser()(text)
    except ValueError as error:
        raise NotAQuery(" ".join(str(error).split())) from None
    nodes = list(_nodes(tree))
    if len(nodes) > _MAX_NODES:
        raise NotAQuery(f"{len(nodes)} parts, at most {_MAX_NODES} are read")
    selectors = [node for node in nodes if _is(node, "VectorSelector")]
    matchers = frozenset((_name(node), *matcher) for node in selectors for matcher in _matchers(node))
    return Query(
        text,
        _type(tree),
        tuple(sorted(_name(node) for node in selectors)),
        matchers,
        frozenset(_scope(tree, frozenset())) if len(nodes) <= _SCOPED else matchers,
        frozenset(node.range.total_seconds() for node in nodes if _is(node, "MatrixSelector", "SubqueryExpr")),
        tuple(sorted((_comparison(node) for node in nodes if _is(node, "BinaryExpr") and str(node.op) in _COMPARISONS), key=str)),
        frozenset(label for node in nodes for label in _grouped(node)),
        frozenset(_verb(node) for node in nodes if _is(node, "Call", "AggregateExpr")),
        _kept(tree),
    )


def same(one: str, other: str) -> bool:
    """Say whether two expressions ask the same; one that cannot be read asks what nothing else asks."""
    if "".join(one.split()) == "".join(other.split()):
        return True
    try:
        return read(one).meaning == read(other).meaning
    except NotAQuery:
        return False


def load() -> None:
    """Load the parser.

    Raises:
        Unavailable: promql-parser is not installed.
    """
    _parser()


@cache
def _parser() -> Callable[[str], Any]:
    need("promql_parser", at_least="0.12", extra="alerts")
    import promql_parser

    parse: Callable[[str], Any] = promql_parser.parse
    return parse


def _is(node: Any, *names: str) -> bool:
    return type(node).__name__ in names


def _parts(node: Any) -> list[Any]:
    """Return what a node is made of."""
    if _is(node, "BinaryExpr"):
        return [node.lhs, node.rhs]
    if _is(node, "AggregateExpr"):
        return [node.expr, *([node.param] if node.param is not None else [])]
    if _is(node, "Call"):
        return list(node.args)
    if _is(node, "MatrixSelector"):
        return [node.vector_selector]
    return [node.expr] if _is(node, "ParenExpr", "UnaryExpr", "SubqueryExpr") else []


def _nodes(tree: Any) -> Iterator[Any]:
    """Yield every node."""
    open_nodes = [tree]
    while open_nodes:
        node = open_nodes.pop()
        yield node
        open_nodes.extend(_parts(node))


def _bare(node: Any) -> Any:
    while _is(node, "ParenExpr"):
        node = node.expr
    return node


def _type(node: Any) -> str:
    node = _bare(node)
    if _is(node, "StringLiteral"):
        return "string"
    if _is(node, "MatrixSelector", "SubqueryExpr"):
        return "matrix"
    return "scalar" if _is_scalar(node) else "vector"


def _is_scalar(node: Any) -> bool:
    node = _bare(node)
    if _is(node, "BinaryExpr"):
        return _is_scalar(node.lhs) and _is_scalar(node.rhs)
    if _is(node, "UnaryExpr"):
        return _is_scalar(node.expr)
    return _is(node, "NumberLiteral") or (_is(node, "Call") and node.func.name in _SCALARS)


def _name(selector: Any) -> str:
    named = next((m.value for m in selector.matchers.matchers if m.name == "__name__"), "")
    return str(selector.name or named)


_OPERATORS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


def _matchers(selector: Any) -> Iterator[tuple[str, str, str]]:
    """Yield label, operator and value; where alternatives are given (`or`), of all of them."""
    matchers = [*selector.matchers.matchers, *(one for several in selector.matchers.or_matchers for one in several)]
    for matcher in matchers:
        if matcher.name != "__name__":
            yield matcher.name, _OPERATORS[str(matcher.op).rpartition(".")[2]], matcher.value


Held = frozenset[tuple[str, str, str]]  # label, operator and value of what holds of all series of a node


def _held(node: Any) -> Held:
    """Return what holds of every series of a result, by the matchers inside."""
    node = _bare(node)
    if _is(node, "VectorSelector"):
        return frozenset(() if node.matchers.or_matchers else _matchers(node))
    if _is(node, "BinaryExpr"):
        left, right = _held(node.lhs), _held(node.rhs)
        if _is_scalar(node.lhs) or _is_scalar(node.rhs):
            return left | right
        found = left & right if str(node.op) == "or" else left if str(node.op) == "unless" else left | _across(node, right)
        return frozenset(one for one in found if _kept(node).has(one[0]))
    if _is(node, "Call") and node.func.name in (*_LABELLESS, *_ABSENT, *_CHANGES_LABELS):
        return frozenset()
    kept = _kept(node)
    return frozenset(one for part in _parts(node) for one in _held(part) if kept.has(one[0]))


def _across(node: Any, held: Held) -> Held:
    """Return what holds of one side of a binary operation because it holds of the other: what is said of labels that are matched."""
    matching = node.modifier.matching if node.modifier is not None else None
    if matching is None:
        return held
    on = str(matching.type).endswith("Include")
    return frozenset(one for one in held if (one[0] in matching.labels) == on)


def _scope(node: Any, given: Held) -> Iterator[tuple[str, str, str, str]]:
    """Yield metric, label, operator and value of what is asked of each selector; `given` holds of the result by what is around it."""
    node = _bare(node)
    if _is(node, "VectorSelector"):
        yield from ((_name(node), *one) for one in {*_matchers(node), *given})
        return
    if _is(node, "Call") and node.func.name in (*_LABELLESS, *_ABSENT, *_CHANGES_LABELS):
        given = frozenset()
    parts = [(part, given) for part in _parts(node)]
    if _is(node, "BinaryExpr") and not _is_scalar(node.lhs) and not _is_scalar(node.rhs):
        common = _across(node, given)
        left, right = (_across(node, _held(side)) for side in (node.lhs, node.rhs))
        if str(node.op) == "or":
            parts = [(node.lhs, given), (node.rhs, given)]
        else:
            parts = [(node.lhs, common if str(node.op) == "unless" else common | right), (node.rhs, common | left)]
    for part, known in parts:
        inner = _kept(part)
        yield from _scope(part, frozenset(one for one in known if inner.has(one[0])))


def _verb(node: Any) -> str:
    return str(node.func.name if _is(node, "Call") else node.op)


def _grouped(node: Any) -> list[str]:
    if _is(node, "AggregateExpr"):
        return list(node.modifier.labels) if node.modifier is not None else []
    matching = node.modifier.matching if _is(node, "BinaryExpr") and node.modifier is not None else None
    return list(matching.labels) if matching is not None else []


def _comparison(node: Any) -> tuple[str, float | None]:
    """Return the operator as seen from the series, and the number: of `x * 100 > 90` it is 0.9."""
    left, right = _number(node.lhs), _number(node.rhs)
    if right is not None:
        return str(node.op), _share(node.lhs, right)
    if left is not None:
        return _COMPARISONS[str(node.op)], _share(node.rhs, left)
    return str(node.op), None


def _share(node: Any, number: float) -> float:
    """Return a threshold without what its series is multiplied by: 0.9 for `100 * a / b > 90`."""
    factor = _factor(node)
    return float(f"{number / factor if factor > 0 and math.isfinite(factor) else number:.6g}")


def _factor(node: Any) -> float:
    """Return the constant of a product."""
    node = _bare(node)
    if _is(node, "BinaryExpr") and str(node.op) in ("*", "/"):
        return _ARITHMETIC[str(node.op)](_factor(node.lhs), _factor(node.rhs))
    number = _number(node)
    return 1.0 if number is None else number


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else math.nan,
}


def _number(node: Any) -> float | None:
    """Return the value of a constant, also of one that is reckoned, such as `24 * 3600`."""
    node = _bare(node)
    if _is(node, "NumberLiteral"):
        return float(node.val)
    if _is(node, "UnaryExpr"):
        inner = _number(node.expr)
        return None if inner is None else -inner
    if _is(node, "BinaryExpr") and str(node.op) in _ARITHMETIC:
        left, right = _number(node.lhs), _number(node.rhs)
        return None if left is None or right is None else _ARITHMETIC[str(node.op)](left, right)
    return None


def _kept(node: Any) -> Labels:
    """Return which labels the result of a node may have (prometheus promql/engine.go)."""
    node = _bare(node)
    if _is(node, "VectorSelector"):
        return _ALL.without(frozenset(label for label, op, value in _matchers(node) if op == "=" and value == ""))
    if _is(node, "AggregateExpr"):
        return _aggregated(node)
    if _is(node, "BinaryExpr"):
        return _matched(node)
    if _is(node, "Call"):
        return _called(node)
    if _is(node, "MatrixSelector", "SubqueryExpr", "UnaryExpr"):
        return _kept(_parts(node)[0])
    return _NONE


def _aggregated(node: Any) -> Labels:
    inner = _kept(node.expr)
    names = frozenset(node.modifier.labels) if node.modifier is not None else frozenset()
    if str(node.op) in _KEEPS_SERIES:
        return inner
    excludes = node.modifier is not None and str(node.modifier.type).endswith("Without")
    found = inner.without(names) if excludes else inner.only(names)
    return found.plus(frozenset((node.param.val,))) if str(node.op) == "count_values" and _is(node.param, "StringLiteral") else found


def _matched(node: Any) -> Labels:
    left, right = _kept(node.lhs), _kept(node.rhs)
    if _is_scalar(node.lhs) or _is_scalar(node.rhs):
        return right if _is_scalar(node.lhs) else left
    if str(node.op) in _SETS:
        return left.either(right) if str(node.op) == "or" else left
    modifier = node.modifier
    side = str(modifier.card).rpartition(".")[2] if modifier is not None else "OneToOne"
    if side in ("ManyToOne", "OneToMany"):
        many = left if side == "ManyToOne" else right
        return many.plus(frozenset(modifier.group_labels or ()))
    matching = modifier.matching if modifier is not None else None
    if matching is None:
        return left
    names = frozenset(matching.labels)
    return left.only(names) if str(matching.type).endswith("Include") else left.without(names)  # on (...) or ignoring (...)


def _called(node: Any) -> Labels:
    name, args = node.func.name, [arg for arg in node.args if not _is(arg, "NumberLiteral", "StringLiteral")]
    if name in _LABELLESS or not args:
        return _NONE
    if name in _ABSENT:
        inner = _bare(args[0])
        selector = inner.vector_selector if _is(inner, "MatrixSelector") else inner
        given = _matchers(selector) if _is(selector, "VectorSelector") else ()
        return Labels(frozenset(label for label, op, _ in given if op == "="), open=False)
    found = next((kept for arg in args if (kept := _kept(arg)) != _NONE), _NONE)
    if name in _DROPS_BUCKET:
        return found.without(frozenset(("le",)))
    if name in _CHANGES_LABELS and len(node.args) > 1 and _is(node.args[1], "StringLiteral"):
        return found.plus(frozenset((node.args[1].val,)))
    return found
