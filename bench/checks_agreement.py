"""Do the offline checks agree with a real API server? Beside them, the strict schema alone, in the same run.

    python bench/checks_agreement.py [--data ../shared/data]

Reads the recorded verdicts of a 1.36.2 API server (POST, dryRun=All, fieldValidation=Strict) on real manifests and on planted faults.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubestill.domains.kubernetes.fullpass import full_pass
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.schema import schemas
from kubestill.ground.records import read_records
from kubestill.pipeline.surroundings import commit, hardware


def judged(data: Path) -> Iterator[tuple[str, bool, str]]:
    """Yield (set, whether the server rejected it, text)."""
    texts = {record["sha256_16"]: record["text"] for record in read_records(data / "manifests.jsonl.gz")}
    for record in read_records(data / "api-server-manifests.jsonl.gz"):
        if record["verdict"] in ("accepted", "rejected"):
            yield "real", record["verdict"] == "rejected", texts[record["sha256_16"]]
    with gzip.open(data / "api-server-mutants.jsonl.gz", "rt") as lines:
        for line in lines:
            record: dict[str, Any] = json.loads(line)
            yield "mutants", bool(record["rejected"]), dump(record["object"])


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    counts: dict[str, int] = {}
    for name, rejected, text in judged(data):
        manifests = read(text).manifests
        ours = not full_pass(text).passed
        schema = not manifests or bool(schemas().findings(manifests[0].object))
        side = "rejected" if rejected else "accepted"
        for key, said in (("all", True), ("checks", ours == rejected), ("schema", schema == rejected)):
            counts[f"{name}.{side}.{key}"] = counts.get(f"{name}.{side}.{key}", 0) + said
    for name in ("real", "mutants"):
        for side in ("accepted", "rejected"):
            total, ours, schema = (counts.get(f"{name}.{side}.{key}", 0) for key in ("all", "checks", "schema"))
            agreed = f"our checks agree on {ours:,} ({ours / total:.1%}), the schema alone on {schema:,} ({schema / total:.1%})"
            print(f"{name}, {side} by the server: {total:,}; {agreed}")
    print(json.dumps({"bench": "checks_agreement", **counts, "hardware": hardware(), "commit": commit()}))


if __name__ == "__main__":
    main()
