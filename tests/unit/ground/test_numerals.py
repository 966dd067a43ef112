"""Numbers and hours in words, as a student reads them that knows few over twelve."""

import pytest

from kubestill.ground.numerals import in_digits
from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.chat.slots import Vocabulary, mark

KNOWN = frozenset("one two three four five six seven eight nine ten eleven twelve fifteen thirty a at half and gigs called".split())


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("give it twenty gigs", "give it 20 gigs"),
        ("Twenty-five seconds, then forty.", "25 seconds, then 40."),
        ("two hundred and fifty millicores", "250 millicores"),
        ("a hundred pods and half a dozen jobs", "100 pods and 6 jobs"),
        ("twelve hundred", "1200"),
        ("one thousand two hundred", "1200"),
        ("sixty five thousand five hundred thirty five", "65535"),
        ("two dozen", "24"),
        ("twenty or forty", "20 or 40"),
        ("port eighty and two replicas", "port 80 and two replicas"),
        ("scale between two and twenty replicas", "scale between two and 20 replicas"),
        ("between thirty and sixty seconds", "between thirty and 60 seconds"),
        ("ports eighty and ninety", "ports 80 and 90"),
        ("between two hundred and five hundred millicores", "between 200 and 500 millicores"),
        ("user ten thousand and one", "user 10001"),
        ("uids between one thousand and two thousand", "uids between 1000 and 2000"),
        ("three hundred seventy-two thousand three hundred thirty-two", "372332"),
        ("a hundred and twenty thousand", "120000"),
        ("port eighty eighty", "port 8080"),
        ("eighty four forty three", "8443"),
        ("one twenty-eight megs, two fifty six MB", "128 megs, 256 MB"),
        ("raise it from one twenty-eight to two fifty-six megs", "raise it from one 28 to 256 megs"),
        ("two twenty gig volumes", "two 20 gig volumes"),
        ("at nine forty, at twenty-two forty-five", "at 9:40, at 22:45"),
        ("at eighty eighty, at two fifty-six megs", "at 8080, at 256 megs"),
        ("at noon, every midnight, midnight daily", "at 12 pm, every 12 am, 12 am daily"),
        ("min two max twenty eighty percent", "min two max 20 80 percent"),
        ("period twenty forty seconds", "period 20 40 seconds"),
        ("a ninety-second grace, a 30-second deadline, twenty-gig disks", "a 90 second grace, a 30 second deadline, 20 gig disks"),
        ("one and a half gigs", "1.5 gigs"),
        ("a deployment twenty replicas, a service eighty to eighty eighty", "a deployment 20 replicas, a service 80 to 8080"),
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
        "seventy-two-app",  # names, paths, tags, addresses, pairs
        "repo/forty and forty:1.2 and forty.example.com and forty@example.com",
        "nginx:twenty MODE=sixty forty=1 --from-literal=mode=sixty",
        "forty: value, app: forty",
        "twenty-first",
        '"forty" and "we have forty seats at midnight" and `sleep forty seconds`',
        "a job called twenty",
        "name: forty, name it forty, the name should be seventeen",
        "namespace forty-two, app forty, a pod forty, the seventy namespace",
        "a 2-week-plan, nginx:1-20, job-3-second",
        "the job midnight, called noon, pull from noon:1.2 and from noon",
        "hundreds",
        "\u017fixteen pods at m\u0131dn\u0131ght",  # letters that look like others
    ],
)
def test_what_is_known_or_may_be_a_name_stays(said):
    assert in_digits(said, KNOWN) == said


@pytest.mark.parametrize("many", ["hundred ", "dozen ", "twenty ", "a thousand ", "twenty-", "eighty eighty "])
def test_many_numbers_in_a_row_are_many_numbers(many):
    assert len(in_digits(many * 3_000, KNOWN)) < 50_000


def test_a_number_in_words_is_pointed_at_as_one_in_digits():
    vocabulary = Vocabulary(KNOWN | {"megs"})
    assert mark("two hundred and fifty megs", vocabulary) == mark("250 megs", vocabulary)
    assert mark("twenty gigs", vocabulary)[0] == "20 gigs"
    assert "we have forty seats" in mark('say "we have forty seats"', vocabulary)[1]


def test_no_student_learns_the_words_that_are_read_as_digits():
    learned = ChatFormat.learn([("give it twenty or eleven gigs", "x: 1")] * 50)
    assert {"give", "eleven"} <= learned.known
    assert "twenty" not in learned.known
