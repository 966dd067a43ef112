"""Runbooks: what to do when an alert fires. A folder of Markdown (prometheus-operator/runbooks, or one's own), a file, or JSON lines.

One alert a document. The alert's name is the first heading or the file's name where either is one word, as Prometheus writes them;
a record may state it.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.sources.markdown import clean, front_matter, heading, stated
from kubestill.domains.kubernetes.sources.pages import SUFFIXES, TextSite
from kubestill.domains.kubernetes.sources.places import JSON_LINES, beside, demand, document, files, records, said_of, text_of
from kubestill.domains.kubernetes.sources.shortcodes import resolve

FORM = "runbooks"
MAX_RUNBOOK_BYTES = 64 * 1024
OTHER_FILES = frozenset({"README", "CONTRIBUTING", "CHANGELOG", "LICENSE", "CODE_OF_CONDUCT", "SECURITY", "_index", "index"})
_ALERT = re.compile(r"[A-Za-z_][\w:-]{2,120}")  # Prometheus: an alert's name is a label value; all that are used are one word


def documents(path: Path) -> Iterator[Document | Drop]:
    """Yield every runbook, or why one was left out.

    Raises:
        UserError: the path is missing, or a file of a kind that cannot be read.
    """
    if demand(path).is_file() and path.name.endswith(JSON_LINES):
        yield from _lines(path)
        return
    for file in files(path, SUFFIXES):
        if isinstance(file, Drop):
            yield file
        elif PurePosixPath(file.source["path"]).stem in OTHER_FILES:
            yield Drop("a page about the runbooks, not one of them")
        else:
            text = text_of(file.path, MAX_RUNBOOK_BYTES)
            yield text if isinstance(text, Drop) else _runbook(text, file.source, {})


def _lines(path: Path) -> Iterator[Document | Drop]:
    known = beside(path)
    for record in records(path):
        if isinstance(record, Drop):
            yield record
        elif not isinstance(record.get("text"), str):
            yield Drop("record without text")
        elif len(record["text"].encode("utf-8", "replace")) > MAX_RUNBOOK_BYTES:
            yield Drop("runbook over 64 KiB")
        else:
            yield _runbook(record["text"], said_of(record, **known, path=path.name), record)


def _runbook(text: str, source: Mapping[str, str], record: Mapping[str, Any]) -> Document | Drop:
    front, body = front_matter(text)
    cleaned = clean(resolve(body, TextSite()))
    title = stated(front, "title") or stated(record, "title")
    candidates = (stated(record, "alert"), heading(cleaned), PurePosixPath(source["path"]).stem, title.replace(" ", ""))
    alert = next((name for name in candidates if _ALERT.fullmatch(name)), "")
    if not alert:
        return Drop("a runbook that names no alert")
    if not re.search(r"^\w", re.sub(r"^#.*$", "", cleaned, flags=re.MULTILINE), re.MULTILINE):
        return Drop("a runbook without text")
    if not cleaned.startswith("# "):
        cleaned = f"# {alert}\n\n{cleaned}"
    return document(cleaned, alert, {**source, "page": alert, "title": title or alert}, FORM)
