"""One checked answer from a model: what `ask` prints.

The request is answered under the domain's guide, judged, and asked at most once more, with what the checks found, where no answer passed.
With a draft the model answers freely first, and then under the guide with its draft before it: masking bends what a model says, and a
larger one that has said it in its own way first needs less bending (../shared/references/methods.md, section 5).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kubestill.domains.api import TASK, Domain, Intent, skill_of
from kubestill.ground.errors import UserError
from kubestill.pipeline.lint_files import contents
from kubestill.pipeline.models import Model, load_domain, load_engine
from kubestill.tools.checks.api import Outcome, Verdict
from kubestill.tools.engines.api import ANSWER_TOKENS, Ask, Engine, Removed, Reply, Streams, Told, TooLong
from kubestill.tools.grammar.api import Guide

DRAWN = 0.7  # temperature of the answers after the first, where several are wanted and none is told
SHOWN_FINDINGS, SHOWN_REMOVED = 8, 8


@dataclass(frozen=True)
class Wish:
    """How an answer is asked for.

    `kinds`: of one of these. `skill`: what is to be done, as in "kubectl"; "": the model decides, if it has learned to.
    `version` of the cluster ("": the usual one) and `definitions`, files or folders of custom resources.
    `free`: without the guide. `draft`: freely first, then under the guide. `tries`: how many answers, of which the checks choose.
    """

    kinds: tuple[str, ...] = ()
    skill: str = ""
    version: str = ""
    definitions: tuple[Path, ...] = ()
    free: bool = False
    draft: bool = False
    tries: int = 1
    temperature: float = 0.0
    seed: int = 0
    domain: str = ""


@dataclass(frozen=True)
class Answer:
    """A model's answer with its verdict, how it was written, and how long it took, the model's loading left out.

    `held` says that the answer was held against what the model noted of the request, where it noted anything. `draft` is what it said
    freely before, where it was asked to.
    """

    reply: Reply
    verdict: Verdict
    seconds: float = 0.0
    repaired: bool = False
    held: bool = True
    draft: Reply | None = None

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        reply, verdict = self.reply, self.verdict
        return {
            "answer": reply.text,
            "passed": verdict.passed,
            "failed_on": verdict.failed_on,
            "understood": reply.notes.splitlines(),
            "unused": list(reply.unused),
            "findings": [
                {"tier": f.tier.name.lower(), "code": f.code, "path": f.path, "message": f.message, "remedy": f.remedy}
                for f in verdict.findings
            ],
            "truncated": reply.cut,
            "repaired": self.repaired,
            "draft": self.draft.text if self.draft else "",
            "draft_tokens": self.draft.tokens if self.draft else 0,
            "tokens": reply.tokens,
            "forced_tokens": reply.forced,
            "drafted_tokens": reply.drafted,
            "removed": [_removed(one) for one in reply.removed],
            "seconds": round(self.seconds, 3),
        }

    def told(self) -> list[str]:
        """Return the verdict in lines for people."""
        judged = [result for result in self.verdict.results if result.outcome is not Outcome.SKIP]
        counted = f"{len(judged)} checks looked, {len(self.verdict.results) - len(judged)} had nothing to look at"
        outcome = "passed" if self.verdict.passed else f"failed on {self.verdict.failed_on}" if self.verdict.failed_on else "not judged"
        lines = [_understood(self.reply.notes)] if self.reply.notes else []
        lines.append(f"verdict: {outcome}{', after a repair' if self.repaired else ''} ({counted})")
        pasted = _task(self.reply.notes) and len(self.reply.unused) > SHOWN_FINDINGS  # an output holds more than its answer uses
        if self.reply.unused and self.verdict.passed and not pasted:
            said = ", ".join(map(repr, self.reply.unused[:SHOWN_FINDINGS]))
            lines.append(f"  not used of the request: {said}. It may be noise; if not, it was not understood")
        if not self.held and self.verdict.passed:
            lines.append("  what was understood cannot be read, so the answer was not held against it")
        for found in self.verdict.findings[:SHOWN_FINDINGS]:
            lines.append(f"  {found.code} {found.path}: {found.message}" + (f". {found.remedy}" if found.remedy else ""))
        if len(self.verdict.findings) > SHOWN_FINDINGS:
            lines.append(f"  and {len(self.verdict.findings) - SHOWN_FINDINGS} more findings")
        return [*lines, "  the answer is cut: it reached the limit of tokens"] if self.reply.cut else lines

    def explained(self) -> list[str]:
        """Return in lines how the answer was written: what needed no choice, and what the grammar took away."""
        reply = self.reply
        share = f"{reply.forced} of {reply.tokens} tokens needed no choice, {reply.drafted} were guessed before the model was asked"
        lines = [f"{share}; {self.seconds:.2f} s"]
        if self.draft:
            lines.append(f"drafted freely in {self.draft.tokens} tokens{', the same as the answer' if self._as_drafted() else ''}")
        for one in reply.removed[:SHOWN_REMOVED]:
            lines.append(f"  at token {one.at}: wanted {one.token_text!r} ({one.probability:.0%}), the grammar left {one.chosen_text!r}")
        if len(reply.removed) > SHOWN_REMOVED:
            lines.append(f"  and {len(reply.removed) - SHOWN_REMOVED} more that the grammar took away")
        return lines if reply.removed else [*lines, "  nothing is known to have been taken away by a grammar"]

    def _as_drafted(self) -> bool:
        return self.draft is not None and self.draft.text.strip() == self.reply.text.strip()


def _task(notes: str) -> str:
    """Return the task that notes begin with; "" for the domain's first one, whose notes name none."""
    first = notes.partition("\n")[0]
    return first.removeprefix(f"{TASK}: ") if first.startswith(f"{TASK}: ") else ""


def _understood(notes: str) -> str:
    """Return notes in one line: a task is what was understood, and what follows it is understood of the request."""
    task, lines = _task(notes), notes.splitlines()
    if not task:
        return f"understood: {' · '.join(lines)}"
    return f"understood as a question for {task}" + (f": {' · '.join(lines[1:])}" if lines[1:] else "")


def _removed(one: Removed) -> dict[str, Any]:
    return {"at": one.at, "wanted": one.token_text, "probability": round(one.probability, 4), "chosen": one.chosen_text}


def ask_model(model: Model, request: str, wish: Wish = Wish(), told: Told | None = None) -> Answer:
    """Return the answer that the checks choose; it may have failed. `told`: the only answer is told line by line as it is written.

    What was told cannot be taken back, so such an answer is not repaired.

    Raises:
        UserError: the request is too long for the model's context, there is no such domain, kind or version, a definition is none, or
            the model does not draft.
        Unavailable: the engine's packages are not installed.
    """
    domain = wished_domain(model, wish)
    guide = None if wish.free else domain.guide(wish.kinds, wish.skill)
    engine, started = load_engine(model), time.monotonic()
    if (
        wish.skill not in ("", next(iter(domain.skills())))
        and getattr(engine, "notes", False)
        and wish.skill not in getattr(engine, "tasks", ())
    ):
        raise UserError("--task", f"this model has not learned {wish.skill}", "--model kubernetes-skills has")
    if wish.draft and getattr(engine, "notes", False):
        raise UserError(
            "--draft", "this model notes what it understood, and what it notes is built", "leave it out, or give another --model"
        )
    found = _best([_answered(engine, domain, request, (guide, wish, number, told)) for number in range(wish.tries)])
    if told is None and not found.verdict.passed and found.verdict.findings:
        again = _once_more(engine, _with_findings(request, found), guide, wish)
        found = found if again is None else _chosen(found, _judged(domain, again, wish.skill))
    return replace(found, seconds=time.monotonic() - started)


def _answered(engine: Engine, domain: Domain, request: str, how: tuple[Guide | None, Wish, int, Told | None]) -> Answer:
    """Return one judged answer, and what was drafted before it."""
    guide, wish, number, told = how
    draft = engine.generate([request], _asked(wish, number))[0] if wish.draft else None
    asked = request if draft is None else _with_draft(request, draft)
    try:
        reply = _reply(engine, asked, _asked(wish, number), (guide, told))
    except TooLong as error:
        if draft is None:
            raise
        raise TooLong(
            "--draft", f"with its draft of {draft.tokens} tokens the request is too long ({error.found})", "leave it out"
        ) from None
    return replace(_judged(domain, reply, wish.skill), draft=draft)


def _reply(engine: Engine, request: str, ask: Ask, how: tuple[Guide | None, Told | None]) -> Reply:
    """Return a reply; an engine that cannot tell it while it is written tells it whole."""
    guide, told = how
    if told is not None and isinstance(engine, Streams):
        return engine.stream(request, ask, guide, told)
    (reply,) = engine.generate([request], ask, [guide])
    if told is not None:
        told(reply.text)
    return reply


def wished_domain(model: Model, wish: Wish) -> Any:
    """Return the domain that guides and judges.

    Raises:
        UserError: there is no such domain or version, or a file of definitions defines nothing.
    """
    domain = load_domain(wish.domain or model.domain, wish.version)
    if wish.definitions:
        domain.learn_definitions(contents(wish.definitions, b""))
    return domain


def greedy(wish: Wish) -> Ask:
    """Return how the first answer is generated: greedily, unless a temperature is wished."""
    return _asked(wish, 0)


def _asked(wish: Wish, number: int) -> Ask:
    temperature = wish.temperature or (DRAWN if number else 0.0)
    return Ask(ANSWER_TOKENS, temperature, seed=wish.seed + number)


def _once_more(engine: Engine, request: str, guide: Guide | None, wish: Wish) -> Reply | None:
    """Return another answer; None where the findings leave no room for one."""
    try:
        return engine.generate([request], _asked(wish, 0), [guide])[0]
    except TooLong:
        return None


def _chosen(first: Answer, second: Answer) -> Answer:
    """Return the second answer if it passes, else the first."""
    return replace(second, repaired=True) if second.verdict.passed else first


def _judged(domain: Domain, reply: Reply, skill: str) -> Answer:
    """Judge a reply; what the model noted of the request must hold of its answer. Its notes say which skill's checks, if none is wished."""
    intents: Sequence[Intent] | None = domain.understood(reply.notes) if reply.notes else None
    verdict = domain.judge(reply.text, intents, skill or skill_of(intents))
    return Answer(reply, verdict, held=not reply.notes or intents is not None)


def _best(answers: Sequence[Answer]) -> Answer:
    """Return the answer that passed and that most of those that passed agree with; of equals the first."""
    passed = [answer for answer in answers if answer.verdict.passed]
    texts = [answer.reply.text for answer in passed]
    return max(passed, key=lambda answer: texts.count(answer.reply.text)) if passed else answers[0]


def _with_findings(request: str, answer: Answer) -> str:
    """Return the request once more, with what was found in the answer."""
    found = "\n".join(f"- {one.path}: {one.message}" for one in answer.verdict.findings[:SHOWN_FINDINGS])
    return f"{request}\n\nAn answer to this failed its checks:\n{found}"


def _with_draft(request: str, draft: Reply) -> str:
    """Return the request once more, with what the model said to it freely."""
    return f"{request}\n\nA draft of the answer, which may hold mistakes:\n{draft.text.strip()}\n\nGive the final answer alone."
