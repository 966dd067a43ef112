from collections.abc import Iterator
from dataclasses import dataclass

import openai
import pytest

from support.fake_service import FakeDesk, FakeService, serving

KEY = "test-key-0123456789abcdef"


@dataclass
class House:
    """A service that is served, and OpenAI's own client of it."""

    service: FakeService
    url: str
    client: openai.OpenAI


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    service = FakeService(FakeDesk(0.001))
    with serving(service) as url, openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, timeout=20) as client:
        yield House(service, url, client)


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]
