"""From what clients send to the inquiry that goes down the path."""

from collections.abc import Sequence
from dataclasses import replace

from kubestill.serving.api import Inquiry, Served
from kubestill.serving.conversation import Message, Role, read_conversation
from kubestill.serving.http.errors import ApiError
from kubestill.serving.http.extension import Asked, Sampling, inquiry_of
from kubestill.serving.http.messages import ChatMessage, text_of

_ROLES: dict[str, Role] = {"function": "tool"}  # the old name


def inquiry_of_messages(served: Served, messages: Sequence[ChatMessage], asked: Asked, sampling: Sampling) -> Inquiry:
    """Return the inquiry of a chat. What it says of a manifest counts only where the request's `kubestill` gives none.

    Raises:
        ApiError: nobody asks anything in it.
    """
    told = [Message(_ROLES.get(one.role, one.role), text_of(one.content)) for one in messages]  # type: ignore[arg-type]  # the rest are Roles
    said = read_conversation(told, served.desk.notes)
    if asked.edit:
        last = next((one.text for one in reversed(told) if one.role == "user"), "")
        return inquiry_of(asked_for(last, "messages"), asked, sampling)
    inquiry = inquiry_of(asked_for(said.request, "messages"), asked, sampling)
    return replace(inquiry, manifest=said.manifest, document=said.document if asked.document is None else asked.document)


def asked_for(text: str, param: str) -> str:
    """Return a request that says something.

    Raises:
        ApiError: it does not.
    """
    if not text.strip():
        raise ApiError("invalid_request", f"{param}: nothing is asked; the last user message is the request", param)
    return text
