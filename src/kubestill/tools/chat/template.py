"""How a model that is not ours is spoken to: its own chat template, in a sandbox, as transformers renders it.

What a folder says of it stands in tokenizer_config.json, chat_template.jinja and generation_config.json.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kubestill.ground.errors import UserError
from kubestill.ground.registry import need
from kubestill.tools.chat.format import Prompt

if TYPE_CHECKING:
    from jinja2 import Template
    from tokenizers import Tokenizer

MAX_TEMPLATE_CHARS = 100_000  # the longest known has 20,000
SETTINGS = ("generation_config.json", "config.json")  # where the tokens stand that end an answer; the first that names some


@dataclass(frozen=True)
class TemplateVoice:
    """A chat template; `begin` and `end` are the names of the tokens that it may write, `where` the file it stands in.

    `stop` is the name of the token that ends an answer, for those who teach it.
    """

    template: str
    begin: str
    end: str
    where: str
    copying: str = "spell"
    notes: bool = False
    stop: str = ""

    def prompt(self, request: str, hidden: float = 0.0) -> Prompt:  # noqa: ARG002 - nothing is hidden from a model that knows all words
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

    def target(self, answer: str, prompt: Prompt, notes: str = "") -> str:  # noqa: ARG002 - none are taken
        """Return what the model is taught to write for `answer`, without the token that ends it: the answer as it stands."""
        assert not prompt.slots
        return answer

    def document(self, text: str) -> tuple[str, str]:
        """Return what stands before a text that nobody asked for, a token that begins or ends texts, and the text."""
        return self.begin or self.stop, text

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


def read_voice(folder: Path, stop: str = "") -> TemplateVoice:
    """Return how the model in a Hugging Face folder is spoken to; `stop` ends its answers.

    Raises:
        UserError: there is no chat template, or a file is malformed.
    """
    settings = _read(folder / "tokenizer_config.json")
    path = folder / "chat_template.jinja"
    template = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else settings.get("chat_template")
    if isinstance(template, list):  # several, by name
        named = {row.get("name"): row.get("template") for row in template if isinstance(row, dict)}
        template = named.get("default")
    if not isinstance(template, str) or not template:
        raise UserError(str(folder), "no chat template", "give a model that was trained for chats")
    return TemplateVoice(template, _token(settings, "bos_token"), _token(settings, "eos_token"), str(folder), stop=stop)


def _token(settings: dict[str, Any], name: str) -> str:
    """Return the name of a token, which stands there plainly or with its properties."""
    token = settings.get(name)
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) else ""


def read_ends(folder: Path, tokenizer: "Tokenizer") -> tuple[int, ...]:
    """Return the tokens that end an answer, the one of the chat template first.

    Raises:
        UserError: none is named, or a file is malformed.
    """
    named = tokenizer.token_to_id(_token(_read(folder / "tokenizer_config.json"), "eos_token"))
    found = [] if named is None else [named]
    for file in SETTINGS:
        ends = _read(folder / file).get("eos_token_id")
        found += [end for end in (ends if isinstance(ends, list) else [ends]) if isinstance(end, int) and not isinstance(end, bool)]
    known = [end for end in dict.fromkeys(found) if tokenizer.id_to_token(end) is not None] if all(end >= 0 for end in found) else []
    if not known:
        raise UserError(str(folder), "no token that ends an answer", "give eos_token_id in generation_config.json")
    return tuple(known)


def _read(path: Path) -> dict[str, Any]:
    """Return the settings of a JSON file, none where it is not there.

    Raises:
        UserError: it holds something else.
    """
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(str(path), f"not JSON ({error})", "fetch it again") from None
    if not isinstance(found, dict):
        raise UserError(str(path), "no settings in it", "fetch it again")
    return found
