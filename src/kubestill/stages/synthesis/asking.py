"""What a teacher is asked: prompts from versioned files, filled in a sandbox in which a missing part is an error.

Every prompt carries the domain context model of its task (../shared/references/methods.md, section 1): the grammar of the answer, the
slice of the reference that it needs, the closed vocabulary of identifiers. Each can be left out, to measure what it is worth.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Literal

from kubestill.domains.api import Domain, Sample
from kubestill.stages.synthesis.admission import identifiers
from kubestill.tools.teachers.questions import Question

FOLDER = Path(__file__).parent / "prompts"
PROMPTS: Mapping[str, int] = {"rephrase": 1, "answer": 1, "repair": 1}  # versions of the files
SEEDS = ("personas", "manners", "constraints", "words", "lengths")
Task = Literal["rephrase", "answer"]
Part = Literal["grammar", "slice", "vocabulary"]
REPLIED: Mapping[str, str] = {"rephrase": "request", "answer": "answer"}  # the name in the teacher's JSON, by task


@dataclass(frozen=True, slots=True)
class Lesson:
    """One thing to ask a teacher: a task over a sample that is verified already, and `variant` to tell several of one sample apart."""

    task: Task
    sample: Sample
    variant: int

    @property
    def replied(self) -> str:
        """What the reply is called in the teacher's JSON."""
        return REPLIED[self.task]


def context(domain: Domain, sample: Sample) -> dict[str, str]:
    """Return the context model of a sample as its skill tells it; without another one, the vocabulary is what the request names."""
    return {"vocabulary": " ".join(sorted(identifiers(sample.request)))} | dict(domain.skills()[sample.skill].context(sample))


def first_question(lesson: Lesson, domain: Domain, parts: Sequence[Part], rng: Random) -> Question:
    """Return the question of a lesson; of the context, only `parts` are told."""
    sample = lesson.sample
    told = {name: text if name in parts else "" for name, text in context(domain, sample).items()}
    fields = {"field": domain.name, "request": sample.request, **told}
    if lesson.task == "rephrase":
        drawn = {seed.removesuffix("s"): rng.choice(_seeds()[seed]) for seed in SEEDS}
        fields |= {"statements": sample.notes() or "(as the request says)", "answer": sample.answer, **drawn}
    return Question((("user", _render(lesson.task, fields)),), _schema(lesson.replied))


def repair_question(lesson: Lesson, first: Question, reply: str, findings: Sequence[str]) -> Question:
    """Return the question that hands a reply back with what was found wrong in it."""
    asked = _render("repair", {"findings": list(findings), "part": lesson.replied})
    return Question((*first.messages, ("assistant", reply), ("user", asked)), first.schema)


def _schema(name: str) -> dict[str, Any]:
    properties = {name: {"type": "string"}}
    return {"type": "object", "properties": properties, "required": [name], "additionalProperties": False}


@lru_cache(maxsize=1)
def _seeds() -> dict[str, list[str]]:
    found = tomllib.loads((FOLDER / "seeds.toml").read_text(encoding="utf-8"))
    return {name: [str(line) for line in lines] for name, lines in found.items()}


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # Prompts are plain text for a model: nothing in them is HTML, so nothing is escaped.
    loader = FileSystemLoader(FOLDER)
    return ImmutableSandboxedEnvironment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)


def _render(name: str, fields: Mapping[str, Any]) -> str:
    text: str = _environment().get_template(f"{name}.jinja").render(**fields)
    return text.strip()
