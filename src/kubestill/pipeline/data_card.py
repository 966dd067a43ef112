"""The card of a dataset folder (README.md): its head is what the Hub and `datasets` read, the rest is for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from kubestill.ground.manifest import Artifact
from kubestill.pipeline.data import domain_name
from kubestill.pipeline.data_rows import COLUMNS, INVENTED, TERMS, UNKNOWN
from kubestill.pipeline.report import cell

OWN_LICENCE = "Apache-2.0"  # of what kubestill invents
LISTS: Mapping[str, Mapping[str, Any]] = {
    "messages": {"list": [{"name": "role", "dtype": "string"}, {"name": "content", "dtype": "string"}]},
    "forms": {"list": "string"},
}
TOLD_COLUMNS = """\
| column | what it holds |
|---|---|
| `messages` | the request (user) and its answer (assistant) |
| `skill`, `kind`, `road` | what is trained, about what, and whether it was invented, read from a source or written by a teacher |
| `notes` | what the request says, one line a statement |
| `forms` | ids of the phrase parts that it is made of |
| `repository`, `page`, `path`, `commit`, `licence` | where a real source lies, as far as it is known; empty where the sample was invented |
| `teacher`, `prompt`, `origin` | the model that wrote request or answer, its prompt, the `id` of the sample that it was shown |
"""


@dataclass(frozen=True)
class Split:
    """One split of the folder."""

    name: str
    rows: int
    arrow_bytes: int  # as tables in memory: what the Hub calls its size
    file_bytes: int


def card(artifact: Artifact, splits: Sequence[Split], licences: Mapping[str, int]) -> str:
    """Return README.md."""
    head = yaml.safe_dump(_head(splits, licences), sort_keys=False, allow_unicode=True)
    tally = artifact.tally
    rows = ", ".join(f"{split.rows:,} in {split.name}" for split in splits)
    parts = [
        f"---\n{head}---\n\n# {artifact.name}",
        f"Samples for the domain {domain_name(artifact) or 'unknown'}, made by kubestill: {rows}.",
        "Every answer passed the checks of its skill when it was made. One that its recipe weighs more than once stands there as often.",
        TOLD_COLUMNS,
        "## Sources\n\n" + _table("licence", licences),
        _terms(licences),
    ]
    if tally.get("dropped"):
        parts.append(f"## What was left out\n\nOf {tally['came']:,} candidates:\n\n{_table('reason', tally['dropped'])}")
    return "\n\n".join(parts) + "\n"


def _terms(licences: Mapping[str, int]) -> str:
    """Say under which terms the samples are, of the kinds of source that there are."""
    told = [f"Invented samples are under {OWN_LICENCE}."]
    if set(licences) - {INVENTED, TERMS}:
        told.append(
            "Of a sample from a real source the row says where that lies: of a clone repository, path and commit, of a file its path."
        )
    if UNKNOWN in licences:
        told.append("Where no licence was found, ask whoever wrote the source.")
    if TERMS in licences:
        told.append("What a teacher wrote from an invented sample may be used as the model's maker allows: `teacher` names the model.")
    return " ".join(told)


def _table(what: str, counts: Mapping[str, int]) -> str:
    rows = (f"| {cell(name)} | {count:,} |" for name, count in sorted(counts.items()))
    return "\n".join((f"| {what} | samples |", "|---|---|", *rows))


def _head(splits: Sequence[Split], licences: Mapping[str, int]) -> dict[str, Any]:
    return {
        "license": sorted({_hub_licence(name) for name in licences}),
        "task_categories": ["text-generation"],
        "language": ["en"],
        "size_categories": [_size_category(sum(split.rows for split in splits))],
        "dataset_info": {
            "features": [{"name": name, **LISTS.get(name, {"dtype": "string"})} for name in COLUMNS],
            "splits": [{"name": split.name, "num_bytes": split.arrow_bytes, "num_examples": split.rows} for split in splits],
            "download_size": sum(split.file_bytes for split in splits),
            "dataset_size": sum(split.arrow_bytes for split in splits),
        },
        "configs": [
            {"config_name": "default", "data_files": [{"split": split.name, "path": f"data/{split.name}-*"} for split in splits]},
        ],
    }


def _hub_licence(name: str) -> str:
    """Return how the Hub spells a licence: SPDX identifiers in lower case, `unknown`, `other`."""
    return {INVENTED: OWN_LICENCE, TERMS: "other"}.get(name, name).lower()


def _size_category(count: int) -> str:
    """Return the Hub's name for a number of rows."""
    steps = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))
    return next((name for most, name in steps if count < most), "10M<n<100M")
