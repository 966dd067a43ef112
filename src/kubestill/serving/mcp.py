"""The service for MCP clients: check, explain and ask as tools, kinds and versions as resources, over stdio and streamable HTTP.

Only this module imports the SDK, and only `kubestill mcp` and the HTTP app, where it is asked for, import this module. Specification: Model
Context Protocol, revisions 2025-11-25 and 2026-07-28; the SDK speaks both, and no session is kept, so that any replica answers any request.
"""

import importlib.metadata
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio
import anyio.to_thread
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from kubestill.ground.errors import KubestillError, UserError
from kubestill.serving.api import Inquiry, Service, Turn, Wish
from kubestill.serving.explained import Explained
from kubestill.tools.engines.api import Stopped

if TYPE_CHECKING:
    from kubestill.serving.answer import Answer

PATH = "/mcp"  # where the official SDKs look for a server
MAX_TEXT_CHARS = 1 << 20  # of manifests or a request: etcd takes no object above 1.5 MiB
MAX_ASKED = 32  # answers at once, of the 40 threads that the event loop has: checks need some, too
MAX_BODY_BYTES = 4 << 20  # the text as JSON, with its escapes
TIMEOUT_SECONDS = 60.0  # what clients wait for a tool, unless they are told otherwise
INSTRUCTIONS = (
    "kubestill knows Kubernetes by its schemas and rules, not by memory. Call check on every manifest or kubectl command before you show"
    " or apply it; call explain before you write a field that you are not sure of; call ask for a manifest or command from a plain"
    " request: its answer carries a verdict, and one that did not pass must not be applied. Nothing here reads or changes a cluster."
)

Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]
Version = Annotated[str, Field(description='Version of the cluster, such as "1.34"; empty: the usual one.', max_length=16)]


class Found(BaseModel):
    """One finding. An error makes what was checked fail, a warning does not, a skip says why nobody could look. Lines count from 1."""

    severity: str = "error"
    code: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    message: str
    remedy: str = ""

    def told(self) -> str:
        """Return it in one line."""
        place = f"{self.line}:{self.column}" if self.line and self.column else str(self.line or "")
        head = " ".join(filter(None, (place, self.severity, self.code, self.path)))
        end = "" if self.message.endswith((".", "?")) else "."
        return f"{head}: {self.message}" + (f"{end} {self.remedy}" if self.remedy else "")


class Checked(BaseModel):
    """What the checks found. `passed`: all was judged and nothing is wrong; `failed`: something is. Neither: it could not be judged."""

    passed: bool
    failed: bool
    findings: list[Found]


class Answered(BaseModel):
    """An answer with its verdict. Do not apply one that did not pass. `understood` was read of the request, `unused` was not."""

    answer: str
    passed: bool
    failed_on: str = ""
    understood: list[str] = []
    unused: list[str] = []
    findings: list[Found] = []
    repaired: bool = False
    truncated: bool = False
    model: str = ""
    seconds: float = 0.0


class Tools:
    """The tools of one service. Each blocks in a worker thread, never in the event loop."""

    def __init__(self, service: Service, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.service, self.timeout_seconds, self.under_way = service, timeout_seconds, 0

    def check(
        self,
        text: Annotated[Text, Field(description="Manifests in YAML or JSON, several behind ---; or kubectl commands, a line each.")],
        what: Annotated[Literal["manifests", "kubectl"], Field(description="What the text holds.")] = "manifests",
        version: Version = "",
    ) -> Annotated[CallToolResult, Checked]:
        """Check Kubernetes manifests or kubectl commands offline: syntax, strict schema, rules, relations between the objects."""
        with _told_as_tool_errors():
            rows = self.service.check(text, Wish(skill="kubectl" if what == "kubectl" else "", version=version))
        found = [Found.model_validate(row) for row in rows]
        told = {one.severity for one in found}
        checked = Checked(passed=not told & {"error", "skip"}, failed="error" in told, findings=found)
        word = "passed" if checked.passed else "failed" if checked.failed else "not judged"
        return _result("\n".join((word, *(one.told() for one in found))), checked)

    def explain(
        self,
        path: Annotated[
            str,
            Field(description="Deployment, apps/v1/Deployment, deploy.spec.replicas, K8S161; empty: all kinds.", max_length=400),
        ],
        version: Version = "",
    ) -> Annotated[CallToolResult, Explained]:
        """Tell what a kind or field is, its type, allowed values and fields, by the version's schemas; or what a finding's code means."""
        with _told_as_tool_errors():
            found = Explained.of(self.service.explain(path, version))
        return _result(found.told(), found)

    async def ask(
        self,
        request: Annotated[Text, Field(description="What is wanted, in plain English: names, images, ports and amounts as they shall be.")],
        kinds: Annotated[list[str], Field(description="The answer is of one of these kinds; empty: any.", max_length=16)] = [],  # noqa: B006
        task: Annotated[str, Field(description='"manifest", "kubectl", "diagnose", ...; empty: the model decides.', max_length=40)] = "",
        version: Version = "",
        strict: Annotated[bool, Field(description="An answer that does not pass its checks is an error.")] = False,
    ) -> Annotated[CallToolResult, Answered]:
        """Answer a request with a Kubernetes manifest or a kubectl command, written under a grammar and judged by the checks."""
        wish = Wish(kinds=tuple(kinds), skill=task, version=version)
        turn = Turn(Inquiry(request, wish, strict=strict, timeout_seconds=self.timeout_seconds))
        if self.under_way >= MAX_ASKED:
            raise ToolError(f"{self.under_way} answers are being written or wait; ask again later")
        self.under_way += 1
        with _told_as_tool_errors():
            try:
                found = await anyio.to_thread.run_sync(self.service.answer, turn, abandon_on_cancel=True)
            except anyio.get_cancelled_exc_class():
                turn.stop.set()  # a client that went away no longer holds a row of the engine
                raise
            finally:
                self.under_way -= 1
        return _result("\n".join((found.reply.text.rstrip("\n"), "", *found.told())), _answered(found, turn))


def make_server(service: Service, timeout_seconds: float = TIMEOUT_SECONDS) -> MCPServer[Any]:
    """Return the MCP server of a service."""
    version = importlib.metadata.version("kubestill")
    server: MCPServer[Any] = MCPServer("kubestill", title="kubestill", instructions=INSTRUCTIONS, version=version, log_level="WARNING")
    tools = Tools(service, timeout_seconds)
    looks = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
    server.add_tool(tools.check, title="Check manifests or kubectl commands", annotations=looks)
    server.add_tool(tools.explain, title="Explain a kind or field", annotations=looks)
    server.add_tool(tools.ask, title="Ask for a checked answer", annotations=looks)
    _add_resources(server, service)
    return server


def make_mcp_app(service: Service, timeout_seconds: float = TIMEOUT_SECONDS) -> Starlette:
    """Return an app of its own that serves MCP at PATH on this machine alone: it takes no Host or Origin but those of loopback."""
    return _streamable(make_server(service, timeout_seconds), None)


Lifespan = Callable[[], AbstractAsyncContextManager[None]]


def mcp_routes(service: Service, timeout_seconds: float = TIMEOUT_SECONDS) -> tuple[list[BaseRoute], Lifespan]:
    """Return what an app adds to its routes to serve MCP at PATH, and what its lifespan must enter while it runs.

    The app in which they stand has to let in only who may come in: keys, hosts and limits are its business.
    """

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with server.session_manager.run():
            yield

    server = make_server(service, timeout_seconds)
    anywhere = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    return list(_streamable(server, anywhere).routes), lifespan


def _streamable(server: MCPServer[Any], security: TransportSecuritySettings | None) -> Starlette:
    """Return the app of streamable HTTP. Answers are streams of one event: a JSON answer would not notice that its client went away."""
    return server.streamable_http_app(
        streamable_http_path=PATH, stateless_http=True, max_request_body_size=MAX_BODY_BYTES, transport_security=security
    )


def _add_resources(server: MCPServer[Any], service: Service) -> None:
    def versions() -> str:
        return json.dumps(service.explain("")["values"])

    def kinds(version: str) -> str:
        try:
            return json.dumps([one["name"] for one in service.explain("", version)["fields"]])
        except UserError as error:
            raise ResourceNotFoundError(str(error)) from error

    told = "The Kubernetes versions whose schemas are at hand, the usual one first."
    server.resource("kubernetes://versions", title="Versions", description=told, mime_type="application/json")(versions)
    told = "The kinds of a version, as apps/v1/Deployment."
    server.resource("kubernetes://{version}/kinds", title="Kinds", description=told, mime_type="application/json")(kinds)


@contextmanager
def _told_as_tool_errors() -> Iterator[None]:
    """Tell the client what a person would be told; anything else is a crash, whose words stay here."""
    try:
        yield
    except KubestillError as error:
        raise ToolError(str(error)) from error
    except TimeoutError as error:
        raise ToolError("no answer in time; ask for less at once, or try again later") from error
    except Stopped as error:
        raise ToolError("the answer was stopped; ask again") from error


def _answered(answer: "Answer", turn: Turn) -> Answered:
    record: Mapping[str, Any] = answer.record()
    return Answered.model_validate({**record, "model": turn.by})


def _result(text: str, found: BaseModel) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=found.model_dump(mode="json"))
