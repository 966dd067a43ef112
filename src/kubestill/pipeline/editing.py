"""A file changed as a person asks: what `ask --edit` prints."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kubestill.ground.errors import UserError
from kubestill.pipeline.answer import Answer, Wish, greedy, wished_domain
from kubestill.pipeline.models import Model, load_engine

MAX_FILE_BYTES = 1 << 20
MAX_INVENTED = 4  # aspects that are taken away one by one, each with another answer
_MEND = "say it in other words, one thing at a time, or change it by hand"


@dataclass(frozen=True)
class Edited:
    """The file's new text, its difference from the old one, and the answer that it comes from.

    `whole` says that the document had to be printed anew: its comments are gone. `remarks`: what else a person should know.
    """

    text: str
    diff: str
    whole: bool
    answer: Answer
    remarks: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**self.answer.record(), "answer": self.text, "diff": self.diff, "printed_anew": self.whole, "remarks": list(self.remarks)}

    def told(self) -> list[str]:
        """Return the verdict in lines for people."""
        lines = [] if self.diff else ["nothing changed: the file does all of it already"]
        anew = ["the document was printed anew: its comments are gone"] if self.whole else []
        return [*lines, *anew, *self.remarks, *self.answer.told()]


def edit_file(model: Model, path: Path, request: str, document: int | None, wish: Wish) -> Edited:
    """Change one object of a file (`document` counts from 0) as `request` says; the file itself is left alone.

    Raises:
        UserError: the file holds no such object, or what was understood cannot be written over it, with the reason.
        Unavailable: the engine's packages are not installed.
    """
    before, domain = _read(path), wished_domain(model, wish)
    if not hasattr(domain, "editing"):
        raise UserError("--edit", f"the domain {domain.name} has nothing to edit", "leave it out")
    editing = domain.editing(before, _chosen(path, [one.object for one in domain.objects(before)], document))
    engine, started = load_engine(model), time.monotonic()
    notes, without = bool(getattr(engine, "notes", False)), frozenset[str]()
    while True:
        try:
            (reply,) = engine.generate([editing.asked(request, notes)], greedy(wish), [editing.guide(without)])
            if notes and reply.cut and not reply.text:
                raise ValueError("the notes of what was understood came to no end")
            changed, verdict = editing.done(request, reply.notes, reply.text)
        except ValueError as error:
            aspect = getattr(error, "aspect", "")  # of what was invented: asked once more without it
            if not aspect or len(without) == MAX_INVENTED:
                raise UserError(str(path), f"not changed: {error}", _MEND) from None
            without |= {aspect}
        else:
            said = replace(reply, unused=tuple(word for word in reply.unused if word in request))  # not what the object says
            answer = Answer(said, verdict, time.monotonic() - started)
            return Edited(changed.text, domain.diff(str(path), before, changed.text), changed.whole, answer, changed.remarks)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UserError(str(path), f"more than {MAX_FILE_BYTES:,} bytes", "edit a smaller file")
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UserError(str(path), f"cannot be read ({error.strerror})", "give a file of manifests") from None
    except UnicodeDecodeError:
        raise UserError(str(path), "no UTF-8 text", "give a file of manifests") from None


def _chosen(path: Path, objects: Sequence[dict[str, Any]], document: int | None) -> int:
    """Return which object is meant: the only one, unless it is told."""
    if not objects:
        raise UserError(str(path), "holds no manifest that can be read", "`kubestill check` says why")
    if document is None and len(objects) > 1:
        listed = ", ".join(f"{number}: {one.get('kind')}" for number, one in enumerate(objects[:12]))
        raise UserError(str(path), f"holds {len(objects)} objects", f"choose one with --document ({listed})")
    if document is not None and document >= len(objects):
        raise UserError("--document", f"found {document}, the file holds {len(objects)} objects", "they count from 0")
    return document or 0
