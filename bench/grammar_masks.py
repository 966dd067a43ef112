"""What a grammar costs: compiling it cold and warm, and a mask, at several sizes of vocabulary; and what drafts are worth.

    python bench/grammar_masks.py [--data ../shared/data] [--kind apps/v1/Deployment] [--sizes 8192 32768] [--manifests 60]

Masks are taken along real manifests that the grammar accepts, in fresh sessions: a mask is dear where the lexer comes for the first time.
A check asks for one token only, as a greedy decoder does before it asks for a mask. `forced_strangely` counts forced tokens that are
not the tokenizer's own for that text.
Times are processor time of the thread, since other work may share the machine. Drafts are learned from manifests of four fifths of the
repositories and tried on the others; a pass with k drafted tokens is counted as 1 + 0.22 k passes (the probe's price of a 5 M model).
bench/xgrammar_masks.py compares with XGrammar what both can read.
"""

import argparse
import importlib.util
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from kubestill.domains.kubernetes.printing import dump
from kubestill.ground.records import read_records
from kubestill.ground.seeds import held_out
from kubestill.pipeline.surroundings import commit, hardware
from kubestill.tools.grammar.api import Grammar, Step
from kubestill.tools.grammar.compile import Compiler
from kubestill.tools.grammar.drafts import Drafts
from kubestill.tools.grammar.pieces import Pieces
from kubestill.tools.modeling.tokenizer import train_tokenizer

PRICE = 0.22  # of a drafted token, in passes
STAND_IN = Grammar(
    'start: "apiVersion: " WORD "\\nkind: " WORD "\\n" (line)+\nline: INDENT KEY ":" (" " VALUE)? "\\n"\nINDENT: /( |- )*/\n'
    "KEY: /[A-Za-z][A-Za-z0-9._\\/-]*/\nWORD: /[A-Za-z0-9.\\/]+/\nVALUE: /[^ \\n][^\\n]*/",
    name="stand-in",
)


def manifests(data: Path) -> Iterator[tuple[bool, str, str]]:
    """Yield (held out by its repository, api version/kind, text in one style)."""
    for row in read_records(data / "manifests.jsonl.gz"):
        if len(row["text"]) > 6000:
            continue
        try:
            value = yaml.load(row["text"], Loader=yaml.CSafeLoader)
            yield held_out("repository", row["repo"]), f"{row['apiVersion']}/{row['kind']}", dump(value)
        except (yaml.YAMLError, AttributeError, TypeError, ValueError):
            continue  # several documents, or no manifest


def grammar_of(kind: str) -> Grammar:
    """Return the domain's grammar of a kind, or a stand-in where the domain has none."""
    if importlib.util.find_spec("kubestill.domains.kubernetes.grammars.manifest") is None:
        return STAND_IN
    from kubestill.domains.kubernetes.grammars.manifest import manifest_grammar
    from kubestill.domains.kubernetes.schema import schemas

    api_version, _, name = kind.rpartition("/")
    return manifest_grammar([(api_version, name)], schemas())


def milliseconds(work: Callable[[], object], times: int) -> float:
    """Return the median of the thread's processor time."""
    found = []
    for _ in range(times):
        start = time.thread_time()
        work()
        found.append(time.thread_time() - start)
    return round(float(np.median(found)) * 1e3, 3)


def measure(pieces: Pieces, grammar: Grammar, texts: Sequence[str]) -> dict[str, Any]:
    """Return the figures of one vocabulary; `rejected` counts manifests that the grammar does not accept."""
    pieces.tokenizer  # noqa: B018 # made once for all grammars
    Compiler(pieces).compile(STAND_IN)
    cold = milliseconds(lambda: Compiler(pieces).compile(grammar), 5)
    compiler = Compiler(pieces)
    compiler.compile(grammar)
    figures: dict[str, Any] = {"vocabulary": pieces.size, "compile_cold_ms": cold}
    figures["start_warm_ms"] = milliseconds(lambda: compiler.session(Step(grammar)), 50)
    bits = np.zeros((1, -(-pieces.size // 32)), np.int32)
    masks, checks, forced, strange, tokens, rejected = [], [], 0, 0, 0, 0
    for text in texts:
        session, spelled = compiler.session(Step(grammar)), [*pieces.encode(text), pieces.end]
        if session.valid(spelled) < len(spelled):
            rejected += 1
            continue
        session = compiler.session(Step(grammar))
        certain = 0
        for place, token in enumerate(spelled):
            start = time.thread_time()
            session.valid([token])
            checks.append(time.thread_time() - start)
            start = time.thread_time()
            session.fill(bits)
            masks.append(time.thread_time() - start)
            if place >= certain:
                must = session.forced()
                forced += len(must)
                strange += must != spelled[place : place + len(must)]
                certain = place + max(1, len(must))
            session.take(token)
        tokens += len(spelled)
    for name, found in (("mask", masks), ("check", checks)):
        figures |= {f"{name}_p{q}_us": round(float(np.percentile(found, q)) * 1e6, 1) if found else 0.0 for q in (50, 99)}
    return {
        **figures,
        "forced_share": round(forced / max(1, tokens), 4),
        "forced_strangely": strange,
        "masks": len(masks),
        "rejected": rejected,
    }


def drafts(pieces: Pieces, learned: Sequence[str], tried: Sequence[str]) -> dict[str, Any]:
    """Return what drafts are worth where a greedy model writes the manifests of other repositories."""
    table = Drafts.learn((pieces.encode(text) for text in learned), pieces.digest)
    passes = drafted = held = tokens = 0
    seconds = 0.0
    for text in tried:
        spelled, place = pieces.encode(text), 1
        while place < len(spelled):
            start = time.thread_time()
            guess = table.propose(spelled[:place], 8)
            seconds += time.thread_time() - start
            right = next((n for n, token in enumerate(guess) if spelled[place + n : place + n + 1] != [token]), len(guess))
            passes, drafted, held, place = passes + 1, drafted + len(guess), held + right, place + right + 1
        tokens += len(spelled) - 1
    return {
        "contexts": len(table.contexts),
        "accepted_a_pass": round(held / passes, 3),
        "drafted_a_pass": round(drafted / passes, 3),
        "speed_up": round(tokens / (passes + PRICE * drafted), 3),
        "propose_us": round(seconds / passes * 1e6, 1),
        "learned": len(learned),
        "tried": len(tried),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--kind", default="apps/v1/Deployment")
    parser.add_argument("--sizes", type=int, nargs="+", default=[8192, 32768])
    parser.add_argument("--manifests", type=int, default=60)
    asked = parser.parse_args()
    rows = list(manifests(asked.data))
    grammar = grammar_of(asked.kind)
    texts = [text for _, kind, text in rows if kind == asked.kind][: asked.manifests]
    figures = []
    for size in asked.sizes:
        tokenizer = train_tokenizer((text for held, _, text in rows if not held), size, "spell")
        end = tokenizer.token_to_id("<|end|>")
        assert end is not None
        pieces = Pieces.of_tokenizer(tokenizer, end)
        figures.append(measure(pieces, grammar, texts))
        print(figures[-1])
    learned, tried = [text for held, _, text in rows if not held], [text for held, _, text in rows if held][::20]
    worth = drafts(pieces, learned, tried)
    print(worth)
    names = {"bench": "grammar_masks", "grammar": grammar.name or asked.kind, "characters": len(grammar.text)}
    print(json.dumps({**names, "sizes": figures, "drafts": worth, "hardware": hardware(), "commit": commit()}))


if __name__ == "__main__":
    main()
