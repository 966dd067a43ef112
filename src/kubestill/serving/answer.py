"""An answer with its verdict, what people are told of it, and how a reply becomes one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubestill.domains.api import TASK, Domain, Intent, Traces, skill_of
from kubestill.ground.errors import UserError
from kubestill.serving.api import Candidate, Wish
from kubestill.serving.findings import finding_record
from kubestill.tools.checks.api import Finding, Outcome, Result, Tier, Verdict
from kubestill.tools.engines.api import Ask, Desk, Removed, Reply
from kubestill.tools.grammar.api import Guide

DRAWN = 0.7  # temperature of the answers after the first, where several are wanted and none is told
SHOWN_FINDINGS, SHOWN_REMOVED, SHOWN_LINE = 8, 8, 200  # findings, tokens, and letters of a note
MADE_UP = "ASK001"  # what no check of the domain can see, since it sees no request


@dataclass(frozen=True)
class Change:
    """How a manifest was changed: the difference from the old text.

    `whole` says that the document had to be printed anew: its comments are gone. `remarks`: what else a person should know.
    """

    diff: str
    whole: bool
    remarks: tuple[str, ...] = ()

    def told(self) -> list[str]:
        """Return what a person should know of it, in lines."""
        lines = [] if self.diff else ["nothing changed: the file does all of it already"]
        anew = ["the document was printed anew: its comments are gone"] if self.whole else []
        return [*lines, *anew, *self.remarks]

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"diff": self.diff, "printed_anew": self.whole, "remarks": list(self.remarks)}


@dataclass(frozen=True)
class Answer:
    """A model's answer with its verdict, how it was written, and how long it took, the model's loading left out.

    `held` says that the answer was held against what the model noted of the request, where it noted anything. `draft` is what it said
    freely before, where it was asked to. `change`: the answer is the new text of a manifest. `by` names the model that wrote it;
    `escalated` says that it is a larger one than was asked first.
    """

    reply: Reply
    verdict: Verdict
    seconds: float = 0.0
    repaired: bool = False
    held: bool = True
    draft: Reply | None = None
    change: Change | None = None
    by: str = ""
    escalated: bool = False

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        reply, verdict = self.reply, self.verdict
        return {
            "answer": reply.text,
            "passed": verdict.passed,
            "failed_on": verdict.failed_on,
            "understood": reply.notes.splitlines(),
            "unused": list(reply.unused),
            "findings": [finding_record(one) for one in verdict.findings],
            "truncated": reply.cut,
            "repaired": self.repaired,
            "draft": self.draft.text if self.draft else "",
            "draft_tokens": self.draft.tokens if self.draft else 0,
            "tokens": reply.tokens,
            "forced_tokens": reply.forced,
            "drafted_tokens": reply.drafted,
            "removed": [_removed(one) for one in reply.removed],
            "seconds": round(self.seconds, 3),
            **(self.change.record() if self.change else {}),
        }

    def told(self) -> list[str]:
        """Return the verdict in lines for people."""
        judged = [result for result in self.verdict.results if result.outcome is not Outcome.SKIP]
        counted = f"{len(judged)} checks looked, {len(self.verdict.results) - len(judged)} had nothing to look at"
        outcome = "passed" if self.verdict.passed else f"failed on {self.verdict.failed_on}" if self.verdict.failed_on else "not judged"
        lines = self.change.told() if self.change else []
        lines += [_understood(self.reply.notes)] if self.reply.notes else []
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
    task, lines = _task(notes), [line if len(line) <= SHOWN_LINE else f"{line[:SHOWN_LINE]}…" for line in notes.splitlines()]
    if not task:
        return f"understood: {' · '.join(lines)}"
    return f"understood as a question for {task}" + (f": {' · '.join(lines[1:])}" if lines[1:] else "")


def _removed(one: Removed) -> dict[str, Any]:
    return {"at": one.at, "wanted": one.token_text, "probability": round(one.probability, 4), "chosen": one.chosen_text}


def guide_of(domain: Domain, wish: Wish) -> Guide | None:
    """Return what leads an answer; None where it is free.

    Raises:
        UserError: there is no such kind or skill.
    """
    return None if wish.free else domain.guide(wish.kinds, wish.skill)


def agree(desk: Desk, domain: Domain, wish: Wish) -> None:
    """Refuse what a model cannot do.

    Raises:
        UserError: it has not learned the skill, or does not draft.
    """
    if wish.skill not in ("", next(iter(domain.skills()))) and desk.notes and wish.skill not in desk.tasks:
        raise UserError("--task", f"this model has not learned {wish.skill}", "--model kubernetes-skills has")
    if wish.draft and desk.notes:
        raise UserError(
            "--draft", "this model notes what it understood, and what it notes is built", "leave it out, or give another --model"
        )


def ask_of(wish: Wish, number: int = 0) -> Ask:
    """Return how an answer is generated: the first greedily, unless a temperature is wished; `number` counts from 0."""
    temperature = wish.temperature or (DRAWN if number else 0.0)
    return Ask(wish.max_tokens, temperature, wish.top_p, wish.seed + number)


def judged(domain: Domain, candidate: Candidate, wish: Wish, request: str) -> Answer:
    """Judge a reply; what the model noted of the request must hold of its answer. Its notes say which skill's checks, if none is wished.

    What it noted and the request does not say was asked for by nobody.
    """
    reply = candidate.reply
    intents: Sequence[Intent] | None = domain.understood(reply.notes) if reply.notes else None
    verdict = domain.judge(reply.text, intents, wish.skill or skill_of(intents))
    if intents and verdict.passed and isinstance(domain, Traces) and (unsaid := domain.unsaid(intents, request)):
        verdict = Verdict((*verdict.results, Result(MADE_UP, Tier.INTENT, Outcome.FAIL, tuple(map(_made_up, unsaid)))))
    return Answer(reply, verdict, held=not reply.notes or intents is not None, draft=candidate.draft)


def _made_up(intent: Intent) -> Finding:
    mend = "Say what you want, and its name: a service called NAME"
    if intent.aspect == "kind":
        told = f"a {intent.value} was made up: nothing in the request asks for one"
    elif intent.aspect == "name":
        told = f"the name {intent.value!r} was made up: nothing in the request says what the object is called"
    else:
        words = " ".join((*filter(None, intent.keys), str(intent.value)))
        told, mend = f"{words!r} was made up: the request does not say it", "Say what it shall be"
    return Finding(MADE_UP, intent.aspect, told, Tier.INTENT, remedy=mend)


def best(answers: Sequence[Answer]) -> Answer:
    """Return the answer that passed and that most of those that passed agree with; of equals the first."""
    passed = [answer for answer in answers if answer.verdict.passed]
    texts = [answer.reply.text for answer in passed]
    return max(passed, key=lambda answer: texts.count(answer.reply.text)) if passed else answers[0]


def with_findings(request: str, answer: Answer) -> str:
    """Return the request once more, with what was found in the answer."""
    found = "\n".join(f"- {one.path}: {one.message}" for one in answer.verdict.findings[:SHOWN_FINDINGS])
    return f"{request}\n\nAn answer to this failed its checks:\n{found}"


def with_draft(request: str, draft: Reply) -> str:
    """Return the request once more, with what the model said to it freely."""
    return f"{request}\n\nA draft of the answer, which may hold mistakes:\n{draft.text.strip()}\n\nGive the final answer alone."
