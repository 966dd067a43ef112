"""How fast is a verdict? Documents per CPU-second from text to verdict, beside peers in the same run; and the start of the command.

    python bench/checks_speed.py [--data ../shared/data] [--documents 4000] [--rounds 3]

Real manifests. Peers: PyYAML's C parser alone (events, nothing judged), and kubernetes_validate with PyYAML (a schema checker).
Memory: the peak of one process that checks the documents many times over, fifty times as many in the second run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median

import kubernetes_validate
import yaml

from kubestill.domains.kubernetes.kubernetes import domain
from kubestill.ground.records import read_records
from kubestill.pipeline.surroundings import commit, hardware

_MEMORY = """
import resource, sys
from pathlib import Path
from kubestill.pipeline.linting import Asked, Lint
count = sum(1 for _ in Lint(Asked(together=False)).files([Path(sys.argv[1])]))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def rate(rounds: Sequence[Sequence[str]], work: Callable[[str], object]) -> float:
    """Return documents per CPU-second: the median of the rounds after the first, which warms up. No text comes twice."""
    found = []
    for texts in rounds:
        start = time.process_time()
        for text in texts:
            work(text)
        found.append(len(texts) / (time.process_time() - start))
    return median(found[1:])


def events(text: str) -> None:
    """Parse only, as PyYAML's C parser can."""
    for _ in yaml.parse(text, Loader=yaml.CSafeLoader):
        pass


def schema_only(text: str) -> None:
    """Judge by the published schema, strictly, as schema checkers do."""
    with suppress(Exception):  # a refusal is a verdict, too
        kubernetes_validate.validate(yaml.load(text, Loader=yaml.CSafeLoader), "1.36", strict=True)


def start_seconds(text: str) -> float:
    """Return the time from start to verdict for one file: the best of ten, since other work only adds to it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.yaml")
        path.write_text(text)
        found = []
        for _ in range(10):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "kubestill", "check", str(path)], check=False, capture_output=True)
            found.append(time.perf_counter() - start)
    return min(found)


def peak_mib(texts: Sequence[str], times: int) -> tuple[int, int]:
    """Return (documents, MiB at most) of a process that checks a folder of some files with all texts."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(times):
            Path(folder, f"{number}.yaml").write_text("".join(f"---\n{text}\n" for text in texts))
        done = subprocess.run([sys.executable, "-c", _MEMORY, folder], check=True, capture_output=True, text=True)
    count, peak = done.stdout.split()
    return int(count), int(peak)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--documents", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    rows = list(read_records(asked.data / "manifests.jsonl.gz"))
    rounds = [[row["text"] for row in rows[place :: asked.rounds + 1]][: asked.documents] for place in range(asked.rounds + 1)]
    texts = rounds[0]
    ours = domain()
    rates = {
        "kubestill": rate(rounds, lambda text: ours.check_text(text, "a.yaml")),
        "pyyaml_events": rate(rounds, events),
        "kubernetes_validate": rate([texts[:50], texts[50:250]], schema_only),
    }
    start = start_seconds(texts[0])
    (few, low), (many, high) = peak_mib(texts[:2000], 1), peak_mib(texts[:2000], 50)
    for name, value in rates.items():
        print(f"{name}: {value:,.0f} documents a CPU-second ({rates['kubestill'] / value:.2f}x as fast is kubestill)")
    print(f"start to verdict, one file: {start:.2f} s; memory: {low} MiB for {few:,} documents, {high} MiB for {many:,}")
    figures = {**{f"{name}_per_second": round(value) for name, value in rates.items()}, "start_seconds": round(start, 3)}
    memory = {"few": [few, low], "many": [many, high]}
    print(
        json.dumps(
            {"bench": "checks_speed", **figures, "memory_mib": memory, "documents": len(texts), "hardware": hardware(), "commit": commit()}
        )
    )


if __name__ == "__main__":
    main()
