"""Answers of a student with their verdicts, as `kubestill data mine` writes them: one document for each thing that it invented."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.sources.places import JSON_LINES, demand, document, files, records

FORM = "records"


def documents(path: Path) -> Iterator[Document | Drop]:
    """Yield every invention of the answers in a file or folder of records, the commonest first.

    Raises:
        UserError: the path is missing, or a file cannot be read.
    """
    from kubestill.domains.kubernetes.skills.general.mining import mine  # the skill's facts, which other sources need not load

    found: list[dict[str, Any]] = []
    for file in files(demand(path), JSON_LINES):
        if isinstance(file, Drop):
            yield file
            continue
        for record in records(file.path):
            if isinstance(record, Drop):
                yield record
            elif isinstance(record.get("answer"), str) and isinstance(record.get("findings"), list):
                found.append(record)
            else:
                yield Drop("no record of an answer")
    for invention in mine(found):
        said = {"topic": invention.topic, "said": dict(invention.said), "count": invention.count}
        yield document(json.dumps(said, ensure_ascii=False), invention.topic, {"path": path.name, "page": json.dumps(said["said"])}, FORM)
