"""What `POST /v1/chat/completions` takes and gives."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.extension import Asked, Said, Sampling
from kubestill.serving.http.messages import MAX_MESSAGES, ChatMessage, Stops, Tolerant
from kubestill.serving.http.structured import Shape
from kubestill.serving.http.usage import Usage

MAX_CHOICES = 8
MAX_TOKENS = 1 << 20
SEEDS = 1 << 62
LEAST_TOP_P = 1e-6  # 0 means the likeliest token alone


class StreamOptions(Tolerant):
    """Whether a stream ends with the tokens that were used."""

    include_usage: bool | None = None


class JsonSchema(Tolerant):
    """A schema and its name."""

    name: str = ""
    json_schema: Any = Field(default=None, alias="schema")


class ResponseFormat(Tolerant):
    """Text, any JSON object, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    def shape(self) -> Shape | None:
        """Return the shape that an answer must have, None for text.

        Raises:
            ApiError: the schema is missing, or none.
        """
        if self.type == "text":
            return None
        if self.type == "json_object":
            return Shape.of({"type": "object"})
        if self.json_schema is None or self.json_schema.json_schema is None:
            raise ApiError("invalid_request", "response_format.json_schema.schema is missing", "response_format")
        return Shape.of(self.json_schema.json_schema)


class Drawn(Tolerant):
    """Which model answers, and how it chooses its tokens."""

    model: str = Field(default="", max_length=500)
    seed: Annotated[int, Field(ge=-SEEDS, le=SEEDS)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None

    def sampling(self, max_tokens: int | None) -> Sampling:
        """Return how tokens are chosen; temperature 0 unless told, since manifests are not literature."""
        top_p = 1.0 if self.top_p is None else max(self.top_p, LEAST_TOP_P)
        return Sampling(temperature=self.temperature or 0.0, top_p=top_p, seed=self.seed or 0, max_tokens=max_tokens)


class ChatRequest(Drawn):
    """What OpenAI's chat completions take, as far as it means something here, and our `kubestill`."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=MAX_MESSAGES)
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] | None = None
    stop: Stops | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    logprobs: bool | None = None
    kubestill: Asked = Asked()


class ChatSaid(BaseModel):
    """The message of an answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    """One answer; it carries its own `kubestill` where several were wanted."""

    index: int
    message: ChatSaid
    finish_reason: Literal["stop", "length"]
    logprobs: None = None
    kubestill: Said | None = None


class ChatCompletion(BaseModel):
    """A reply; `kubestill` is of its first choice."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage
    kubestill: Said
