"""The notes of tasks other than manifests: `aspect: value`, a line a statement, the task first."""

from kubestill.domains.api import TASK, Intent


def read_task_notes(text: str) -> tuple[Intent, ...]:
    """Return the statements of notes; every value is text.

    Raises:
        ValueError: a line is none, or the first names no task.
    """
    found = []
    for line in text.strip("\n").split("\n"):
        aspect, colon, value = line.partition(": ")
        if not colon or not value:
            raise ValueError(f"no note: {line!r}")
        found.append(Intent(aspect, (), value))
    if found[0].aspect != TASK:
        raise ValueError(f"no task is noted: {text[:80]!r}")
    return tuple(found)
