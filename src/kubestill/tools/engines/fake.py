"""An engine without a model: a function or a table says what it answers. For tests and for trying the pipeline."""

from collections.abc import Callable, Mapping, Sequence

from kubestill.tools.engines.api import Ask, Reply, Told
from kubestill.tools.grammar.api import Guide


class FakeEngine:
    """Answers by script: a mapping from request to text, or a function; words count as tokens. A script follows no guide."""

    name = "fake"

    def __init__(self, script: Mapping[str, str] | Callable[[str], str], default: str = "") -> None:
        """`default` answers what a mapping does not hold."""
        self.script, self.default = script, default
        self.asked: list[tuple[str, Ask]] = []
        self.guides: list[Guide | None] = []

    def generate(self, requests: Sequence[str], ask: Ask, guides: Sequence[Guide | None] | None = None) -> list[Reply]:
        """Answer every request from the script, and remember what was asked, under which guides."""
        self.asked += [(request, ask) for request in requests]
        self.guides += guides or [None] * len(requests)
        return [self._reply(request, ask) for request in requests]

    def stream(self, request: str, ask: Ask, guide: Guide | None, told: Told) -> Reply:
        """Answer a request from the script, and tell the answer line by line."""
        (reply,) = self.generate([request], ask, [guide])
        for line in reply.text.splitlines(keepends=True):
            told(line)
        return reply

    def _reply(self, request: str, ask: Ask) -> Reply:
        text = self.script(request) if callable(self.script) else self.script.get(request, self.default)
        tokens = len(text.split())
        return Reply(text, len(request.split()), tokens, cut=tokens >= ask.max_new_tokens)
