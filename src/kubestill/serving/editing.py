"""A manifest changed as a person asks: what `ask --edit` prints, and what a chat about a manifest answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kubestill.domains.api import Edits
from kubestill.ground.errors import UserError
from kubestill.serving.answer import Answer, Change, ask_of
from kubestill.serving.api import Served, Turn

MAX_MANIFEST_BYTES = 1 << 20
MAX_INVENTED = 4  # aspects that are taken away one by one, each with another answer
_MEND = "say it in other words, one thing at a time, or change it by hand"


def edit(model: Served, turn: Turn) -> Answer:
    """Change one object of an inquiry's manifest as its request says; the answer's text is the whole new manifest.

    Raises:
        UserError: the manifest holds no such object, or what was understood cannot be written over it, with the reason.
        Unavailable: the engine's packages are not installed.
        Stopped, TimeoutError: as `Turn.wait`.
    """
    inquiry, domain = turn.inquiry, model.domain(turn.inquiry.wish)
    if not isinstance(domain, Edits):
        raise UserError("--edit", f"the domain {domain.name} has nothing to edit", "leave it out")
    before, file = inquiry.manifest, inquiry.file
    if len(before.encode("utf-8", "surrogatepass")) > MAX_MANIFEST_BYTES:
        raise UserError(file, f"more than {MAX_MANIFEST_BYTES:,} bytes", "edit a smaller file")
    editing = domain.editing(before, _chosen(file, [one.object for one in domain.objects(before)], inquiry.document))
    desk, without = model.desk, frozenset[str]()
    while True:
        try:
            work = desk.submit(editing.asked(inquiry.request, desk.notes), ask_of(inquiry.wish), editing.guide(without))
            reply = turn.wait(work)
            if desk.notes and reply.cut and not reply.text:
                raise ValueError("the notes of what was understood came to no end")
            changed, verdict = editing.done(inquiry.request, reply.notes, reply.text)
        except ValueError as error:
            aspect = getattr(error, "aspect", "")  # of what was invented: asked once more without it
            if not aspect or len(without) == MAX_INVENTED:
                raise UserError(file, f"not changed: {error}", _MEND) from None
            without |= {aspect}
        else:
            used = tuple(word for word in reply.unused if word in inquiry.request)  # not what the object says
            change = Change(domain.diff(file, before, changed.text), changed.whole, changed.remarks)
            return Answer(replace(reply, text=changed.text, unused=used), verdict, change=change)


def _chosen(file: str, objects: Sequence[dict[str, Any]], document: int | None) -> int:
    """Return which object is meant: the only one, unless it is told."""
    if not objects:
        raise UserError(file, "holds no manifest that can be read", "`kubestill check` says why")
    if document is None and len(objects) > 1:
        listed = ", ".join(f"{number}: {one.get('kind')}" for number, one in enumerate(objects[:12]))
        raise UserError(file, f"holds {len(objects)} objects", f"choose one with --document ({listed})")
    if document is not None and document >= len(objects):
        raise UserError("--document", f"found {document}, the file holds {len(objects)} objects", "they count from 0")
    return document or 0
