"""The page's routes: its files, which are open to all, since it has to load before it can ask for a key, and its records."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from importlib.metadata import version
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request, Response

from kubestill.ground.errors import UserError
from kubestill.serving.api import Served, Service, Vote, Wish
from kubestill.serving.findings import Found
from kubestill.serving.page.api import (
    MAX_NAME,
    About,
    Ballot,
    Collection,
    Curve,
    Findings,
    Model,
    Release,
    Rows,
    Run,
    RunLine,
    Shelf,
    Standing,
    Text,
    Wanted,
)
from kubestill.serving.page.files import INDEX, File, page_files

KUBECTL = "kubectl"
FREE = " · free"  # after the name of a model that wrote without the grammar, as views/compare.js spells it
MAX_COMMANDS = 500
Known = TypeVar("Known")

# Nothing but the page's own files may run or load, nothing may frame it, and no text can become markup (Trusted Types: no sink works).
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
SAFE = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def page_router(service: Service, shelf: Shelf) -> APIRouter:
    """Return the routes `/`, `/page/static/...` and `/page/...`."""
    router = APIRouter(tags=["page"])
    _serve_files(router, page_files())
    _serve_service(router, service)
    _serve_shelf(router, shelf)
    return router


def _serve_files(router: APIRouter, files: dict[str, File]) -> None:
    @router.get("/", include_in_schema=False)
    def index(request: Request) -> Response:
        return _sent(files[INDEX], request)

    @router.get("/page/static/{name:path}", include_in_schema=False)
    def static(name: str, request: Request) -> Response:
        if name not in files:
            raise HTTPException(404, "the page has no such file")
        return _sent(files[name], request)


def _sent(file: File, request: Request) -> Response:
    headers = {**SAFE, "ETag": file.etag, "Cache-Control": "no-cache"}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)


def _serve_service(router: APIRouter, service: Service) -> None:
    @router.get("/page/about")
    def about() -> About:
        """Say what answers here, and what it knows."""
        models = [Model(name=name, tasks=_tasks(one), notes=one.desk.notes) for name, one in service.models.items()]
        known: Mapping[str, Any] = {}
        with contextlib.suppress(UserError):  # a domain without kinds and versions
            known = service.explain("")
        kinds = sorted({str(field["name"]).rpartition("/")[2] for field in known.get("fields", ())})
        return About(version=version("kubestill"), models=models, versions=list(known.get("values", ())), kinds=kinds)

    @router.post("/page/check")
    def check(text: Text) -> Findings:
        """Say what is wrong with manifests or kubectl commands."""
        if not text.commands:
            return _found(service.check(text.text, Wish(version=text.version)))
        found = [
            {**one, "line": line + max(0, one["line"] - 1)}
            for line, command in _commands(text.text)
            for one in service.check(command, Wish(version=text.version, skill=KUBECTL))
        ]
        return _found(found)

    @router.get("/page/votes")
    def standings() -> list[Standing]:
        """Say how votes stand."""
        return [Standing(first=first, second=second, counts=dict(counts)) for (first, second), counts in service.votes().items()]

    @router.post("/page/votes", status_code=201)
    def vote(ballot: Ballot) -> list[Standing]:
        """Count a vote on two that answer here, and say how they stand. Of the request only its digest is kept."""
        writers = {f"{name}{way}" for name in service.models for way in ("", FREE)}
        if not {ballot.first, ballot.second} <= writers:
            raise UserError("vote", "it names a writer that does not answer here", f"vote on two of {', '.join(service.models)}")
        service.vote(Vote(ballot.first, ballot.second, sha256(ballot.request.encode("utf-8", "surrogatepass")).hexdigest(), ballot.choice))
        return standings()


def _serve_shelf(router: APIRouter, shelf: Shelf) -> None:
    @router.get("/page/runs")
    def runs() -> list[RunLine]:
        """Return every run, newest first."""
        return shelf.runs()

    @router.get("/page/runs/{run}")
    def run(run: str) -> Run:
        """Return what is known of a run."""
        return _known(lambda: shelf.run(run[:MAX_NAME]))

    @router.get("/page/runs/{run}/curve")
    def curve(run: str, after: Annotated[int, Query(ge=-1)] = -1) -> Curve:
        """Return the points of a run's training after a step."""
        return _known(lambda: shelf.curve(run[:MAX_NAME], after))

    @router.get("/page/collections")
    def collections() -> list[Collection]:
        """Return the artifacts of samples, newest first."""
        return shelf.collections()

    @router.get("/page/samples")
    def samples(wanted: Annotated[Wanted, Query()]) -> Rows:
        """Return some samples."""
        return _known(lambda: shelf.samples(wanted))

    @router.get("/page/drops")
    def drops(wanted: Annotated[Wanted, Query()]) -> Rows:
        """Return some of what was dropped."""
        return _known(lambda: shelf.drops(wanted))

    @router.get("/page/models")
    def models() -> list[Release]:
        """Return the students that there are."""
        return shelf.releases()


def _tasks(served: Served) -> list[str]:
    """Return the tasks that a model does; one that notes has learned the domain's first, and those that its desk tells."""
    desk, skills = served.desk, list(served.domain(Wish()).skills())
    return [name for place, name in enumerate(skills) if not place or not desk.notes or name in desk.tasks]


def _found(findings: Iterable[Mapping[str, Any]]) -> Findings:
    return Findings(findings=[Found.model_validate(one) for one in findings])


def _commands(text: str) -> Iterator[tuple[int, str]]:
    """Yield the commands of a text, one a line unless a backslash joins it to the next, each with its line; comments are none.

    Raises:
        UserError: there are more than a person would paste.
    """
    lines, place = text.splitlines(), 0
    if len(lines) > MAX_COMMANDS:
        raise UserError("text", f"{len(lines):,} lines of commands", f"check at most {MAX_COMMANDS:,} at once")
    while place < len(lines):
        first = place
        while lines[place].endswith("\\") and place + 1 < len(lines):
            place += 1
        command = "\n".join(lines[first : place + 1])
        if command.strip() and not command.lstrip().startswith("#"):
            yield first + 1, command
        place += 1


def _known(ask: Callable[[], Known]) -> Known:
    """Return what is found; a name that nothing has is told in HTTP's way."""
    try:
        return ask()
    except UserError as error:
        raise HTTPException(404, str(error)) from None
