"""How a model that is not ours is spoken to: its own chat template, in a sandbox, as transformers renders it."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from kubestill.ground.errors import UserError
from kubestill.ground.registry import need
from kubestill.tools.chat.format import Prompt

if TYPE_CHECKING:
    from jinja2 import Template

MAX_TEMPLATE_CHARS = 100_000  # the longest known has 20,000


@dataclass(frozen=True)
class TemplateVoice:
    """A chat template; `begin` and `end` are the names of the tokens that it may write, `where` the file it stands in."""

    template: str
    begin: str
    end: str
    where: str
    copying: str = "spell"
    notes: bool = False

    def prompt(self, request: str) -> Prompt:
        """Render a request up to the point where the model writes.

        Raises:
            UserError: the template refuses.
            Unavailable: jinja2 is not installed.
        """
        need("jinja2")
        from jinja2.exceptions import TemplateError

        messages = [{"role": "user", "content": request}]
        try:
            text = self._compiled.render(messages=messages, add_generation_prompt=True, bos_token=self.begin, eos_token=self.end)
        except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
            raise UserError(self.where, f"its chat template does not take a request ({error})", "give a model for chats") from None
        return Prompt(text, {})

    def answer(self, text: str, prompt: Prompt) -> str:
        """Turn the model's text into the answer: it stands as it is."""
        assert not prompt.slots
        return text

    def understood(self, text: str, prompt: Prompt) -> str:
        """Return what the model noted of the request: it does not."""
        del text, prompt
        return ""

    @cached_property
    def _compiled(self) -> "Template":
        from jinja2.exceptions import TemplateError
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        if not self.template:
            raise UserError(self.where, "no chat template, and no chat.json beside it", "give a model for chats")
        if len(self.template) > MAX_TEMPLATE_CHARS:
            raise UserError(self.where, f"a chat template of {len(self.template)} characters", "give a model for chats")
        room = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        room.filters["tojson"] = _tojson
        room.globals.update(raise_exception=_refuse, strftime_now=lambda form: datetime.now().strftime(form))
        try:
            return room.from_string(self.template)
        except TemplateError as error:
            raise UserError(self.where, f"its chat template is no Jinja ({error})", "give a model for chats") from None


def _refuse(message: str) -> NoReturn:
    from jinja2.exceptions import TemplateError

    raise TemplateError(message)


def _tojson(value: Any, indent: int | None = None, ensure_ascii: bool = False) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)
