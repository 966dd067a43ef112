"""Quantities against the equalities that the Kubernetes documentation states."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubestill.domains.kubernetes.phrasing.values import cpu_text, memory_text
from kubestill.domains.kubernetes.quantities import parse_quantity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1000m"), ("0.5", "500m"), (".5", "500m"), ("1.", 1), ("1Gi", "1024Mi"), ("1Ki", 1024), ("1Mi", 1 << 20), ("1Ti", "1024Gi"),
        ("1Pi", "1024Ti"), ("1Ei", "1024Pi"), ("1e3", "1k"), ("1E3", "1k"), ("1e-3", "1m"), ("12e6", "12M"), ("0.001k", 1), ("1000u", "1m"),
        ("1000n", "1u"), ("129e6", "129M"), ("0E0000", 0), ("1G", 10**9), ("1P", "1000T"), ("1E", 10**18), ("+2", 2),
        ("-1", -1), (0.1, "100m"), ("1.5Gi", "1536Mi"), ("0", "0m"),
    ],
)  # fmt: skip
def test_equal_amounts_are_equal(one, other):
    assert parse_quantity(one) is not None and parse_quantity(one) == parse_quantity(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1 Gi",
        "Gi",
        "1gi",
        "1GI",
        "1MB",
        "1kB",
        "1K",
        "one",
        "1,5",
        "0x10",
        ".",
        "1e",
        "1e3m",
        "1mi",
        "--1",
        "1Gi\n",
        "¼",
        True,
        None,
    ],
)
def test_what_is_no_quantity_is_refused(text):
    assert parse_quantity(text) is None


@given(
    st.integers(-(10**15), 10**15), st.sampled_from(["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])
)
def test_a_suffix_multiplies(number, suffix):
    assert parse_quantity(f"{number}{suffix}") == number * parse_quantity(f"1{suffix}")


FRACTIONS = {
    "half a": Fraction(1, 2),
    "a quarter": Fraction(1, 4),
    "quarter of": Fraction(1, 4),
    "three quarters": Fraction(3, 4),
    "a tenth": Fraction(1, 10),
    "a fifth": Fraction(1, 5),
    "one and a half": Fraction(3, 2),
    "a full": Fraction(1),
    "a whole": Fraction(1),
    "one entire": Fraction(1),
}


@pytest.mark.parametrize("amount", ["1", "2", "500m", "250m", "100m", "1500m", "50m", "16"])
def test_processor_time_is_spoken_right(amount):
    """Every way to say it, read with the few rules of English that it uses, is the same amount."""
    import random

    words = dict(zip("one two three four five six seven eight nine ten eleven twelve".split(), range(1, 13), strict=True))
    for seed in range(200):
        text = cpu_text(amount, random.Random(seed))
        head = text.split()[0]
        if fraction := next((value for said, value in FRACTIONS.items() if text.startswith(said)), None):
            meant = fraction
        elif head in words:
            meant = Fraction(words[head])
        else:
            digits = re.match(r"[\d.]+", head)[0]
            unit = text[len(digits) :].strip()
            assert unit.startswith(("m", "cpu", "core", "vcpu", "full")) or not unit
            meant = Fraction(digits) * (Fraction(1, 1000) if unit.startswith("m") else 1)
        assert meant == parse_quantity(amount), text


@pytest.mark.parametrize("amount", ["512Mi", "1Gi", "5Gi", "1.5Gi", "2Ti", "64Ki", "300Mi"])
def test_memory_is_spoken_with_its_number_and_the_letter_of_its_unit(amount):
    import random

    words = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5"}
    number, letter = amount[:-2], amount[-2].lower()
    for seed in range(300):
        text = memory_text(amount, random.Random(seed)).lower()
        if parts := next((value for said, value in FRACTIONS.items() if text.startswith(said)), None):
            assert parts * 1024 == parse_quantity(amount) / 2**20
            continue
        if text.startswith("a g"):
            assert amount == "1Gi"
            continue
        head = text.split()[0]
        spoken, unit = (words[head], text.split()[1]) if head in words else (text[: len(number)], text[len(number) :].strip())
        assert spoken == number and unit[0] == letter, text
