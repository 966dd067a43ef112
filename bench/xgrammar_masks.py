"""Masks and compile times of the same grammars in llguidance and in XGrammar, along the same real manifests.

    pip install --no-deps xgrammar==0.2.8 apache-tvm-ffi       (with all that it names it takes a gigabyte; absent, nothing is compared)
    python bench/xgrammar_masks.py [--data ../shared/data] [--sizes 8192 32768] [--manifests 40]

What both can read is compared: a small kind and lines of block YAML, each written once in Lark and once in EBNF, and the JSON schema of a
Deployment. Our own grammar of a Deployment in block YAML (keys in any order, each once, required ones present) has no EBNF of any bearable
size: `ours` are its figures along the same manifests. `same` counts the places where both allow the same tokens. Times are processor time
of the thread; XGrammar compiles in one thread and keeps nothing between two compiles, as llguidance here. The last line is JSON.
"""

import argparse
import importlib.util
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml
from grammar_masks import grammar_of, manifests
from llguidance import LLMatcher
from numpy.typing import NDArray

from kubestill.domains.kubernetes.schema import schemas
from kubestill.pipeline.surroundings import commit, hardware
from kubestill.tools.grammar.api import Grammar
from kubestill.tools.grammar.pieces import Pieces
from kubestill.tools.modeling.tokenizer import train_tokenizer

DEPLOYMENT, SMALL = "apps/v1/Deployment", "v1/ConfigMap"
COMPILES = 3  # of which the median is told
NOT_THERE = "xgrammar: not installed, not compared (pip install --no-deps xgrammar==0.2.8 apache-tvm-ffi)"
SMALL_LARK = """start: "apiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n" NAME NAMESPACE? "data:\\n" ENTRY+
NAME: /  name: [^ \\n]{1,40}\\n/
NAMESPACE: /  namespace: [^ \\n]{1,40}\\n/
ENTRY: /  [^ \\n:]{1,40}: [^\\n]{1,80}\\n/
"""
SMALL_EBNF = """root ::= "apiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n" name namespace? "data:\\n" entry+
name ::= "  name: " [^ \\n]{1,40} "\\n"
namespace ::= "  namespace: " [^ \\n]{1,40} "\\n"
entry ::= "  " [^ \\n:]{1,40} ": " [^\\n]{1,80} "\\n"
"""
LINES_LARK = """start: "apiVersion: " WORD "\\nkind: " WORD "\\n" (line)+
line: INDENT KEY ":" (" " VALUE)? "\\n"
INDENT: /( |- )*/
KEY: /[A-Za-z][A-Za-z0-9._\\/-]*/
WORD: /[A-Za-z0-9.\\/]+/
VALUE: /[^ \\n][^\\n]*/
"""
LINES_EBNF = """root ::= "apiVersion: " word "\\nkind: " word "\\n" line+
line ::= indent key ":" (" " value)? "\\n"
indent ::= (" " | "- ")*
key ::= [A-Za-z] [A-Za-z0-9._/-]*
word ::= [A-Za-z0-9./]+
value ::= [^ \\n] [^\\n]*
"""


class Led(Protocol):
    """A grammar at one place of one text."""

    def fill(self, bits: NDArray[np.int32]) -> None:
        """Write which tokens may follow."""
        ...

    def take(self, token: int) -> bool:
        """Go on with a token; False where it may not follow."""
        ...


class Theirs:
    """XGrammar over one vocabulary, whose special tokens no text may hold."""

    def __init__(self, pieces: Pieces) -> None:
        import xgrammar

        self.module, self.end = xgrammar, pieces.end
        special = set(pieces.special.values())
        tokens = [b"" if token in special else text for token, text in enumerate(pieces.tokens)]
        told = xgrammar.TokenizerInfo(tokens, xgrammar.VocabType.RAW, vocab_size=pieces.size, stop_token_ids=[pieces.end])
        self.compiler = xgrammar.GrammarCompiler(told, max_threads=1, cache_enabled=False)

    def ebnf(self, text: str) -> Any:
        """Compile a grammar in EBNF."""
        return self.compiler.compile_grammar(text)

    def schema(self, text: str) -> Any:
        """Compile a JSON schema, of texts without blanks."""
        return self.compiler.compile_json_schema(text, any_whitespace=False, separators=(",", ":"))

    def start(self, compiled: Any) -> "_Theirs":
        """Begin a text."""
        return _Theirs(self.module.GrammarMatcher(compiled))


class _Theirs:
    def __init__(self, matcher: Any) -> None:
        self.matcher = matcher

    def fill(self, bits: NDArray[np.int32]) -> None:
        if not self.matcher.fill_next_token_bitmask(bits):
            bits[:] = -1

    def take(self, token: int) -> bool:
        return bool(self.matcher.accept_token(token))


class Ours:
    """llguidance over the same vocabulary, without what a session adds to it."""

    def __init__(self, pieces: Pieces) -> None:
        self.tokenizer, self.end = pieces.tokenizer, pieces.end

    def lark(self, text: str) -> LLMatcher:
        """Compile a grammar in Lark."""
        return self._made(f'%llguidance {{"no_forcing": true}}\n{text}')

    def schema(self, text: str) -> LLMatcher:
        """Compile a JSON schema, of texts without blanks."""
        told = {**json.loads(text), "x-guidance": {"whitespace_flexible": False}}
        return self._made(f'%llguidance {{"no_forcing": true}}\nstart: %json {json.dumps(told)}')

    def _made(self, text: str) -> LLMatcher:
        matcher = LLMatcher(self.tokenizer, text, log_level=0)
        assert not matcher.is_error(), matcher.get_error()
        return matcher

    def start(self, compiled: LLMatcher) -> "_Ours":
        """Begin a text."""
        return _Ours(compiled.deep_copy(), self.end)


class _Ours:
    def __init__(self, matcher: LLMatcher, end: int) -> None:
        self.matcher, self.end = matcher, end

    def fill(self, bits: NDArray[np.int32]) -> None:
        self.matcher.unsafe_compute_mask_ptr(bits.ctypes.data, bits.nbytes)

    def take(self, token: int) -> bool:
        return token == self.end or bool(self.matcher.try_consume_tokens([token]))


@dataclass(frozen=True)
class Pair:
    """One language in the two spellings, and texts of which most belong to it."""

    ours: Callable[[Ours], LLMatcher]
    theirs: Callable[[Theirs], Any] | None
    texts: Sequence[str]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[8192, 32768])
    parser.add_argument("--manifests", type=int, default=40)
    asked = parser.parse_args()
    there = importlib.util.find_spec("xgrammar") is not None
    if not there:
        print(NOT_THERE)
    rows = list(manifests(asked.data))
    pairs = compared({kind: [text for _, one, text in rows if one == kind] for kind in (DEPLOYMENT, SMALL)})
    figures: dict[str, dict[str, Any]] = {}
    for size in asked.sizes:
        tokenizer = train_tokenizer((text for held, _, text in rows if not held), size, "spell")
        end = tokenizer.token_to_id("<|end|>")
        assert end is not None
        pieces = Pieces.of_tokenizer(tokenizer, end)
        figures[str(pieces.size)] = {name: measured(pieces, pair, asked.manifests, there) for name, pair in pairs.items()}
        for name, found in figures[str(pieces.size)].items():
            print(f"{pieces.size:6} {name:10} {json.dumps(found)}")
    print(json.dumps({"bench": "xgrammar_masks", "sizes": figures, "hardware": hardware(), "commit": commit()}))


def compared(texts: Mapping[str, Sequence[str]]) -> dict[str, Pair]:
    """Return what is compared, along the texts of the two kinds."""
    schema = json_schema(DEPLOYMENT)
    written = json.dumps(schema)
    found = {
        "small": Pair(lambda one: one.lark(SMALL_LARK), lambda one: one.ebnf(SMALL_EBNF), texts[SMALL]),
        "lines": Pair(lambda one: one.lark(LINES_LARK), lambda one: one.ebnf(LINES_EBNF), texts[DEPLOYMENT]),
        "json": Pair(lambda one: one.schema(written), lambda one: one.schema(written), as_json(texts[DEPLOYMENT], schema)),
    }
    own: Grammar = grammar_of(DEPLOYMENT)
    return found | {"ours": Pair(lambda one: one.lark(own.text), None, texts[DEPLOYMENT])}


def measured(pieces: Pieces, pair: Pair, count: int, there: bool) -> dict[str, Any]:
    """Return the figures of one language along the first `count` texts of it; `times` is how many times as long XGrammar takes."""
    ours = Ours(pieces)
    compiled, cold = compile_time(lambda: pair.ours(ours))
    starts: dict[str, Callable[[], Led]] = {"llguidance": lambda: ours.start(compiled)}
    figures: dict[str, Any] = {"llguidance": {"compile_ms": cold}}
    if there and pair.theirs is not None:
        read, theirs = pair.theirs, Theirs(pieces)
        made, cold = compile_time(lambda: read(theirs))
        starts["xgrammar"] = lambda: theirs.start(made)
        figures["xgrammar"] = {"compile_ms": cold}
    masks: dict[str, list[float]] = {name: [] for name in starts}
    takes: dict[str, list[float]] = {name: [] for name in starts}
    texts = fitting(compiled, pieces, pair.texts, count)
    walked = [walk(starts, tokens, pieces.size, (masks, takes)) for tokens in texts]
    places, same, whole = (sum(column) for column in zip(*walked, strict=True))
    for name in starts:
        at = {f"mask_p{q}_us": round(float(np.percentile(masks[name], q)), 1) for q in (50, 99)}
        figures[name] |= {
            **at,
            "mask_mean_us": round(float(np.mean(masks[name])), 1),
            "take_mean_us": round(float(np.mean(takes[name])), 1),
        }
    if "xgrammar" in figures:
        figures["times"] = {key: round(figures["xgrammar"][key] / max(0.1, figures["llguidance"][key]), 2) for key in figures["llguidance"]}
    return {**figures, "texts": len(texts), "whole": whole, "places": places, **({"same": same} if "xgrammar" in figures else {})}


def compile_time(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what was compiled, and the median of the milliseconds."""
    found, spent = None, []
    for _ in range(COMPILES):
        started = time.thread_time()
        found = work()
        spent.append(time.thread_time() - started)
    return found, round(1e3 * float(np.median(spent)), 2)


def fitting(compiled: LLMatcher, pieces: Pieces, texts: Iterable[str], count: int) -> list[list[int]]:
    """Return the tokens of the first `count` texts that a grammar accepts, the end after them."""
    found: list[list[int]] = []
    for text in texts:
        matcher, tokens = compiled.deep_copy(), pieces.encode(text)
        if matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting():
            found.append([*tokens, pieces.end])
        if len(found) == count:
            break
    return found


Times = tuple[dict[str, list[float]], dict[str, list[float]]]


def walk(starts: Mapping[str, Callable[[], Led]], tokens: Sequence[int], size: int, times: Times) -> tuple[int, int, bool]:
    """Follow a text in each way as far as all accept it; return its places, how many have equal masks, and whether it is whole."""
    led = {name: start() for name, start in starts.items()}
    bits = {name: np.zeros(-(-size // 32), np.int32) for name in led}
    same = 0
    for place, token in enumerate(tokens):
        for name, one in led.items():
            started = time.thread_time_ns()
            one.fill(bits[name])
            times[0][name].append((time.thread_time_ns() - started) / 1e3)
        shown = [np.unpackbits(row.view(np.uint8), count=size, bitorder="little") for row in bits.values()]
        same += all(np.array_equal(shown[0], other) for other in shown[1:])
        for name, one in led.items():
            started = time.thread_time_ns()
            taken = one.take(token)
            times[1][name].append((time.thread_time_ns() - started) / 1e3)
            if not taken:
                return place, same, False
    return len(tokens), same, True


# The JSON schema of a kind, as both read it


def json_schema(kind: str) -> dict[str, Any]:
    """Return the schema of a kind with what it refers to: closed objects, no nulls, no descriptions."""
    known = schemas()
    (name,) = [name for one, name in known.names.items() if f"{one.api_version}/{one.kind}" == kind]
    waiting, held = [name], dict[str, Any]()
    while waiting:
        at = waiting.pop()
        if at not in held:
            held[at] = _plain(known.definitions[at])
            waiting += _referred(held[at])
    return {"$ref": f"#/$defs/{name}", "$defs": held}


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of a schema what shapes a text."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    if "oneOf" in schema:
        return {"anyOf": [_plain(one) for one in schema["oneOf"]]}
    types = [one for one in (schema["type"] if isinstance(schema.get("type"), list) else [schema.get("type", "object")]) if one != "null"]
    found: dict[str, Any] = {"type": types[0]}
    if "enum" in schema:
        found["enum"] = [one for one in schema["enum"] if one is not None]
    if "properties" in schema:
        found |= {"properties": {key: _plain(one) for key, one in schema["properties"].items()}, "additionalProperties": False}
        found["required"] = list(schema.get("required", ()))
    elif isinstance(schema.get("additionalProperties"), dict):
        found["additionalProperties"] = _plain(schema["additionalProperties"])
    if "items" in schema:
        found["items"] = _plain(schema["items"])
    return found


def _referred(schema: Any) -> Iterable[str]:
    """Yield the names of the definitions that a schema refers to."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rsplit("/", 1)[1]
        for one in schema.values():
            yield from _referred(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from _referred(one)


def as_json(texts: Sequence[str], schema: Mapping[str, Any]) -> list[str]:
    """Return manifests as JSON, their keys in the schema's order: in JSON both take no other."""
    found = []
    for text in texts:
        value = _sorted(yaml.load(text, Loader=yaml.CSafeLoader), schema, schema["$defs"])
        found.append(json.dumps(value, separators=(",", ":"), ensure_ascii=False))
    return found


def _sorted(value: Any, schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    while "$ref" in schema:
        schema = known[schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, list):
        return [_sorted(one, schema.get("items", {}), known) for one in value]
    if not isinstance(value, dict):
        return value
    told = schema.get("properties", {})
    keys = [*(key for key in told if key in value), *(key for key in value if key not in told)]
    return {
        key: _sorted(value[key], told.get(key, schema.get("additionalProperties") or {}), known) for key in keys if value[key] is not None
    }


if __name__ == "__main__":
    main()
