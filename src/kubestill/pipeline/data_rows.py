"""The rows of an export: what other programs get of a sample."""

from kubestill.domains.api import Sample
from kubestill.pipeline.data import Record

PROVENANCE = ("repository", "page", "path", "commit", "licence")
COLUMNS = ("id", "messages", "skill", "kind", "road", "notes", "forms", *PROVENANCE)
INVENTED, UNKNOWN = "invented", "unknown"  # where no licence stands


def row_of(record: Record) -> Record:
    """Return the row of a sample: chat messages, what it is about, and where it comes from (empty texts where it was invented)."""
    source = record["source"]
    return {
        "id": record["id"],
        "messages": [{"role": "user", "content": record["request"]}, {"role": "assistant", "content": record["answer"]}],
        "skill": record["skill"],
        "kind": record["kind"],
        "road": record["road"],
        "notes": Sample.from_record(record).notes(),
        "forms": list(record["forms"]),
        **{name: str(source.get(name, "")) for name in PROVENANCE},
    }


def licence_of(row: Record) -> str:
    """Return a row's licence, or why none stands there."""
    return row["licence"] or (UNKNOWN if row["repository"] or row["page"] or row["path"] else INVENTED)
