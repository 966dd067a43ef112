import pytest

pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from unit.serving.http.fuzzing import fuzz


def test_nothing_that_can_be_sent_breaks_the_api() -> None:
    """bench/serve_fuzz.py sends ten thousand."""
    found = fuzz(150, 1)
    assert not found["faults"] and found["requests"] >= 100
    assert {200, 400} <= found["statuses"].keys() and max(found["statuses"]) < 500
