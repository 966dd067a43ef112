"""Which word is meant."""

import random

import pytest

from kubestill.domains.kubernetes.fixes.spelling import _distance, meant, same_but_for_case
from kubestill.domains.kubernetes.fixes.values import quantity_meant
from kubestill.domains.kubernetes.quantities import parse_quantity


def reference(one, other):
    """Optimal string alignment as its recursion states it."""
    if not one or not other:
        return len(one) + len(other)
    steps = [reference(one[:-1], other) + 1, reference(one, other[:-1]) + 1, reference(one[:-1], other[:-1]) + (one[-1] != other[-1])]
    if one[-2:] == other[-2:][::-1] and len(one) > 1 and len(other) > 1:
        steps.append(reference(one[:-2], other[:-2]) + 1)
    return min(steps)


def test_the_distance_is_that_of_its_definition():
    rng = random.Random(1)
    for _ in range(150):
        one, other = ("".join(rng.choices("abc", k=rng.randrange(6))) for _ in range(2))
        assert _distance(one, other, 9) == reference(one, other), (one, other)


@pytest.mark.parametrize(
    ("word", "known", "wanted"),
    [
        ("replcias", ["replicas", "selector"], "replicas"),
        ("hostIP", ["hostIPC", "hostPID", "hostNetwork"], ""),
        ("maxReplcas", ["maxReplicas", "minReplicas"], "maxReplicas"),
        ("ports", ["ports"], ""),
        ("env", ["envFrom"], ""),
        ("IPv5", ["IPv4", "IPv6"], ""),
        ("run_as_user", ["runAsUser", "runAsGroup"], "runAsUser"),
        ("x" * 10_000, ["x" * 9_999], ""),
    ],
)
def test_one_near_word_is_meant_and_of_two_none(word, known, wanted):
    assert meant(word, known) == wanted


def test_case_alone():
    assert same_but_for_case("if-not-present", ["IfNotPresent", "Always"]) == "IfNotPresent"
    assert same_but_for_case("alway", ["Always"]) == "" == same_but_for_case("a", ["A", "a-"])


@pytest.mark.parametrize("number", ["1", "0.5", "1024"])
@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize("unit", ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])
def test_binary_units_keep_their_factor_however_they_are_spelt(number, blank, unit):
    for spelt in (unit.lower(), unit.upper(), unit + "b", unit + "B", unit.lower() + "b"):
        found = quantity_meant(number + blank + spelt, "memory")
        assert parse_quantity(found) == parse_quantity(number + unit)


@pytest.mark.parametrize("written", ["1MB", "1mb", "1g", "1G B", "1K", "1 m", "one", "", "1,5Gi", "-1 Gi", "1e3 Mi", "1 Gibi"])
def test_other_units_have_no_one_reading(written):
    assert quantity_meant(written, "memory") == ""
