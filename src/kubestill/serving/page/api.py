"""What the page is told: records of runs, samples and models, and the `Shelf` that they come from."""

from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from kubestill.serving.findings import Found

MAX_TEXT = 1 << 20  # characters of a pasted manifest: far more than a person pastes
MAX_NAME = 300  # characters of a name, a filter or a search
CODES = r"^[0-9]{1,6}\.[0-9]{1,15}$"  # of a place to go on reading from: number of the file, byte in it

State = Literal["finished", "failed", "cut", "going"]  # cut: nothing is heard of it, and it left no reason
Choice = Literal["first", "second", "tie", "neither"]


class Told(BaseModel):
    """A record for the page. What it does not know is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Model(Told):
    """A model that answers here, and the tasks that it does."""

    name: str
    tasks: list[str] = []
    notes: bool = False


class About(Told):
    """What this is: the program's version, the models that answer, versions of Kubernetes (the usual one first), kinds that are known."""

    version: str
    models: list[Model] = []
    versions: list[str] = []
    kinds: list[str] = []


class Score(Told):
    """How many of how many passed, and Wilson's bounds (shares)."""

    passed: int
    total: int
    low: float = 0.0
    high: float = 1.0


class Suite(Score):
    """The score of a suite; `constrained`: under the grammar; `skipped`: why it could not be asked."""

    by_kind: dict[str, Score] = {}
    failed_on: dict[str, int] = {}
    skipped: str = ""
    constrained: Score | None = None


class Flow(Told):
    """What came to a stage, what it kept, and why the rest left."""

    stage: str
    came: int
    kept: int
    dropped: dict[str, int] = {}


class Stage(Told):
    """A stage of a run; `seconds` stays empty while it is not whole."""

    name: str
    artifact: str
    seconds: float | None = None
    peak_memory_bytes: int = 0
    reused: bool = False


class Judged(Told):
    """An answer of an examination with its verdict."""

    suite: str
    kind: str
    request: str
    expected: str = ""
    answer: str
    passed: bool
    failed_on: str = ""
    findings: list[Found] = []


class RunLine(Told):
    """A run in the list; `scores` of its suites as far as they were measured, under the grammar where that was."""

    run: str
    name: str
    state: State
    seconds: float | None = None
    scores: dict[str, Score] = {}


class Run(RunLine):
    """All that is known of a run."""

    created: str = ""
    commit: str = ""
    cpu: str = ""
    peak_memory_bytes: int = 0
    failure: str = ""
    recipe: str = ""
    stages: list[Stage] = []
    river: list[Flow] = []
    suites: dict[str, Suite] = {}
    answers: list[Judged] = []


class Step(Told):
    """A point of the loss."""

    step: int
    tokens: int = 0
    loss: float
    learning_rate: float = 0.0
    tokens_per_second: float = 0.0
    seconds: float = 0.0


class Passes(Score):
    """A point of full-pass on the dev slice."""

    step: int
    tokens: int = 0
    seconds: float = 0.0


class Curve(Told):
    """How a training went, or goes."""

    state: State
    loss: list[Step] = []
    fullpass: list[Passes] = []


class Collection(Told):
    """An artifact of samples: how many, of which skills, kinds and roads (with counts, as far as they were counted), what was dropped."""

    name: str
    came: int = 0
    kept: int = 0
    skills: dict[str, int] = {}
    kinds: dict[str, int] = {}
    roads: dict[str, int] = {}
    dropped: dict[str, int] = {}


class Wanted(Told):
    """Which records of a collection, and from where on. `reason`: of what was dropped."""

    name: str = Field(max_length=MAX_NAME)
    skill: str = Field("", max_length=MAX_NAME)
    kind: str = Field("", max_length=MAX_NAME)
    road: str = Field("", max_length=MAX_NAME)
    text: str = Field("", max_length=MAX_NAME)
    reason: str = Field("", max_length=MAX_NAME)
    start: str = Field("0.0", pattern=CODES)


class Row(Told):
    """A sample, or what was dropped of it and why. `text`: of a document that never became a sample."""

    id: str = ""
    skill: str = ""
    kind: str = ""
    road: str = ""
    request: str = ""
    notes: str = ""
    answer: str = ""
    text: str = ""
    source: str = ""
    reason: str = ""
    findings: list[Found] = []


class Rows(Told):
    """Some records; `next` is where to go on, empty at the end. `looked` counts those that were looked at for them."""

    rows: list[Row] = []
    looked: int = 0
    next: str = ""


class Release(Told):
    """A student: packaged, or made here. `card` is Markdown, of strangers as far as we know."""

    name: str
    road: Literal["packaged", "release"]
    files: dict[str, int] = {}  # bytes of what holds weights, by name
    parameters: int = 0
    scores: dict[str, Suite] = {}
    card: str = ""


class Text(Told):
    """What somebody pasted: manifests, or kubectl commands, one a line."""

    text: str = Field(max_length=MAX_TEXT)
    commands: bool = False
    version: str = Field("", max_length=MAX_NAME)


class Findings(Told):
    """What is wrong with a text."""

    findings: list[Found] = []


class Ballot(Told):
    """Which of two answers to a request somebody liked better, who had written them hidden."""

    first: str = Field(max_length=MAX_NAME)
    second: str = Field(max_length=MAX_NAME)
    request: str = Field(max_length=MAX_TEXT)
    choice: Choice


class Standing(Told):
    """How often each choice was made between two writers."""

    first: str
    second: str
    counts: dict[str, int] = {}


class Shelf(Protocol):
    """A workspace, as the page reads it. Every name is one that a list has told before."""

    def runs(self) -> list[RunLine]:
        """Return every run, newest first."""
        ...

    def run(self, name: str) -> Run:
        """Return a run, finished or not.

        Raises:
            UserError: there is none of that name.
        """
        ...

    def curve(self, name: str, after: int = -1) -> Curve:
        """Return the points of a run's training whose step is greater than `after`.

        Raises:
            UserError: there is no run of that name.
        """
        ...

    def collections(self) -> list[Collection]:
        """Return every artifact of samples, newest first."""
        ...

    def samples(self, wanted: Wanted) -> Rows:
        """Return some samples that are wanted.

        Raises:
            UserError: there is no such collection.
        """
        ...

    def drops(self, wanted: Wanted) -> Rows:
        """Return some of what was dropped for a reason ("": for any).

        Raises:
            UserError: there is no such collection.
        """
        ...

    def releases(self) -> list[Release]:
        """Return the students that there are."""
        ...
