"""Requests that schemathesis makes of our own OpenAPI document, fitting it and not; every reply is held against the document."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from kubestill.serving.http.app import make_app
from kubestill.serving.http.settings import HttpSettings
from support.fake_service import FakeDesk, FakeService

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
BASE = "http://localhost"
MOST_TOLD = 20
WEIGHT = 5  # a route that takes a body is asked so much more often than one that takes none


@dataclass
class Fuzzed:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def ask(self, case: Any) -> None:
        response = case.call(base_url=BASE)
        self.statuses[response.status_code] += 1
        if response.status_code >= 400:
            self.codes[response.json()["error"]["code"]] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except BaseExceptionGroup as found:
            self.faults.append(f"{case.method} {case.path}: {found.exceptions[0]}"[:2000])

    def ask_all(self, operation: Any, count: int, seed: int) -> None:
        """Ask one route so many times."""
        cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in MODES))
        quiet = settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))

        @quiet
        @seeded(seed)
        @given(cases)
        def ask(case: Any) -> None:
            self.ask(case)

        ask()


def fuzz(requests: int, seed: int) -> dict[str, Any]:
    """Ask about so many times, and return what came back: statuses, error codes, faults."""
    app = make_app(FakeService(FakeDesk(0.0)), HttpSettings(rows=4, queue=4))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers={"host": "localhost"})
    operations = [found.ok() for found in schema.get_all_operations()]
    weights = [WEIGHT if one.method.upper() == "POST" else 1 for one in operations]
    fuzzed = Fuzzed()
    for number, (operation, weight) in enumerate(zip(operations, weights, strict=True)):
        fuzzed.ask_all(operation, max(1, requests * weight // sum(weights)), seed + number)
    app.state.reception.close()
    statuses = dict(sorted(fuzzed.statuses.items()))
    return {"requests": fuzzed.statuses.total(), "statuses": statuses, "codes": dict(fuzzed.codes), "faults": fuzzed.faults[:MOST_TOLD]}
