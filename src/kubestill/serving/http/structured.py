"""`response_format`: an answer that is JSON of a schema. The grammar lets nothing else be written, and what was written is validated.

No check of the domain looks at such an answer; its verdict is whether it fits. It is neither cached, repaired nor escalated.
"""

import json
import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kubestill.ground.errors import UserError
from kubestill.serving.api import Served, Trace, Turn
from kubestill.serving.http.errors import ApiError
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict
from kubestill.tools.engines.api import Ask
from kubestill.tools.grammar.api import Grammar, Reading, Step
from kubestill.tools.grammar.limits import hold

if TYPE_CHECKING:
    from kubestill.serving.answer import Answer

WHERE = "response_format"
CODE = "JSON"  # of the finding of an answer that does not fit
MAX_SCHEMA = 100_000  # characters


@dataclass(frozen=True)
class JsonGuide:
    """Leads an answer along a JSON schema."""

    text: str

    def start(self, reading: Reading) -> Step:  # noqa: ARG002 - the schema alone decides
        """Return the only step."""
        return Step(Grammar(self.text, "json", WHERE))


@dataclass(frozen=True)
class Shape:
    """A JSON schema that an answer fits."""

    schema: str

    @classmethod
    def of(cls, schema: Any) -> "Shape":
        """Return the shape of a schema that a client gave.

        Raises:
            ApiError: it is none, or too large.
        """
        from jsonschema_rs import ValidationError

        try:
            text = json.dumps(schema, allow_nan=False)
            text.encode()
            if len(text) > MAX_SCHEMA:
                raise ValueError(f"{len(text):,} characters, at most {MAX_SCHEMA:,} are read")
            if not isinstance(schema, dict):
                raise ValueError("a schema is a JSON object")
            hold(Grammar(text, "json", WHERE))
            _validator_for(schema)
        except (ValueError, RecursionError, ValidationError, UserError) as error:
            raise ApiError("invalid_request", f"{WHERE}: {str(error).splitlines()[0]}", WHERE) from None
        return cls(text)

    def answer(self, served: Served, turn: Turn) -> "Answer":
        """Let a model answer in this shape.

        Raises:
            UserError: its engine cannot follow the schema, or the request is too long.
            TimeoutError: time is over.
            Stopped: nobody waits any longer.
        """
        from kubestill.serving.answer import Answer

        begun, inquiry = time.monotonic(), turn.inquiry
        turn.until = begun + inquiry.timeout_seconds if inquiry.timeout_seconds else None
        wish = inquiry.wish
        ask = Ask(wish.max_tokens, wish.temperature, wish.top_p, wish.seed)
        reply = turn.wait(served.desk.submit(inquiry.request, ask, JsonGuide(self.schema)))
        # A student that notes writes its JSON where its notes would stand, since the grammar leaves no other place.
        reply = replace(reply, text=reply.text or reply.notes, notes="")
        seconds = time.monotonic() - begun
        turn.by = served.name
        turn.traces.append(Trace("structured", seconds))
        return Answer(reply, self._verdict(reply.text), seconds, by=served.name)

    @cached_property
    def _validator(self) -> Any:
        return _validator_for(json.loads(self.schema))

    def _verdict(self, text: str) -> Verdict:
        try:
            found = [(error.instance_path, error.message) for error in self._validator.iter_errors(json.loads(text))]
        except (ValueError, RecursionError) as error:
            found = [([], f"no JSON: {error}")]
        findings = tuple(Finding(CODE, ".".join(map(str, path)), told[:MAX_SCHEMA], Tier.SCHEMA) for path, told in found)
        return Verdict((Result(CODE, Tier.SCHEMA, Outcome.FAIL if findings else Outcome.PASS, findings),))


def _validator_for(schema: Any) -> Any:
    """Return the validator of a schema. It reads nothing but the schema: the package would fetch addresses and open files for a stranger.

    Raises:
        ValidationError: it is none, or refers to what does not stand in it.
    """
    from jsonschema_rs import validator_for

    def refuse(uri: str) -> Any:
        raise ValueError(f"a schema stands for itself, {uri[:100]!r} is not read")

    return validator_for(schema, retriever=refuse)
