"""Pages of documentation: a clone of kubernetes/website, any folder of Markdown, or JSON lines of {path, title, content_type, text}.

One document a page, cleaned, with its title as the first heading. Of a clone only the English pages are read, with the examples and
glossary that they refer to; a Markdown folder of one's own is read as it is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.schema import DEFAULT_VERSION
from kubestill.domains.kubernetes.sources.markdown import clean, front_matter, heading, stated
from kubestill.domains.kubernetes.sources.places import JSON_LINES, beside, demand, document, files, records, said_of, source_of, text_of
from kubestill.domains.kubernetes.sources.shortcodes import Term, resolve

FORM, KIND = "pages", "page"  # the kind of a page that states no content type
SUFFIXES = (".md", ".markdown")
ENGLISH, GLOSSARY, EXAMPLES, INCLUDES = "content/en", "docs/reference/glossary", "examples", "includes"
MAX_PAGE_BYTES = 512 * 1024  # the longest page of kubernetes.io has a third of it
MAX_HELD_BYTES = 32 * 2**20  # of examples, includes and glossary in a file of JSON lines
_MORE = re.compile(r"<!--\s*more\s*-->")
_VERSION = re.compile(r"""^\s*version\s*=\s*["']v([0-9]{1,2}\.[0-9]{1,3})["']""", re.MULTILINE)


def documents(path: Path) -> Iterator[Document | Drop]:
    """Yield every page, or why one was left out.

    Raises:
        UserError: the path is missing, or a file of a kind that cannot be read.
    """
    if demand(path).is_file() and path.name.endswith(JSON_LINES):
        return _lines(path)
    return _folder(path)


@dataclass
class TextSite:
    """What pages refer to, held as texts by their paths below content/en."""

    texts: Mapping[str, str] = field(default_factory=dict)
    version: str = DEFAULT_VERSION

    def text(self, path: str) -> str:
        """Return the text at a path below content/en, or an empty string."""
        return self.texts.get(path, "")

    def file(self, name: str, folder: str) -> str:
        """Return the text of an example or an include; a path that leaves its folder names none."""
        parts = PurePosixPath(name.lstrip("/")).parts
        if not parts or ".." in parts:
            return ""
        found = self.text("/".join((folder, *parts)))
        return front_matter(found)[1] if folder == INCLUDES else found

    def term(self, name: str) -> Term | None:
        """Return a term of the glossary."""
        text = self.text(f"{GLOSSARY}/{name}.md") if re.fullmatch(r"[\w.-]{1,100}", name) else ""
        if not text:
            return None
        front, body = front_matter(text)
        short, *more = _MORE.split(body, maxsplit=1)
        return Term(stated(front, "title") or name, short.strip() or stated(front, "short_description"), "".join(more))


@dataclass
class FolderSite(TextSite):
    """What pages refer to, read from a clone when it is asked for."""

    top: Path = Path()

    def text(self, path: str) -> str:
        """Return the text of a plain file below content/en, or an empty string."""
        found = self.top / path
        if not found.is_file() or self.top not in found.resolve().parents:
            return ""
        text = text_of(found, MAX_PAGE_BYTES)
        return "" if isinstance(text, Drop) else text


def _folder(top: Path) -> Iterator[Document | Drop]:
    """Read a folder of Markdown; of a clone of the website its English pages alone."""
    english = next((folder for folder in (top / ENGLISH, top) if folder.is_dir()), top)
    site = FolderSite(top=english.resolve(), version=_version_of(top)) if english.is_dir() else TextSite()
    clone = source_of(top, top) if english != top else {}
    for file in files(english, SUFFIXES):
        if isinstance(file, Drop):
            yield file
            continue
        shown = file.source["path"]
        text = text_of(file.path, MAX_PAGE_BYTES)
        if isinstance(text, Drop):
            yield text
        elif not shown.startswith((EXAMPLES + "/", INCLUDES + "/")) or not clone:
            known = {**file.source, **clone, "path": f"{ENGLISH}/{shown}" if clone else shown}
            yield page(text, known, site)


def _version_of(top: Path) -> str:
    """Return the Kubernetes version that a clone's hugo.toml names; of another folder, the one that this program knows."""
    text = text_of(top / "hugo.toml") if (top / "hugo.toml").is_file() else ""
    found = _VERSION.search(text) if isinstance(text, str) else None
    return found[1] if found else DEFAULT_VERSION


def _lines(path: Path) -> Iterator[Document | Drop]:
    """Read the records twice: pages refer to examples and terms that may stand after them."""
    known = beside(path)
    site = TextSite(_referred(path))
    for record in records(path):
        if isinstance(record, Drop):
            yield record
            continue
        text = record.get("text")
        if not isinstance(text, str) or not text.strip():
            yield Drop("record without text")
        elif len(text.encode("utf-8", "replace")) > MAX_PAGE_BYTES:
            yield Drop("page over 512 KiB")
        else:
            yield page(text, said_of(record, **known, path=path.name), site, record)


def _referred(path: Path) -> dict[str, str]:
    """Return the texts that pages of the same file may refer to, by their paths below content/en."""
    texts, held_bytes = {}, 0
    for record in records(path):
        if isinstance(record, Drop):
            continue
        place, text = record.get("path"), record.get("text")
        if not isinstance(place, str) or not isinstance(text, str):
            continue
        place = place.removeprefix(ENGLISH + "/")
        if place.startswith((GLOSSARY + "/", EXAMPLES + "/", INCLUDES + "/")) and held_bytes < MAX_HELD_BYTES:
            texts[place] = text
            held_bytes += len(text)
    return texts


def page(text: str, source: Mapping[str, str], site: TextSite, record: Mapping[str, Any] | None = None) -> Document | Drop:
    """Return a page as a document; `record` may state what its front matter does not."""
    front, body = front_matter(text)
    record = record or {}
    cleaned = clean(resolve(body, site))
    if not cleaned.strip():
        return Drop("a page without text")
    path = source["path"].removeprefix(ENGLISH + "/")
    name = re.sub(r"(?:/_?index)?\.(?:md|markdown)$", "", path) or path
    title = stated(front, "title") or stated(record, "title") or heading(cleaned) or name.rpartition("/")[2].replace("_", " ")
    if not cleaned.startswith("# "):
        cleaned = f"# {title}\n\n{cleaned}"
    named = {"page": name, "title": title}
    kind = stated(front, "content_type") or stated(record, "content_type") or (KIND if GLOSSARY not in path else "glossary")
    return document(cleaned, kind, {**source, **named}, FORM)
