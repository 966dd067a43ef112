"""Fixes: mends what is certain in the text of manifests, and leaves every other letter of it as it stands."""

from dataclasses import dataclass

from kubestill.domains.kubernetes.answers import check_text
from kubestill.domains.kubernetes.documents import segments
from kubestill.domains.kubernetes.fixes.diffs import diff
from kubestill.domains.kubernetes.fixes.mending import Edit, mend_document, moved
from kubestill.domains.kubernetes.schema import Schemas, schemas

__all__ = ["Edit", "Mended", "diff", "mend"]

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Mended:
    """A text after its mends, and what was changed, by line; the text is the same where nothing was."""

    text: str
    edits: tuple[Edit, ...]


def mend(text: str, known: Schemas | None = None, where: str = "") -> Mended:
    """Mend the findings whose remedy is certain, in all documents of a text.

    A change is kept only if its finding is then gone, no other has come, and the objects differ in the changed field alone.
    Comments, order, quotes, line ends and a byte order mark stay. Mending what was mended changes nothing.

    `known`: the schemas to judge by, the usual version's unless told. `where`: the file's name, by which templates are told apart.
    """
    known = known or schemas()
    if not any(one.verdict.findings for one in check_text(text, where, known)):
        return Mended(text, ())
    end = len(_BOM) if text.startswith(_BOM) else 0
    parts, edits = [text[:end]], []
    for lines, segment in segments(text[end:].encode("utf-8", "surrogatepass"), 0):
        document = segment.decode("utf-8", "surrogatepass")
        start = text.index(document, end)  # what lies between are separators without a document
        mended, made = mend_document(document, known)
        parts += [text[end:start], mended]
        end = start + len(document)
        edits += [moved(edit, lines) for edit in made]
    return Mended("".join([*parts, text[end:]]), tuple(edits))
