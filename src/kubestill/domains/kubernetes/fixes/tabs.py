"""Tabs as indentation, which YAML forbids: spaces in their place, where every width of a tab that can be read gives the same objects."""

import re

from kubestill.domains.kubernetes.manifests import read

CODE = "K8S010"  # of a text that cannot be read
WORDS = "put spaces in place of tabs"
_WIDTHS = (2, 4, 8)
_LEAD = re.compile(r"^ *\t[ \t]*", re.MULTILINE)
_BLOCK = re.compile(r"[:-][ \t]+[|>][-+0-9]*[ \t]*(#.*)?\r?$", re.MULTILINE)  # a text in which tabs may be meant


def without_tabs(text: str) -> tuple[str, tuple[int, ...]]:
    """Return a document that cannot be read with spaces for its tabs, and where it had them; as it is where that is not certain."""
    if "\t" not in text or _BLOCK.search(text):
        return text, ()
    found = []
    for width in _WIDTHS:
        spaced = _LEAD.sub(lambda match, width=width: match[0].replace("\t", " " * width), text)  # type: ignore[misc]
        reading = read(spaced)
        if reading.manifests and not reading.findings:
            found.append((spaced, [manifest.object for manifest in reading.manifests]))
    if not found or any(objects != found[0][1] for _, objects in found):
        return text, ()
    return found[0][0], tuple(match.start() for match in _LEAD.finditer(text))
