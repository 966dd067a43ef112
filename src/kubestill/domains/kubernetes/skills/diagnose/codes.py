"""What each code of a judged diagnosis means and how to mend it."""

from typing import NamedTuple

from kubestill.tools.checks.api import Tier


class Code(NamedTuple):
    """One code."""

    tier: Tier
    text: str
    remedy: str


CODES: dict[str, Code] = {
    "K8S700": Code(
        Tier.FORM,
        "The answer is no diagnosis: it must have the lines Cause and Next, may have a line Fix, and nothing else.",
        "Write `Cause: <CauseName>: <one sentence>`, then `Next: kubectl ...`, then `Fix: ...` where the remedy is certain.",
    ),
    "K8S701": Code(
        Tier.SCHEMA,
        "The catalogue has no cause of this name.",
        "Use a cause of the catalogue, spelled as it is there.",
    ),
    "K8S702": Code(
        Tier.SCHEMA,
        "The next command, or a command in the fix, is one that kubectl would not take.",
        "Write one command that kubectl takes, without placeholders.",
    ),
    "K8S703": Code(
        Tier.RULES,
        "The next command does not only look: it changes something, or does not ask the cluster or the kubeconfig at all.",
        "Look first: get, describe, logs, events, top, explain, auth can-i, diff, config view.",
    ),
    "K8S704": Code(
        Tier.RULES,
        "The fix destroys objects.",
        "Name the field or the command that mends it without deleting anything.",
    ),
}
