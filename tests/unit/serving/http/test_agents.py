"""A framework for agents that people use, over both of OpenAI's APIs."""

import asyncio

import openai
import pytest

from support.fake_service import text_for
from unit.serving.http.conftest import KEY, House

agents = pytest.importorskip("agents", reason="openai-agents is not installed")


@pytest.mark.parametrize("kind", ["OpenAIResponsesModel", "OpenAIChatCompletionsModel"])
def test_an_agent_is_answered_whole_and_streamed(house: House, kind: str) -> None:
    @agents.function_tool  # type: ignore[untyped-decorator]
    def look(name: str) -> str:
        """Look something up."""
        return name

    async def ask() -> tuple[str, str, str]:
        async with openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key=KEY, max_retries=0) as client:
            model = getattr(agents, kind)(model="fake", openai_client=client)
            agent = agents.Agent(name="operator", instructions="Write manifests.", model=model, tools=[look])
            config = agents.RunConfig(tracing_disabled=True)
            first = await agents.Runner.run(agent, "a config map", run_config=config)
            second = await agents.Runner.run(agent, [*first.to_input_list(), {"role": "user", "content": "and another"}], run_config=config)
            streamed = agents.Runner.run_streamed(agent, "a stream", run_config=config)
            async for _ in streamed.stream_events():
                pass
            return first.final_output, second.final_output, streamed.final_output

    assert asyncio.run(ask()) == (text_for("a config map"), text_for("and another"), text_for("a stream"))
