"""The rows of an export: what other programs get of a sample."""

from collections.abc import Mapping
from typing import Any

from kubestill.domains.api import Sample
from kubestill.pipeline.data import Record

PLACE = ("repository", "page", "path")
PROVENANCE = (*PLACE, "commit", "licence")
TAUGHT = ("teacher", "prompt", "origin")  # of what a teacher wrote: its model, the prompt with its version, the sample that it was shown
COLUMNS = ("id", "messages", "skill", "kind", "road", "notes", "forms", *PROVENANCE, *TAUGHT)
# Where no licence stands: ours, a model's whose maker says what its words may be used for, a real source's that says nothing.
INVENTED, TERMS, UNKNOWN = "invented", "teacher's terms", "unknown"


def row_of(record: Record) -> Record:
    """Return the row of a sample: chat messages, what it is about, where it comes from, who wrote it (empty texts where we invented it)."""
    source = record["source"]
    return {
        "id": record["id"],
        "messages": [{"role": "user", "content": record["request"]}, {"role": "assistant", "content": record["answer"]}],
        "skill": record["skill"],
        "kind": record["kind"],
        "road": record["road"],
        "notes": Sample.from_record(record).notes(),
        "forms": list(record["forms"]),
        **{name: str(source.get(name, "")) for name in (*PROVENANCE, *TAUGHT)},
    }


def licence_of(source: Mapping[str, Any]) -> str:
    """Return the licence of a sample's source, or of a row, or why none stands there."""
    if source.get("licence"):
        return str(source["licence"])
    if any(source.get(name) for name in PLACE):
        return UNKNOWN
    return TERMS if source.get("teacher") else INVENTED
