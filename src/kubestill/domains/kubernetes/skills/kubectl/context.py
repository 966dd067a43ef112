"""The domain context model of a command: what a teacher is told beside the request."""

from collections.abc import Mapping

from kubestill.domains.api import Sample
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.reference import Command, reference

GRAMMAR = "One line: one kubectl command with its arguments and flags, as a shell takes it. No prompt, no comment, no second command."
SHOWN_FLAGS = 40


def kubectl_context(sample: Sample) -> Mapping[str, str]:
    """Return grammar and the reference of the answer's command: usage, and its flags with their types and values."""
    call = parse(sample.answer).call
    return {"grammar": GRAMMAR, "slice": _reference(call.command) if call and call.command else ""}


def _reference(command: Command) -> str:
    everywhere = reference().commands[""].flags
    flags = [
        f"--{flag.name}" + (f" (-{flag.shorthand})" if flag.shorthand else "") + f" {'|'.join(flag.allowed) or flag.type}"
        for flag in command.flags.values()
        if not flag.deprecated and (flag.name not in everywhere or flag.name == "namespace")
    ]
    return f"kubectl {command.name}: {command.usage}\nflags: " + ", ".join(flags[:SHOWN_FLAGS])
