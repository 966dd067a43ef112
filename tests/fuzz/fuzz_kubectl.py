"""Fuzzes the parser of kubectl commands: whatever the text, it is read, judged, spelled and guarded without a surprise.

python tests/fuzz/fuzz_kubectl.py --inputs 100000 --seed 1        mutations of documented commands
python tests/fuzz/fuzz_kubectl.py --inputs 100000 --atheris       guided by coverage
"""

import gzip
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as pytest has it (pythonpath in pyproject.toml)

from fuzz.driver import SHARED, Fuzz, main
from kubestill.domains.kubernetes.kubectl.canonical import canonical
from kubestill.domains.kubernetes.kubectl.check import check_command
from kubestill.domains.kubernetes.kubectl.codes import CODES
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Effect
from kubestill.domains.kubernetes.kubectl.reference import reference
from kubestill.tools.checks.api import Outcome

LONGEST_MESSAGE = 1_000  # characters
TOKENS = [
    *(b"' \" \\ $ ` | & ; < > ( ) # = - / , : { } [ ] * ~ \x00 \r -- - -it -n -o -f -A -l --all --force --dry-run=client".split(b" ")),
    *(b"$( ${ <<EOF <<-EOF <<'EOF' EOF <pod-name> $'\\x41' 2>&1 >> && || |& ;; $POD $@ \xc3\xa9 \xf0\x9f\x98\x80 \xff".split(b" ")),
    *(
        b"kubectl |sudo |xargs |bash -c '|env A=b |if |do |! |\n|\t| |\\\n|\r\n|EOF\n|get |delete |pods |po |svc |all |a/b |a=b |a- ".split(
            b"|"
        )
    ),
]


def target(data: bytes) -> None:
    """Hold every invariant of the parser against one text."""
    text = data.decode("utf-8", "replace")
    verdict, parsed = check_command(text), parse(text)
    assert Outcome.ERROR not in {result.outcome for result in verdict.results}, verdict
    lines = text.replace("\r\n", "\n").split("\n")
    for finding in verdict.findings:
        assert finding.code in CODES and finding.remedy and 0 < len(finding.message) <= LONGEST_MESSAGE, finding
        assert 1 <= finding.line <= len(lines), (finding, "has a line outside the text")
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1, (finding, "has a column outside its line")
    assert check_command(text) == verdict, "judged twice, another verdict"
    if verdict.passed:
        assert parsed.calls and parsed.script.fault is None
    _spelling_holds(text, verdict.passed, parsed.effects)
    _nothing_hides(text)


def _spelling_holds(text: str, passed: bool, effects: frozenset[Effect]) -> None:
    spelling = canonical(text)
    assert canonical(spelling) == spelling, ("the spelling has another spelling", spelling, canonical(spelling))
    if passed:
        again = check_command(spelling)
        assert again.passed, ("the spelling is judged otherwise", spelling, again.findings)
        assert parse(spelling).effects == effects, ("the spelling does something else", spelling)


def _nothing_hides(text: str) -> None:
    """Whatever stands before it, a command on a line of its own that destroys is seen (a guard lets the text through otherwise)."""
    if text.rstrip("\r").endswith("\\"):
        return
    parsed = parse(text + "\nkubectl delete pod a")
    assert parsed.effect in (Effect.DESTROYS, Effect.UNKNOWN), parsed.effect


def seeds() -> list[bytes]:
    """Return the examples of every code, a bare call of every command and, where they are here, the documented examples."""
    found = [text for meaning in CODES.values() for text in (*meaning.good, *meaning.bad)]
    found += [
        f"kubectl {name} " + " ".join(f"--{flag}" for flag in sorted(command.flags)[:3]) for name, command in reference().commands.items()
    ]
    path = SHARED / "kubectl-reference.json.gz"
    if path.exists():
        commands = json.loads(gzip.decompress(path.read_bytes()))["commands"]
        found += [example for command in commands for example in _examples(command)]
    return [text.encode("utf-8", "replace") for text in found]


def _examples(command: dict[str, object]) -> list[str]:
    examples = command.get("examples") or []
    return [str(one.get("command", "")) if isinstance(one, dict) else str(one) for one in examples] if isinstance(examples, list) else []


if __name__ == "__main__":
    sys.exit(main(Fuzz(target, seeds(), TOKENS), "kubectl"))
