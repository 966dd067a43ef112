"""What our API knows beyond OpenAI's: the field `kubestill` of a request and of a reply. Documented in docs/reference/http.md."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kubestill.serving.api import Inquiry, Turn, Wish
from kubestill.serving.findings import Found
from kubestill.tools.engines.api import ANSWER_TOKENS

if TYPE_CHECKING:
    from kubestill.serving.answer import Answer

MAX_TEXT = 1 << 20  # characters of a manifest
MAX_NAME = 200  # characters
MAX_KINDS, MAX_TRIES = 50, 16


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Name = Annotated[str, Field(max_length=MAX_NAME)]


class Asked(BaseModel):
    """`extra_body={"kubestill": {...}}`: how an answer is wanted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    task: Name = ""
    """What is asked for, as in "manifest" or "kubectl"; "": the model decides, if it has learned to."""
    kind: Annotated[list[Name], BeforeValidator(_several, json_schema_input_type=list[Name] | Name)] = Field(
        default=[], max_length=MAX_KINDS
    )
    """The answer is of this kind, or of one of these: "Deployment", "apps/v1/Deployment"."""
    version: Name = ""
    """The cluster's, as in "1.31"; "": the usual one."""
    strict: bool = False
    """An answer that does not pass its checks is refused (422), not returned."""
    free: bool = False
    """Without the grammar: the model may invent."""
    draft: bool = False
    """Freely first, then once more under the grammar: for larger models that do not note."""
    fresh: bool = False
    """Not from the cache."""
    tries: int = Field(default=1, ge=1, le=MAX_TRIES)
    """Answers that are drawn; the checks choose one."""
    edit: str = Field(default="", max_length=MAX_TEXT)
    """A manifest that the request asks to change; the answer is its whole new text."""
    document: int | None = Field(default=None, ge=0)
    """Which object of the manifest is changed, counted from 0."""


class Sampling(BaseModel):
    """How tokens are chosen, as the three endpoints share it."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    max_tokens: int | None = None


def inquiry_of(request: str, asked: Asked, sampling: Sampling) -> Inquiry:
    """Return the inquiry that a request makes."""
    wish = Wish(
        kinds=tuple(asked.kind),
        skill=asked.task,
        version=asked.version,
        free=asked.free,
        draft=asked.draft,
        tries=asked.tries,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
        max_tokens=ANSWER_TOKENS if sampling.max_tokens is None else sampling.max_tokens,
    )
    return Inquiry(request, wish, strict=asked.strict, fresh=asked.fresh, manifest=asked.edit, document=asked.document)


class Removed(BaseModel):
    """What the grammar took away although the model wanted it most."""

    at: int
    wanted: str
    probability: float
    chosen: str


class StepTaken(BaseModel):
    """What one step of the path did."""

    step: str
    seconds: float
    note: str = ""


class Said(BaseModel):
    """The field `kubestill` of a reply: the answer's verdict, and how it came about."""

    model: str = ""
    """Which model wrote it: the larger one, where it was escalated."""
    passed: bool
    failed_on: str = ""
    """The first tier of checks that failed; "" with `passed` false: nothing could be judged."""
    findings: list[Found] = []
    understood: list[str] = []
    """What the model noted of the request, a statement each."""
    unused: list[str] = []
    """Names, values and numbers of the request that stand nowhere in notes or answer."""
    truncated: bool = False
    repaired: bool = False
    escalated: bool = False
    cached: bool = False
    seconds: float = 0.0
    tokens: int = 0
    forced_tokens: int = 0
    """Tokens that needed no choice: the grammar left none."""
    drafted_tokens: int = 0
    """Tokens that were guessed before the model was asked, and found right."""
    removed: list[Removed] = []
    draft: str = ""
    draft_tokens: int = 0
    diff: str = ""
    """Of an edit: from the manifest that was given to the answer."""
    printed_anew: bool = False
    """Of an edit: the document had to be printed anew, and its comments are gone."""
    remarks: list[str] = []
    """Of an edit: what else a person should know."""
    trace: list[StepTaken] = []


def said_of(turn: Turn, answer: "Answer", name: str) -> Said:
    """Return the extension of an answer: what `kubestill ask --json` prints of it, and which way it came."""
    trace = [{"step": one.step, "seconds": round(one.seconds, 6), "note": one.note} for one in turn.traces]
    way = {"model": answer.by or turn.by or name, "escalated": answer.escalated, "cached": turn.cached, "trace": trace}
    return Said.model_validate({**answer.record(), **way})
