"""A question to a teacher, and the name that it is bought under."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubestill.ground.fingerprint import fingerprint
from kubestill.tools.teachers.settings import Teacher


@dataclass(frozen=True, slots=True)
class Question:
    """Messages as (role, content), and the JSON schema of the reply, which is an object."""

    messages: tuple[tuple[str, str], ...]
    schema: Mapping[str, Any]

    def body(self, teacher: Teacher) -> dict[str, Any]:
        """Return what is posted to /chat/completions."""
        body: dict[str, Any] = {
            "model": teacher.model,
            "messages": [{"role": role, "content": content} for role, content in self.messages],
            teacher.limit_field: teacher.max_reply_tokens,
            "stream": False,
        }
        if teacher.temperature is not None:
            body["temperature"] = teacher.temperature
        if teacher.structured == "json_schema":
            asked = {"name": "reply", "strict": True, "schema": dict(self.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": asked}
        elif teacher.structured == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body


def question_key(body: Mapping[str, Any]) -> str:
    """Return the name of a purchase: equal bodies (the model is in them) are bought once."""
    return fingerprint({"model": body["model"], "body": body})


def spelled(body: Mapping[str, Any]) -> bytes:
    """Return a body as the bytes that are sent; half of a surrogate pair becomes a question mark."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
