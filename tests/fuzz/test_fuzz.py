"""The invariants of the fuzz targets, on a few hundred inputs each; `python tests/fuzz/fuzz_reader.py` tries 100,000."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz import driver, fuzz_kubectl, fuzz_reader

FUZZES = {
    "reader": driver.Fuzz(fuzz_reader.target, fuzz_reader.seeds(), fuzz_reader.TOKENS),
    "kubectl": driver.Fuzz(fuzz_kubectl.target, fuzz_kubectl.seeds(), fuzz_kubectl.TOKENS),
}
EXAMPLES = max(300, settings().max_examples)
calm = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", FUZZES)
@calm
@given(data=st.data())
def test_tokens_that_mean_something(name: str, data: st.DataObject):
    fuzz = FUZZES[name]
    parts = data.draw(st.lists(st.one_of(st.sampled_from(fuzz.tokens), st.binary(max_size=3)), max_size=25))
    fuzz.target(b"".join(parts))


@pytest.mark.parametrize("name", FUZZES)
@calm
@given(seed=st.integers(0, 2**32))
def test_mutations_of_the_corpus(name: str, seed: int):
    fuzz = FUZZES[name]
    fuzz.target(driver.mutated(random.Random(seed), fuzz))


@pytest.mark.parametrize("name", FUZZES)
def test_every_seed(name: str):
    for data in FUZZES[name].seeds:
        FUZZES[name].target(data)


def test_the_driver_finds_a_fault_and_makes_it_small():
    def target(data: bytes) -> None:
        assert b"\xf0" not in data or b"{" not in data

    fuzz = driver.Fuzz(target, [b"apiVersion: v1\nkind: ConfigMap\n" * 3], [b"{", b"\xf0\x9f\x98\x80"])
    (found,) = driver.run(fuzz, 3_000, seed=3).values()
    assert sorted(found) == sorted(b"\xf0{")
    assert driver.run(fuzz, 200, seed=3) == driver.run(fuzz, 200, seed=3)
