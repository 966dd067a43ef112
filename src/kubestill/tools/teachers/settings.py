"""A teacher: where it is asked, what it costs and what may be spent. One TOML file each, in recipes/teachers; never a key in it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from kubestill.ground.errors import UserError, near
from kubestill.ground.servers import check_url

FOLDER = Path("recipes/teachers")  # where a name without .toml is looked for, from the present folder

LINES = {"url": 'url = "http://127.0.0.1:8000/v1"', "model": 'model = "the name that the server knows it by"'}  # that a file cannot lack

Structured = Literal["json_schema", "json_object", "none"]


class Table(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Prices(Table):
    """What a million tokens cost, in the currency of the budget; 0 for a server of one's own."""

    prompt_per_million: float = Field(default=0.0, ge=0, le=10_000)
    """Of tokens that are sent."""
    reply_per_million: float = Field(default=0.0, ge=0, le=10_000)
    """Of tokens that are written, those of hidden reasoning among them."""


class Limits(Table):
    """What may be spent and how hard the server may be asked. A budget holds for all that a ledger ever bought from the model."""

    money: float = Field(default=0.0, ge=0)
    """Most money, in the currency of the prices; 0: no limit, allowed only where the prices are 0."""
    tokens: int = Field(default=0, ge=0)
    """Most tokens, sent and written together; 0: no limit."""
    concurrent: int = Field(default=16, ge=1, le=512)
    """Most questions under way; found out from below: one more after each round of successes, half of them when the server is too busy."""
    per_minute: int = Field(default=0, ge=0)
    """Most questions sent in a minute, retries among them; 0: no limit."""
    timeout_seconds: float = Field(default=120.0, gt=0)
    """Most time for one reply, from the question to its last byte."""
    retries: int = Field(default=6, ge=0)
    """Most retries of one question in a row where the server is busy, out of reach or too slow."""
    first_wait_seconds: float = Field(default=0.5, gt=0)
    """Wait before the first retry (a random half of it at least); doubled each time."""
    longest_wait_seconds: float = Field(default=300.0, gt=0)
    """A server that asks to wait longer (Retry-After) ends the run, which goes on another time."""
    malformed: int = Field(default=3, ge=1)
    """A question is given up after so many replies that came whole and could not be used, or came in half."""
    unknown_again: int = Field(default=1, ge=0)
    """How often a question is sent again of which a killed run has not recorded whether it was answered: each time may be paid twice."""


class Teacher(Table):
    """A model behind an OpenAI-compatible endpoint."""

    url: str
    """As http://host:8000/v1."""
    model: str = Field(min_length=1)
    """The model's name at the server."""
    key_variable: str = Field(default="", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$")
    """The environment variable that holds the key; empty: the server wants none."""
    structured: Structured = "json_schema"
    """How the server is told the form of its replies: by the schema, by `json_object`, or by the prompt alone."""
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the server calls the most tokens of a reply; OpenAI's own takes the second for its newer models."""
    max_reply_tokens: int = Field(default=1024, ge=16)
    """Most tokens of a reply, those of hidden reasoning among them."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """Left out: the server's own."""
    any_model: bool = False
    """Whether replies may name another model than the one that was asked, as some servers of one model do."""
    prices: Prices = Prices()
    limits: Limits = Limits()

    _file: str = PrivateAttr("the teacher's file")

    @property
    def file(self) -> str:
        """Where it was read from, for messages."""
        return self._file

    def read_from(self, path: Path) -> "Teacher":
        """Note the file, and return self."""
        self._file = str(path)
        return self

    def identity(self) -> Mapping[str, Any]:
        """Return what shapes replies: the keys of what is made from them hold it."""
        return self.model_dump(include={"model", "structured", "limit_field", "max_reply_tokens", "temperature"})


def read_teacher(given: str) -> Teacher:
    """Read a teacher by the path of its TOML file, or by its name in recipes/teachers.

    Raises:
        UserError: no such file, no TOML, a setting that is unknown or wrong, or money without a limit.
    """
    path = _found(given)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(str(path), f"is not TOML: {error}", "see https://toml.io") from error
    try:
        teacher = Teacher.model_validate(data).read_from(path)
    except ValidationError as error:
        raise _told(path, error) from None  # the error would repeat what was given: a key, where somebody wrote one
    check_url(teacher.url, f"{path}: url", teacher.key_variable or "key_variable")
    if (teacher.prices.prompt_per_million or teacher.prices.reply_per_million) and not teacher.limits.money:
        raise UserError(f"{path}: limits.money", "is not given although tokens cost money", "say how much may be spent")
    return teacher


def _found(given: str) -> Path:
    path = Path(given) if given.endswith(".toml") else FOLDER / f"{given}.toml"
    if path.is_file():
        return path
    known = sorted(file.stem for file in FOLDER.glob("*.toml"))
    mend = near(given, known) or (f"known: {', '.join(known)}" if known else "give the path of a .toml file")
    raise UserError("teacher", f"there is no {path}", mend)


def _told(path: Path, error: ValidationError) -> UserError:
    """Say the first thing that is wrong, with its place and the nearest known name."""
    first = error.errors()[0]
    loc = [str(part) for part in first["loc"]]
    where = f"{path}: {'.'.join(loc)}"
    if first["type"] == "extra_forbidden":
        tables: dict[str, type[Table]] = {"prices": Prices, "limits": Limits}
        known = list(tables.get(loc[0], Teacher).model_fields)
        mend = near(loc[-1], known) or f"known: {', '.join(known)}"
        if "key" in loc[-1].lower():
            mend = "a key never stands in the file: name the environment variable that holds it with key_variable"
        return UserError(where, "no such setting", mend)
    if first["type"] == "missing":
        return UserError(where, "is missing", f"add a line such as {LINES[loc[-1]]}")
    return UserError(where, "cannot be used", first["msg"].lower())
