"""Splitting against `shlex` where both read the same shell, and by hand where `shlex` does not."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubestill.domains.kubernetes.kubectl.shell import MAX_CHARACTERS, MAX_WORDS, Places, every, split

# Words for which shlex and a shell agree: no operator, comment, expansion or line break outside quotes.
PIECES = st.one_of(
    st.text("abz019-_=./:,@%+[]{}*?~", min_size=1, max_size=8),
    st.text("ab |&;<>()#$`*", max_size=8).map(lambda text: f"'{text}'"),
    st.text("ab |&;<>()#'*", max_size=8).map(lambda text: f'"{text}"'),
    st.sampled_from(["\\ ", "\\|", "\\'", '\\"', "\\\\", '"a\\"b"', '"a\\\\b"']),
)
WORDS = st.lists(st.lists(PIECES, min_size=1, max_size=4).map("".join), min_size=1, max_size=8)


@given(WORDS)
def test_words_are_those_of_shlex(words: list[str]):
    text = "x " + " ".join(words)
    script = split(text)
    assert script.fault is None
    assert [word.text for simple in script.commands for word in simple.words] == shlex.split(text)


@given(st.lists(st.text(min_size=0, max_size=12).filter(lambda text: "\x00" not in text), min_size=1, max_size=6))
def test_quoted_words_come_back(words: list[str]):
    script = split("x " + shlex.join(words))
    assert [word.text for word in script.commands[0].words[1:]] == words
    assert not any(word.opaque for word in script.commands[0].words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a 'b|c' | d", [["a", "b|c"], ["d"]]),
        ("a#b #c d", [["a#b"]]),
        ("a \\\n b", [["a", "b"]]),
        ("a b\\\nc", [["a", "bc"]]),
        ("a $(b | c 'd)') e", [["a", "$(b | c 'd)')", "e"], ["b"], ["c", "d)"]]),
        ("a `b c` d", [["a", "`b c`", "d"], ["b", "c"]]),
        ('a "$(b "c d")"', [["a", '$(b "c d")'], ["b", "c d"]]),
        ("a $'x\\n\\ty\\'z\\x41'", [["a", "x\n\ty'zA"]]),
        ("a 2>&1 >b <c", [["a"]]),
        ("a 2 >b", [["a", "2"]]),
        ("a <<X b\nc d\nX\ne", [["a", "b"], ["e"]]),
        ("a <<-X\n\tc\n\tX\ne", [["a"], ["e"]]),
        ("a <x-y> <p q>/r", [["a", "<x-y>", "<p q>/r"]]),
        ("a <(b) >(c)", [["a", "<(b)", ">(c)"], ["b"], ["c"]]),
        ("(a; b) && c || d & e", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("a ${b:-c d} $((1+2)) $e", [["a", "${b:-c d}", "$((1+2))", "$e"]]),
        ("$ a b", [["a", "b"]]),
        ("A=b C='d e' f G=h", [["f", "G=h"]]),
        ("a '' \"\"", [["a", "", ""]]),
        ("a |\n b", [["a"], ["b"]]),
        ("a\u00a0b", [["a\u00a0b"]]),
    ],
)
def test_a_text_is_split_as_a_shell_does(text: str, words: list[list[str]]):
    script = split(text)
    assert script.fault is None
    assert [[word.text for word in simple.words] for simple in every(script)] == words


def test_a_here_document_and_its_place_are_kept():
    script = split("a <<'X' | b\n$(c)\nX\n")
    [redirection] = script.commands[0].redirections
    assert (redirection.operator, redirection.target.text, redirection.body) == ("<<", "X", "$(c)\n")
    assert not script.inner
    assert split("a <<X\n$(c)\nX").inner


@pytest.mark.parametrize(
    "text",
    ["'", '"', "a 'b", "$(", "a $(b", "`a", "${a", "a |", "| a", "a && ", "a || | b", "a >", "a <<X\nb", "a \\", "a\x00b", "a $(b 'c)"],
)
def test_what_no_shell_reads_is_a_fault_with_its_place(text: str):
    fault = split(text).fault
    assert fault is not None
    assert fault.message
    assert 0 <= fault.start <= len(text)


@pytest.mark.parametrize("text", ["x" * (MAX_CHARACTERS + 1), "x " * (MAX_WORDS + 1), "$(" * 50 + "a" + ")" * 50])
def test_what_is_too_large_is_a_fault(text: str):
    assert split(text).fault is not None


def test_places_count_from_one():
    places = Places.of("ab\nc\n")
    assert [places.at(start) for start in (0, 1, 2, 3, 5)] == [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1)]
