"""What must hold of an answer about a fired alert; the examples are the tests."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from kubestill.domains.kubernetes.alerts import promql
from kubestill.domains.kubernetes.kubectl.check import check_parsed
from kubestill.domains.kubernetes.kubectl.parse import parse as parse_command
from kubestill.domains.kubernetes.kubectl.parsed import Effect, Parsed
from kubestill.domains.kubernetes.skills.runbook.answers import Answer, parse
from kubestill.tools.checks.api import Check, Finding, Tier
from kubestill.tools.checks.run import ordered

PLACEHOLDER = "K8S420"  # kubectl's finding of `<pod>` in a command: here it is no warning


class Subject:
    """A raw answer and what has been read of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.read: Answer | str = parse(text)

    @cached_property
    def commands(self) -> tuple[tuple[str, Parsed], ...]:
        """Return every command with its place; none where the form is wrong."""
        if isinstance(self.read, str):
            return ()
        steps = [(f"check[{number}]", command) for number, command in enumerate(self.read.checks)]
        return tuple((place, parse_command(command)) for place, command in (*steps, ("next", self.read.next)))


_GOOD = (
    "Meaning: PodDown says that pod a in namespace b is not ready.\nImpact: It serves nothing.\nCheck:\n1. kubectl describe pod a -n b\n"
    '2. kubectl logs a -n b\nQuery: kube_pod_status_ready{pod="a"}\nNext: kubectl get pod a -n b'
)


class AskedForm(Check[Subject]):
    """The answer is not in the asked form: Meaning, Impact, Check with two to four numbered commands, perhaps Query, and Next."""

    code, tier = "K8S730", Tier.FORM
    remedy = "Answer with Meaning:, Impact:, Check: and two to four numbered lines, Query: where one helps, and Next:, in this order."
    bad = ("", "Look at the pod.", _GOOD[: len(_GOOD) // 2], f"Sure:\n{_GOOD}", f"{_GOOD}\nHope this helps!", _GOOD.replace("2. ", "3. "))
    good = (_GOOD, _GOOD.replace('Query: kube_pod_status_ready{pod="a"}\n', ""))

    def look(self, subject: Subject) -> Sequence[Finding]:
        """Return what is wrong with the form."""
        return (Finding(self.code, "", subject.read, self.tier, remedy=self.remedy),) if isinstance(subject.read, str) else ()


class Commands(Check[Subject]):
    """A step is no single command that kubectl takes, or holds a placeholder."""

    code, tier = "K8S731", Tier.SCHEMA
    remedy = "Write one whole kubectl command a step, with names and without placeholders."
    bad = tuple(
        _GOOD.replace("kubectl logs a -n b", text)
        for text in ("journalctl -u kubelet", "kubectl logs <pod> -n b", "kubectl get pods -n b | grep a", "kubectl get pods --namspace b")
    )
    good = (_GOOD,)

    def look(self, subject: Subject) -> Sequence[Finding]:
        """Return every command that kubectl would refuse."""
        return [Finding(self.code, place, message, self.tier, remedy=self.remedy) for place, message in self._faults(subject)]

    def _faults(self, subject: Subject) -> Iterator[tuple[str, str]]:
        for place, parsed in subject.commands:
            if len(parsed.calls) != 1 or parsed.others or parsed.call is None or parsed.call.pipe or parsed.call.redirections:
                yield place, "expected one kubectl command and nothing else"
                continue
            for finding in check_parsed(parsed).findings:
                if finding.severity == "error" or finding.code == PLACEHOLDER:
                    yield place, f"{finding.code}: {finding.message}"


class OnlyReads(Check[Subject]):
    """A step changes the cluster: whoever looks into an alert looks first."""

    code, tier = "K8S732", Tier.RULES
    remedy = "Use commands that read: get, describe, logs, events, top, rollout status, auth can-i."
    bad = tuple(
        _GOOD.replace("kubectl get pod a -n b", text)
        for text in ("kubectl delete pod a -n b", "kubectl exec a -n b -- ls", "kubectl drain n")
    )
    good = (_GOOD,)

    def look(self, subject: Subject) -> Sequence[Finding]:
        """Return every command that does more than read."""
        return [
            Finding(self.code, place, f"{parsed.text!r} does more than read", self.tier, remedy=self.remedy)
            for place, parsed in subject.commands
            if parsed.effect is not Effect.READS
        ]


class QueryParses(Check[Subject]):
    """The query is no PromQL."""

    code, tier = "K8S733", Tier.SCHEMA
    remedy = "Write PromQL that Prometheus can read, or leave the line out."
    bad = (
        _GOOD.replace('kube_pod_status_ready{pod="a"}', "rate(kube_pod_status_ready)"),
        _GOOD.replace("Query: kube", "Query: select kube"),
    )
    good = (_GOOD,)

    def look(self, subject: Subject) -> Sequence[Finding] | None:
        """Return why the query cannot be read; None where there is none."""
        if isinstance(subject.read, str) or not subject.read.query:
            return None
        try:
            promql.read(subject.read.query)
        except promql.NotAQuery as error:
            return (Finding(self.code, "query", str(error), self.tier, remedy=self.remedy),)
        return ()


class Sentences(Check[Subject]):
    """Meaning or Impact is not one sentence: too short to say anything, without a full stop, or a command."""

    code, tier = "K8S734", Tier.RULES
    remedy = "Write one plain sentence that ends with a full stop."
    bad = (_GOOD.replace("It serves nothing.", "bad."), _GOOD.replace("It serves nothing.", "It serves nothing"))
    good = (_GOOD,)

    def look(self, subject: Subject) -> Sequence[Finding]:
        """Return what is no sentence."""
        if isinstance(subject.read, str):
            return ()
        texts = (("meaning", subject.read.meaning), ("impact", subject.read.impact))
        return [
            Finding(self.code, place, f"{text!r} is no sentence", self.tier, remedy=self.remedy)
            for place, text in texts
            if len(text.split()) < 3 or not text.endswith((".", "!")) or text.startswith("kubectl ")
        ]


CHECKS: tuple[Check[Subject], ...] = ordered((AskedForm(), Commands(), QueryParses(), OnlyReads(), Sentences()))


def explain(code: str) -> str:
    """Return what a code means, in plain text.

    Raises:
        KeyError: there is no such code.
    """
    check = {check.code: check for check in CHECKS}[code]
    bad = next(text for text in check.bad if text.strip())
    return f"{code} ({check.tier.name.lower()})\n{check.__doc__}\nRemedy: {check.remedy}\n\nBad:\n{bad}\n\nGood:\n{check.good[0]}\n"
