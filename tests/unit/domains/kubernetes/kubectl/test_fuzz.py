"""No text makes this room raise, run long, or call a broken command right."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubestill.domains.kubernetes.kubectl.canonical import canonical
from kubestill.domains.kubernetes.kubectl.check import MAX_FINDINGS, check_command
from kubestill.domains.kubernetes.kubectl.codes import CODES
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Effect
from kubestill.domains.kubernetes.kubectl.reference import reference
from kubestill.domains.kubernetes.kubectl.shell import MAX_CHARACTERS
from kubestill.tools.checks.api import Outcome

EXAMPLES = max(150, settings().max_examples)  # of each property; a hypothesis profile asks for more
VALID = [text for meaning in CODES.values() for text in meaning.good]
PARTS = st.sampled_from(
    [
        *"'\"\\$`|&;<>()#=-/,:{}[]*~\n\t \x00\r",
        "$(",
        "${",
        "<<EOF\n",
        "EOF",
        "--",
        "-",
        "-it",
        "kubectl ",
        " -n",
        "\u00e9",
        "\U0001f600",
        "\\\n",
    ]
)


def holds(text: str) -> None:
    verdict = check_command(text)
    assert Outcome.ERROR not in {result.outcome for result in verdict.results}
    assert all(finding.code in CODES and finding.message and finding.line >= 1 for finding in verdict.findings)
    parsed = parse(text)
    assert parsed.effect in Effect
    if verdict.passed:
        assert parsed.calls
        assert parsed.effect is not Effect.UNKNOWN or any(word.opaque for call in parsed.calls for word in call.simple.words)
    assert isinstance(canonical(text), str)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str):
    holds(text)
    holds("kubectl " + text)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.one_of(PARTS, st.text(max_size=5)), max_size=40).map("".join))
def test_any_text_of_marks_that_mean_something(text: str):
    holds(text)
    holds("kubectl get " + text)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(VALID), st.data())
def test_any_change_of_a_right_command(text: str, data: st.DataObject):
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 6)))
        text = text[:start] + data.draw(st.one_of(PARTS, st.text(max_size=4))) + text[end:]
    holds(text)


COMMANDS = sorted(reference().commands)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(COMMANDS), st.data())
def test_any_flags_of_a_command_with_any_values(name: str, data: st.DataObject):
    flags = sorted(reference().commands[name].flags)
    values = st.one_of(
        st.sampled_from(["", "a", "1", "true", "5s", "a=b", "a=b,c=d", "json", "-", "/x", "80:81", "{", "[]"]), st.text(max_size=8)
    )
    words = [f"--{flag}={data.draw(values)}" for flag in data.draw(st.lists(st.sampled_from(flags), max_size=5))]
    words += data.draw(
        st.lists(st.one_of(st.sampled_from(["pods", "pod/a", "a", "a=b", "a-", "a:b", "b,c", "--", "x:NoExecute"]), values), max_size=5)
    )
    holds(" ".join(["kubectl", name, *words]))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(COMMANDS), st.data())
def test_a_flag_that_a_command_has_not_is_an_error(name: str, data: st.DataObject):
    flag = data.draw(st.text("abcdefghijklmnopqrstuvwxyz-", min_size=2, max_size=12).filter(lambda text: text[0] != "-"))
    if flag not in reference().commands[name].flags and flag.replace("_", "-") not in reference().commands[name].flags:
        assert not check_command(f"kubectl {name} --{flag}").passed


LARGE = [
    "x" * 1_000_000,
    "kubectl get pods " * 60_000,
    "kubectl get pods -o " + "a" * 1_000_000,
    "kubectl " + "'" * 1_000_001,
    "kubectl get " + "$(" * 500_000,
    "a|" * 60_000,
    "kubectl get po " + "--fooo " * 15_000,
    "kubectl label po x " + "a=b " * 30_000,
    "kubectl get " + "podsx," * 20_000,
    "kubectl run x --image=" + "a/" * 60_000,
    "kubectl get po -o jsonpath=" + "{" * 120_000,
    "`" * 130_000,
    "\x00" * 1_000_000,
]


@pytest.mark.parametrize("text", LARGE, ids=lambda text: text[:24].replace("\x00", "NUL"))
def test_a_large_text_is_judged_without_looking_at_all_of_it(text: str):
    """Each takes milliseconds; anything quadratic would take minutes here."""
    verdict = check_command(text)
    assert not verdict.passed or len(text) <= MAX_CHARACTERS
    assert max((len(result.findings) for result in verdict.results), default=0) <= MAX_FINDINGS
    assert canonical(text)
