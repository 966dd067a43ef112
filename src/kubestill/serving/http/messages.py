"""Chat messages as clients send them, and the request in them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kubestill.serving.http.errors import ApiError

MAX_MESSAGES, MAX_PARTS = 500, 500
MAX_STOPS, MAX_STOP = 4, 200


class Tolerant(BaseModel):
    """A part of a request as OpenAI reads it: other fields are passed over, other types are refused."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class TextPart(Tolerant):
    """A part of a message. Only text is read here; a picture, a sound or a file is refused."""

    type: Literal["text", "input_text", "output_text", "refusal"]
    text: str = ""
    refusal: str = ""


Content = str | Annotated[list[TextPart], Field(max_length=MAX_PARTS)]


class ChatMessage(Tolerant):
    """One message. A `tool` message is read as what a tool said."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content | None = None


Stops = (
    Annotated[str, Field(min_length=1, max_length=MAX_STOP)]
    | Annotated[list[Annotated[str, Field(min_length=1, max_length=MAX_STOP)]], Field(max_length=MAX_STOPS)]
)


def text_of(content: Content | None) -> str:
    """Return the text of a message."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part.text or part.refusal for part in content)


def stops_of(stop: str | list[str] | None) -> tuple[str, ...]:
    """Return stop sequences as a tuple."""
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def refuse_tools(choice: Any) -> None:
    """Tools may be offered, and are answered in text: no model here calls any.

    Raises:
        ApiError: a call is required.
    """
    mode = choice.get("mode", "required") if isinstance(choice, dict) and choice.get("type") == "allowed_tools" else choice
    if mode not in (None, "auto", "none"):
        raise ApiError("unsupported", 'tool_choice: no model here calls tools; take "auto", which is answered in text', "tool_choice")
