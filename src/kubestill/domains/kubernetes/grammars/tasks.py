"""The guide of all skills: a student that notes says first which task it was given, and each task leads on in its own way.

Notes of a manifest begin with its kind, those of every other task with its name: `task: kubectl`. So one grammar of notes holds
all of them, and whoever asks need not say what is wanted. Models that note nothing are told, or answer in the first skill.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from kubestill.domains.api import TASK
from kubestill.domains.kubernetes.grammars.guide import manifest_guide
from kubestill.domains.kubernetes.grammars.leading import Leading
from kubestill.domains.kubernetes.grammars.notes import MARK, NotesGuide, noted, notes_grammar, notes_step
from kubestill.domains.kubernetes.schema import Schemas
from kubestill.domains.kubernetes.skills.table import LEADINGS, SKILLS
from kubestill.ground.errors import UserError
from kubestill.tools.grammar.api import Given, Grammar, Guide, Reading, Step

FIRST = next(iter(SKILLS))
HEAD = f"{TASK}: "


def task_guide(known: Schemas, kinds: Sequence[str] = (), skill: str = "") -> Guide:
    """Return the guide of answers that `known` describes: of one skill, or of whichever the student notes.

    Raises:
        UserError: the schemas know no kind of a name, or there is no such skill, or it has none of a kind.
    """
    if skill and skill not in SKILLS:
        SKILLS.load(skill, "task")
    if kinds and skill not in ("", FIRST):
        raise UserError("kind", f"answers of the task {skill} are of no kind of object", "leave one of them out")
    manifests = manifest_guide(known, kinds)
    if kinds or skill == FIRST:
        return manifests
    return TaskGuide(None, (skill,)) if skill else TaskGuide(manifests, tuple(LEADINGS))


@dataclass(frozen=True)
class TaskGuide:
    """Leads a student that notes to the task that it noted, one of `tasks` or, where there are `manifests`, a manifest."""

    manifests: NotesGuide | None
    tasks: tuple[str, ...]

    def start(self, reading: Reading) -> Step | Given:
        """Return the step of the notes, or the first of the only task's answer."""
        if not reading.notes:
            return (self.manifests or _leading(self.tasks[0]).straight()).start(reading)
        return notes_step(_grammar(self.manifests is not None, self.tasks), reading.spans, lambda text: self._answer(text, reading))

    def _answer(self, text: str, reading: Reading) -> Step | Given | None:
        if text.startswith(HEAD):
            notes = noted(text, reading.spans)
            name = notes.removeprefix(HEAD).partition("\n")[0]
            return _leading(name).answer(notes, Reading(reading.request, reading.spans))
        return self.manifests.answer(text, reading) if self.manifests else None


def _leading(name: str) -> Leading:
    found: Leading = LEADINGS.load(name)()
    return found


@cache
def _grammar(manifests: bool, tasks: tuple[str, ...]) -> Grammar:
    """Return the grammar of notes of any of the tasks, up to the mark that ends them."""
    rules, starts = list[str](), list[str]()
    for place, name in enumerate(tasks):
        lines = [f"T{place}_{number}: /{line}/" for number, line in enumerate(_leading(name).lines)]
        names = " | ".join(line.partition(":")[0] for line in lines)
        several = f" ({names})*" if lines else ""
        rules += [f'task{place}: "{HEAD}{name}"{several} {MARK}', *lines]
        starts.append(f"task{place}")
    if not manifests:
        return Grammar("\n".join((f"start: {' | '.join(starts)}", *rules, "")), name=f"notes of {', '.join(tasks)}")
    start, _, rest = notes_grammar().text.partition("\n")
    return Grammar("\n".join((" | ".join((start, *starts)), *rules, rest)), name="notes of any task")
