"""What `POST /v1/responses` takes and gives."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from kubestill.serving.http.chat_models import MAX_TOKENS, Drawn
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.extension import Asked, Said
from kubestill.serving.http.messages import MAX_MESSAGES, ChatMessage, Content, Tolerant, refuse_tools
from kubestill.serving.http.structured import Shape


class Item(Tolerant):
    """Something of a conversation. What is no message (calls of tools, reasoning) is passed over."""

    type: str = Field(default="message", max_length=100)
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: Content | None = None

    @model_validator(mode="before")
    @classmethod
    def _pass_over(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(kind := given.get("type"), str) and kind != "message":
            return {"type": kind}
        return given


class TextFormat(Tolerant):
    """Text, any JSON object, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Any = Field(default=None, alias="schema")

    def shape(self) -> Shape | None:
        """Return the shape that an answer must have, None for text.

        Raises:
            ApiError: the schema is missing, or none.
        """
        if self.type == "text":
            return None
        if self.type == "json_schema" and self.json_schema is None:
            raise ApiError("invalid_request", "text.format.schema is missing", "text")
        return Shape.of({"type": "object"} if self.type == "json_object" else self.json_schema)


class TextSettings(Tolerant):
    """The form of the answer."""

    format: TextFormat | None = None


class ResponsesRequest(Drawn):
    """What OpenAI's responses take, as far as it means something here, and our `kubestill`. Nothing is stored."""

    input: str | Annotated[list[Item], Field(min_length=1, max_length=MAX_MESSAGES)]
    instructions: str | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] | None = None
    stream: bool | None = None
    text: TextSettings | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    conversation: str | dict[str, Any] | None = None
    background: bool | None = None
    metadata: dict[str, str] | None = None
    kubestill: Asked = Asked()

    def messages(self) -> list[ChatMessage]:
        """Return the conversation as chat messages."""
        told = [ChatMessage(role="system", content=self.instructions)] if self.instructions else []
        if isinstance(self.input, str):
            return [*told, ChatMessage(role="user", content=self.input)]
        said = [one for one in self.input if one.type == "message" and one.role is not None]
        return [*told, *(ChatMessage.model_validate({"role": one.role, "content": one.content}) for one in said)]

    def check(self) -> None:
        """Refuse what would need memory, or tools.

        Raises:
            ApiError: with the field.
        """
        for name in ("previous_response_id", "conversation", "background"):
            if getattr(self, name):
                raise ApiError("unsupported", f"{name}: nothing is stored here; send the whole conversation as input", name)
        refuse_tools(self.tool_choice)

    def shape(self) -> Shape | None:
        """Return the shape that the answer must have, None for text."""
        return self.text.format.shape() if self.text and self.text.format else None


class OutputText(BaseModel):
    """The text of an answer."""

    type: Literal["output_text"] = "output_text"
    text: str
    annotations: list[Any] = []
    logprobs: list[Any] = []


class OutputMessage(BaseModel):
    """An answer."""

    id: str
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    status: Literal["in_progress", "completed", "incomplete"]
    content: list[OutputText]


class InputDetails(BaseModel):
    """Of the tokens read: those that a cached answer had read before."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputDetails(BaseModel):
    """Of the tokens written: none is hidden."""

    reasoning_tokens: int = 0


class ResponsesUsage(BaseModel):
    """Tokens read and written."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails = OutputDetails()
    total_tokens: int


class Incomplete(BaseModel):
    """Why an answer is not whole."""

    reason: Literal["max_output_tokens"]


class ResponseFault(BaseModel):
    """Why there is no answer."""

    code: str
    message: str


class ModelResponse(BaseModel):
    """A reply; `kubestill` is there once the answer is."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    completed_at: int | None = None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    error: ResponseFault | None = None
    incomplete_details: Incomplete | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    metadata: dict[str, str] = {}
    model: str
    output: list[OutputMessage] = []
    parallel_tool_calls: bool = False
    previous_response_id: None = None
    store: Literal[False] = False
    temperature: float
    top_p: float
    text: dict[str, Any] = {"format": {"type": "text"}}
    tool_choice: Any = "auto"
    tools: list[dict[str, Any]] = []
    truncation: Literal["disabled"] = "disabled"
    usage: ResponsesUsage | None = None
    kubestill: Said | None = None
