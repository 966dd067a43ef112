"""Reading what a server sent back: what is not exactly a whole reply in the asked form is malformed, with a reason; nothing is guessed."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kubestill.ground.servers import clean
from kubestill.tools.teachers.budget import Cost, cost
from kubestill.tools.teachers.ledger import Outcome, Result
from kubestill.tools.teachers.questions import Question
from kubestill.tools.teachers.settings import Teacher

MAX_REPLY_BYTES = 1 << 20  # of a whole HTTP body: a reply of 16,000 tokens with every character escaped fits
MAX_USED = 1 << 40  # tokens of one reply: what is more is no count
MIN_SECRET_CHARS = 8  # a key that is shorter ("EMPTY", "none") is no secret, and may well be a word of a reply


@dataclass(frozen=True, slots=True)
class Arrived:
    """A response with status 200, as its bytes came."""

    content_type: str
    content: bytes


class Malformed(Exception):
    """Why a reply is of no use."""


def read_reply(arrived: Arrived, question: Question, teacher: Teacher, reserved: Cost, key: str = "") -> Result:
    """Return what a response says; `text` is its content, which fits the question's schema. `key` is kept out of all that is returned."""
    used = reserved
    try:
        found = _object(arrived)
        used = _used(found, teacher, reserved)
        text, reply_id = _content(found, teacher)
        parse_value(text, question)
    except Malformed as error:
        return Result(Outcome.MALFORMED, used, clean(str(error), key))
    if len(key) >= MIN_SECRET_CHARS and (key in text or key in reply_id):
        return Result(Outcome.MALFORMED, used, "repeats the key")
    return Result(Outcome.ANSWERED, used, "", text, reply_id)


def parse_value(text: str, question: Question) -> dict[str, Any]:
    """Return the object that a reply's content is.

    Raises:
        Malformed: it is no JSON, or does not fit the schema.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("content is no JSON") from None
    try:
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()
    except ValueError:  # half of a surrogate pair; or a number of more digits than Python writes
        raise Malformed("content is no Unicode text") from None
    if not isinstance(value, dict) or not _validator(json.dumps(question.schema, sort_keys=True)).is_valid(value):
        raise Malformed("content does not fit the schema")
    return value


@lru_cache(maxsize=32)
def _validator(schema: str) -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(json.loads(schema))


def _object(arrived: Arrived) -> dict[str, Any]:
    if "json" not in arrived.content_type.lower():
        raise Malformed("content type is not JSON's")
    if len(arrived.content) > MAX_REPLY_BYTES:
        raise Malformed(f"more than {MAX_REPLY_BYTES >> 10} KB")
    if not arrived.content.strip():
        raise Malformed("empty")
    try:
        found = json.loads(arrived.content.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    except (ValueError, RecursionError):
        raise Malformed("no JSON") from None
    if not isinstance(found, dict):
        raise Malformed("no chat completion")
    return found


def _used(found: dict[str, Any], teacher: Teacher, reserved: Cost) -> Cost:
    """Return what the server says it used; all that was reserved where it does not say, or says what cannot be."""
    usage = found.get("usage")
    told = [usage.get(name) if isinstance(usage, dict) else None for name in ("prompt_tokens", "completion_tokens")]
    numbers = [number for number in told if type(number) is int and 0 < number < MAX_USED]
    return cost(teacher.prices, numbers[0], numbers[1]) if len(numbers) == len(told) else reserved


def _content(found: dict[str, Any], teacher: Teacher) -> tuple[str, str]:
    """Return a completion's content and its id ("" where it has none)."""
    if "error" in found and "choices" not in found:
        raise Malformed("an error with status 200")
    model, reply_id, choices = found.get("model", teacher.model), found.get("id", ""), found.get("choices")
    if not isinstance(reply_id, str):
        raise Malformed("an id that is none")
    if not isinstance(model, str) or not (teacher.any_model or model.startswith(teacher.model)):  # gpt-4.1-mini-2025-04-14
        raise Malformed("from another model")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Malformed("no choices")
    message, reason = choices[0].get("message"), choices[0].get("finish_reason")
    content = message.get("content") if isinstance(message, dict) else None
    if reason == "length":
        raise Malformed("cut at the token limit")
    if reason not in ("stop", None):
        raise Malformed("ended early")
    if not isinstance(content, str) or not content.strip():
        raise Malformed("no content")
    return content, reply_id
