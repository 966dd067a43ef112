"""The page's files, read once: what is not in this list cannot be asked for, so no path of a client ever meets the disk."""

from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources
from importlib.resources.abc import Traversable

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
INDEX = "index.html"


@dataclass(frozen=True)
class File:
    """A file of the page, ready to be sent."""

    content: bytes
    media_type: str
    etag: str


def page_files() -> dict[str, File]:
    """Return the files of the page by their names below static/."""
    return dict(_walk(resources.files("kubestill.serving.page") / "static", ""))


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, File]]:
    found: list[tuple[str, File]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        elif (ending := entry.name.rpartition(".")[2]) in TYPES:
            content = entry.read_bytes()
            found.append((prefix + entry.name, File(content, TYPES[ending], f'"{blake2b(content, digest_size=12).hexdigest()}"')))
    return found
