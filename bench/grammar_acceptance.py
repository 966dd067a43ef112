"""Does the grammar of a kind take every valid real manifest, and is everything that it allows valid?

    python bench/grammar_acceptance.py [--data ../shared/data] [--walks 3000] [--misses]

Acceptance: documents that the recorded API server accepted, and those that pass our own syntax, schema and rules, printed again in
one style (`printing.dump`); a null says as much as an absent field, so documents are also counted without their nulls. Walks:
documents drawn under the mask, byte by byte, over all built-in kinds in turn; what our own checks then find of syntax and schema is
counted (keys that stand twice, too), and walks that end nowhere. Compile times are of one process's CPU, on a vocabulary of bytes.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median
from time import process_time
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLTokenizer

from kubestill.domains.kubernetes.grammars.manifest import manifest_grammar
from kubestill.domains.kubernetes.grammars.repeats import bans
from kubestill.domains.kubernetes.kubernetes import Kubernetes
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.schema import schemas
from kubestill.ground.intervals import wilson
from kubestill.ground.records import read_records
from kubestill.pipeline.surroundings import commit, hardware
from kubestill.tools.checks.api import Tier

BYTES = LLTokenizer("byte")
Kind = tuple[str, str]


class Matcher:
    """A grammar of one kind over single bytes."""

    def __init__(self, kind: Kind) -> None:
        start = process_time()
        self.text = manifest_grammar([kind], schemas()).text
        written = process_time()
        self._matcher = LLMatcher(BYTES, LLMatcher.grammar_from_lark(self.text), log_level=0)
        self.write_seconds, self.compile_seconds = written - start, process_time() - written
        assert not self._matcher.is_error(), self._matcher.get_error()

    def taken(self, text: str) -> int:
        """Return how many bytes of a text are taken; one more where the text is whole."""
        matcher, data = self._matcher.deep_copy(), text.encode()
        taken: int = matcher.try_consume_tokens(list(data))
        return taken + (taken == len(data) and matcher.is_accepting())

    def walk(self, rng: Random, limit: int = 1500) -> tuple[str, str]:
        """Draw a document; return it with how the walk ended."""
        matcher, written = self._matcher.deep_copy(), bytearray()
        while len(written) < 4 * limit:
            bits = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
            allowed = [int(one) for one in np.flatnonzero(np.unpackbits(bits, bitorder="little"))]
            allowed = [one for one in allowed if one == BYTES.eos_token or not repeats(bytes(written), one)]
            if not allowed:
                return written.decode("utf-8", "replace"), "dead"
            if BYTES.eos_token in allowed and (len(allowed) == 1 or len(written) > limit // 4 or rng.random() < 0.05):
                return written.decode("utf-8", "replace"), "done"
            one = rng.choices(allowed, [weight(one, written, limit) for one in allowed])[0]
            written.append(one)
            if not matcher.consume_token(one):
                return written.decode("utf-8", "replace"), "refused"
        return written.decode("utf-8", "replace"), "long"


def weight(byte: int, written: bytearray, limit: int) -> float:
    """Return how likely a byte is drawn: lines end soon, and once a document is long it closes what is open."""
    if byte == BYTES.eos_token:
        return 0.0
    is_long = len(written) > limit // 4
    if byte == 10:
        return 8.0
    if is_long and byte in b"{[":
        return 60.0
    return 0.05 if len(written) > limit // 2 and byte == 32 and written[-1:] in (b"\n", b" ") else 1.0


def repeats(written: bytes, byte: int) -> bool:
    """Return whether a byte would end a key a second time."""
    if byte != ord(":") or b": " in written.rpartition(b"\n")[2]:
        return False  # a value, not a key
    return ":" in bans(written.decode("utf-8", "replace"))


def without_nulls(value: Any) -> Any:
    """Return a value as the server reads it: a field that is null is absent."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def valid(data: Path) -> Iterator[tuple[Kind, dict[str, Any]]]:
    """Yield every real manifest that the server accepted or that passes our checks."""
    verdicts = {record["sha256_16"]: record["verdict"] for record in read_records(data / "api-server-manifests.jsonl.gz")}
    domain, known = Kubernetes(), schemas()
    for record in read_records(data / "manifests.jsonl.gz"):
        kind = (record["apiVersion"], record["kind"])
        if not known.knows(*kind):
            continue
        verdict = verdicts.get(record["sha256_16"])
        if verdict == "accepted" or (verdict != "rejected" and not domain.check_text(record["text"], "x")[0].verdict.failed_on):
            yield kind, dict(read(record["text"]).manifests[0].object)


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--walks", type=int, default=3000)
    parser.add_argument("--misses", action="store_true", help="print where each document was refused, and each finding on a walk")
    options = parser.parse_args()
    matchers: dict[Kind, Matcher] = {}
    counts = {**accept(options.data, matchers, options.misses), **walk(options.walks, matchers, options.misses)}
    written, compiled = ([1000 * getattr(one, name) for one in matchers.values()] for name in ("write_seconds", "compile_seconds"))
    times = {"write_ms_median": median(written), "write_ms_max": max(written), "compile_ms_median": median(compiled)}
    times |= {"compile_ms_max": max(compiled)}
    print(", ".join(f"{name} {value:.1f}" for name, value in times.items()), f"over {len(matchers)} kinds (CPU)")
    rounded = {name: round(value, 2) for name, value in times.items()}
    print(json.dumps({"bench": "grammar_acceptance", **counts, **rounded, "hardware": hardware(), "commit": commit()}))


def accept(data: Path, matchers: dict[Kind, Matcher], misses: bool) -> dict[str, Any]:
    """Print how many real manifests are taken, and where the others are not."""
    counts: Counter[str] = Counter()
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for kind, value in valid(data):
        matcher = matchers.setdefault(kind, Matcher(kind)) if kind not in matchers else matchers[kind]
        pruned, text = dump(without_nulls(value)), dump(value)
        counts.update(documents=1, as_written=matcher.taken(text) > len(text.encode()))
        taken = matcher.taken(pruned)
        whole = taken > len(pruned.encode())
        counts.update(accepted=whole)
        if not whole:
            before = pruned.encode()[:taken].decode("utf-8", "ignore")
            line = before.rpartition("\n")[2] + pruned[len(before) :].partition("\n")[0]
            reasons[line.strip(" -").partition(":")[0][:40]].append(f"{kind[1]}: {line.strip()[:80]}")
    low, high = wilson(counts["accepted"], counts["documents"])
    share = counts["accepted"] / max(1, counts["documents"])
    print(
        f"accepted {counts['accepted']:,} of {counts['documents']:,} ({share:.2%}, 95 % {low:.2%}-{high:.2%}); with nulls "
        f"{counts['as_written']:,}"
    )
    for key, lines in sorted(reasons.items(), key=lambda one: -len(one[1])):
        print(f"  {len(lines)} x {key}: {' | '.join(dict.fromkeys(lines if misses else lines[:2]))}")
    return {**counts, "low": round(low, 5), "high": round(high, 5)}


def walk(many: int, matchers: dict[Kind, Matcher], misses: bool) -> dict[str, Any]:
    """Print how many drawn documents are without a fault of syntax or schema."""
    rng, domain, counts = Random(20261126), Kubernetes(), Counter[str]()
    kinds = [(kind.api_version, kind.kind) for kind in schemas().kinds()]
    for number in range(many):
        kind = kinds[number % len(kinds)]
        text, end = matchers.setdefault(kind, Matcher(kind)).walk(rng) if kind not in matchers else matchers[kind].walk(rng)
        counts[f"walks_{end}"] += 1
        if end != "done":
            continue
        verdicts = domain.check_text(text, "x")
        found = {one.code for verdict in verdicts for one in verdict.verdict.findings if one.tier in (Tier.SYNTAX, Tier.SCHEMA)}
        counts["walks_valid"] += not found and len(verdicts) == 1
        counts.update(f"walks_{code}" for code in found)
        if misses and found:
            print(kind, sorted(found), text)
    _, high = wilson(counts["walks_done"] - counts["walks_valid"], counts["walks_done"])
    print(f"walks: {dict(sorted(counts.items()))}; share at fault at most {high:.3%}")
    return {**counts, "walks_fault_high": round(high, 5)}


if __name__ == "__main__":
    main()
