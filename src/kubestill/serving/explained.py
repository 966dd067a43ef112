"""What a kind, a field or a check is, for programs and for people: MCP and the kubectl plugin tell it alike."""

import re
import textwrap
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

SENTENCE_CHARS = 160  # of a field among others


class ExplainedField(BaseModel):
    """A field of what is explained."""

    name: str
    type: str = ""
    required: bool = False
    description: str = ""

    def told(self) -> str:
        """Return it in one line."""
        kind = ", ".join(filter(None, (self.type, "required" if self.required else "")))
        return f"  {self.name}" + (f" ({kind})" if kind else "") + (f": {_sentence(self.description)}" if self.description else "")


class Explained(BaseModel):
    """A kind, a field or a check. `values` are the only ones allowed, where there are such; `remedy` is a check's."""

    path: str
    version: str = ""
    api_version: str = ""
    kind: str = ""
    type: str = ""
    required: bool = False
    description: str = ""
    remedy: str = ""
    values: list[str] = []
    fields: list[ExplainedField] = []

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Explained":
        """Read what `Service.explain` returns."""
        return cls.model_validate({**record, "remedy": record.get("check", {}).get("remedy", "")})

    def told(self) -> str:
        """Return it in lines, as `kubectl explain` would; of the fields the first sentence, since the whole may take pages."""
        head = f"{self.path or 'kinds'} ({self.type}{', required' if self.required else ''})"
        of = f"{self.kind} of {self.api_version}, Kubernetes {self.version}" if self.kind else ""
        values = f"one of: {', '.join(self.values)}" if self.values else ""
        remedy = f"remedy: {self.remedy}" if self.remedy else ""
        return "\n".join(filter(None, (head, of, self.description, remedy, values, *(one.told() for one in self.fields))))


def _sentence(text: str) -> str:
    """Return the first sentence of a description, at most a line of it."""
    return textwrap.shorten(re.split(r"(?<=[.;])\s", text, maxsplit=1)[0], SENTENCE_CHARS, placeholder=" ...")
