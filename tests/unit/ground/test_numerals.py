"""Numbers and hours in words, as a student reads them that knows none over twelve."""

import pytest

from kubestill.ground.numerals import in_digits
from kubestill.tools.chat.slots import Vocabulary, mark

KNOWN = frozenset("one two three four five six seven eight nine ten eleven twelve fifteen thirty at a half and gigs called".split())


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("give it twenty gigs", "give it 20 gigs"),
        ("Twenty-five seconds, then forty.", "25 seconds, then 40."),
        ("two hundred and fifty millicores", "250 millicores"),
        ("a hundred pods and half a dozen jobs", "100 pods and 6 jobs"),
        ("half a thousand", "500"),
        ("twelve hundred", "1200"),
        ("one thousand two hundred", "1200"),
        ("sixty five thousand five hundred thirty five", "65535"),
        ("two dozen", "24"),
        ("twenty or forty", "20 or 40"),
        ("port eighty eighty", "port 8080"),
        ("eighty four forty three", "8443"),
        ("one twenty-eight megs", "128 megs"),
        ("at two forty-five", "at 2:45"),
        ("at noon, at midnight", "at 12:00, at 00:00"),
    ],
)
def test_numbers_in_words_are_read_as_digits(said, read):
    assert in_digits(said, KNOWN) == read


@pytest.mark.parametrize(
    "said",
    [
        "three replicas",  # a student knows these
        "every fifteen minutes",
        "at ten thirty",
        "seventy-two-app",  # names, paths, tags, addresses
        "repo/forty and forty:1.2 and forty.example.com and forty@example.com",
        "twenty-first",
        '"forty"',
        "a job called twenty",
        "name: forty",
        "the job midnight, called noon",
        "hundreds",
    ],
)
def test_what_is_known_or_may_be_a_name_stays(said):
    assert in_digits(said, KNOWN) == said


def test_a_number_in_words_is_pointed_at_as_one_in_digits():
    vocabulary = Vocabulary(KNOWN | {"megs"})
    assert mark("two hundred and fifty megs", vocabulary) == mark("250 megs", vocabulary)
    assert mark("twenty gigs", vocabulary)[0] == "20 gigs"
