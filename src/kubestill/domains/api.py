"""What a domain gives: knowledge that can be checked. Stages and serving know domains only through this file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol, runtime_checkable

from kubestill.ground.seeds import Seed, stable_hash
from kubestill.tools.checks.api import Verdict
from kubestill.tools.grammar.api import Guide

TRAIN, HELD = "train", "held"  # the two parts of every vocabulary, phrase table and repository list

# What every recipe shares, so that curation can keep out of any training what any evaluation asks.
HELD_OUT_REPOSITORIES = 0.1  # share of the units of documents that `held_out("repository", unit, ...)` keeps for evaluation
SUITE_SEED = Seed(stable_hash("suites"))  # the seed of every suite's samples, whatever the recipe's own seed
MANIFESTS = "manifests"  # the form of documents that most domains have; each names its own in `forms`
TASK = "task"  # aspect of the first statement of every skill's samples but those of the domain's first skill: its value names the skill
EXPECTED = "expect."  # aspects that begin so are judged and never noted: they say what the answer is, not what the request says
CONSTRAINED = "constrained"  # what scores under the domain's guide go by, beside those of free decoding
SUITE_SAMPLES = 200  # samples of a suite unless told; a smaller count gives the first of a larger one


@dataclass(frozen=True, slots=True)
class English:
    """Words of requests, in lower case unless they are only known in capitals.

    `plain` ones, that nothing is called, and `namesakes`, that are English and what things are called.
    """

    plain: frozenset[str] = frozenset()
    namesakes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Intent:
    """A checkable statement about an answer: `aspect` names what, `keys` which one, `value` what it is.

    Values are canonical (a quantity is its normal form), so that equality is equality of meaning.
    """

    aspect: str
    keys: tuple[str, ...]
    value: Any

    @property
    def words(self) -> str:
        """The value in words, as notes say it: parts of a list behind ` / `, their parts behind commas."""
        return _plain(self.value)


def skill_of(intents: Sequence[Intent] | None) -> str:
    """Return the skill that statements belong to, as the student noted it; "" for the domain's first one."""
    return str(intents[0].value) if intents and intents[0].aspect == TASK else ""


@dataclass(frozen=True, slots=True)
class Document:
    """One piece of knowledge with its provenance."""

    id: str
    text: str
    kind: str
    source: Mapping[str, str]  # repository, path, page, commit, licence, title: what is known
    form: str = MANIFESTS  # which of the domain's forms of knowledge it is

    @property
    def unit(self) -> str:
        """The unit that splits are made by: a page where the source names it, else a repository, or the path where there is none."""
        return self.source.get("page") or self.source.get("repository") or self.source.get("path", self.id)


@dataclass(frozen=True, slots=True)
class Sample:
    """A request, its answer, and what must hold of any answer."""

    id: str
    skill: str
    request: str
    answer: str
    intents: tuple[Intent, ...]
    kind: str  # what results are grouped by
    road: str  # procedural | reverse | written | natural
    forms: tuple[str, ...] = ()  # ids of the phrase parts it is made of
    source: Mapping[str, str] = field(default_factory=dict)

    def notes(self) -> str:
        """Return what the request says, one line a statement in the order of mention: what a student may write before its answer."""
        said = (intent for intent in self.intents if not intent.aspect.startswith(EXPECTED))
        return "\n".join(" ".join(filter(None, (f"{i.aspect}:", *i.keys, i.words))) for i in said)

    def to_record(self) -> dict[str, Any]:
        """Return the JSON form."""
        record = {name: getattr(self, name) for name in self.__slots__}
        intents = [{"aspect": intent.aspect, "keys": intent.keys, "value": intent.value} for intent in self.intents]
        return record | {"intents": intents, "source": dict(self.source)}  # dataclasses.asdict copies deeply: a tenth of synthesis

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Sample":
        """Read the JSON form back."""
        intents = tuple(Intent(i["aspect"], tuple(i["keys"]), frozen(i["value"])) for i in record["intents"])
        return cls(**{**record, "intents": intents, "forms": tuple(record["forms"])})


_JOINTS = (" / ", ", ", " ")


def _plain(value: Any, depth: int = 0) -> str:
    """Return a value as words; nested tuples by their depth."""
    if isinstance(value, tuple):
        return _JOINTS[min(depth, len(_JOINTS) - 1)].join(_plain(item, depth + 1) for item in value)
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def frozen(value: Any) -> Any:
    """Turn JSON lists into tuples, all the way down, so that an intent read from a file equals the one written."""
    return tuple(frozen(item) for item in value) if isinstance(value, list | tuple) else value


@dataclass(frozen=True, slots=True)
class Drop:
    """A datum that could not become a sample, and why."""

    reason: str


class Skill(Protocol):
    """Something a student learns to do. It can be pickled."""

    name: str
    version: int  # of what is drawn, how it is said and how it is judged: another version makes other samples
    reads: frozenset[str]  # forms of documents that `reverse` takes

    def draw(self, rng: Random, part: str) -> Sample | Drop:
        """Invent a sample from the vocabulary and phrase parts of `part` (TRAIN or HELD)."""
        ...

    def reverse(self, document: Document, rng: Random, part: str) -> Sample | Drop:
        """Write the request that a document of a form in `reads` answers (reverse instruction)."""
        ...

    def context(self, sample: Sample) -> Mapping[str, str]:
        """Return the domain context model of a sample (arXiv 2606.22578), what a teacher is told beside the request.

        `grammar`: the form of its answer. `slice`: the part of the API, or the closed names, that it is about. `vocabulary`: the
        identifiers that it may hold; those of the request where none is given.
        """
        ...

    def judge(self, answer: str, intents: Sequence[Intent] | None = None) -> Verdict:
        """Run every check on a model's raw answer; with `intents`, also whether each holds (full-pass)."""
        ...


class Suite(Protocol):
    """A fixed set of questions with checkable answers, never used in training or tuning."""

    name: str
    skill: str
    needs_documents: bool

    def samples(self, documents: Iterable[Document], count: int, seed: Seed) -> Sequence[Sample]:
        """Return at most `count` samples, the same for the same seed; none where the documents give none."""
        ...


class Domain(Protocol):
    """One field of knowledge."""

    name: str

    def identity(self) -> Mapping[str, Any]:
        """Return what enters keys: versions of schemas, checks, phrases."""
        ...

    def vocabulary(self) -> frozenset[str]:
        """Return lower-case words of the field that a request uses as words, though they stand in answers, too."""
        ...

    def english(self) -> English:
        """Return words of requests that a student that is taught on learns to read, too, whatever its base knew."""
        ...

    def forms(self) -> Mapping[str, str]:
        """Return the forms of knowledge that can be read, each with a sentence for people: the names of a recipe's [sources]."""
        ...

    def documents(self, path: Path, form: str) -> Iterator[Document | Drop]:
        """Read a folder, a git clone or a file of one form."""
        ...

    def skills(self) -> Mapping[str, Skill]:
        """Return the skills by name."""
        ...

    def suites(self) -> Mapping[str, Suite]:
        """Return the suites by name."""
        ...

    def guide(self, kinds: Sequence[str] = (), skill: str = "") -> Guide | None:
        """Return what leads answers, so that nothing can be invented in them; None where nothing does.

        `kinds`: the answer is of one of these. `skill`: it is of this one; "": a student that notes decides, others answer in the first.

        Raises:
            UserError: a kind or a skill is unknown.
        """
        ...

    def understood(self, notes: str) -> Sequence[Intent] | None:
        """Return the statements that a student noted of a request; None where its notes cannot be read."""
        ...

    def judge(self, answer: str, intents: Sequence[Intent] | None = None, skill: str = "") -> Verdict:
        """Run every check of a skill ("": the first one) on a model's raw answer; with `intents`, also whether each holds (full-pass)."""
        ...


@runtime_checkable
class Edits(Protocol):
    """A domain whose texts hold objects that can be changed one by one."""

    def objects(self, text: str) -> Sequence[Any]:
        """Return the objects of a text, unjudged."""
        ...

    def editing(self, text: str, document: int = 0) -> Any:
        """Return the change of one object of a text: how it is `asked`, its `guide`, and what the text is when it is `done`."""
        ...

    def diff(self, path: str, before: str, after: str) -> str:
        """Return the difference of two texts of a file, as git prints it."""
        ...


@runtime_checkable
class Traces(Protocol):
    """A domain that can trace what was understood back to the request."""

    def unsaid(self, intents: Sequence[Intent], request: str) -> Sequence[Intent]:
        """Return the statements of which the request says nothing, so that nobody can have meant them."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A domain that can tell what its kinds and fields are."""

    def explain(self, name: str) -> Mapping[str, Any]:
        """Return what a kind or a field is: its type, description, values and fields.

        Raises:
            UserError: there is none of that name.
        """
        ...
