"""The page over HTTP: what is open, what is safe, what cannot be reached."""

import re
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import httpx
import pytest

from kubestill.domains.kubernetes.schema import DEFAULT_VERSION, versions
from kubestill.pipeline.shelf import WorkspaceShelf
from kubestill.serving.page.routes import page_router
from support.fake_service import serving
from support.page_app import FINISHED, MIX, PageService, make_workspace

STATIC = Path(str(resources.files("kubestill.serving.page"))) / "static"
FILES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())
OURS = [name for name in FILES if not name.startswith("vendor/")]
KEY = "a-key-of-enough-characters"
PATIENCE_SECONDS = 60  # on a machine that others keep busy
RECORDS = [
    "about",
    "votes",
    "runs",
    f"runs/{FINISHED}",
    f"runs/{FINISHED}/curve",
    "collections",
    f"samples?name={MIX}",
    f"drops?name={MIX}",
    "models",
]


@pytest.fixture(scope="module")
def service() -> PageService:
    return PageService()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, service: PageService) -> Iterator[httpx.Client]:
    shelf = WorkspaceShelf(make_workspace(tmp_path_factory.mktemp("workspace")))
    with serving(service, page_router(service, shelf)) as address, httpx.Client(base_url=address, timeout=PATIENCE_SECONDS) as found:
        yield found


def test_every_file_comes_with_its_type_and_safe_headers(client: httpx.Client) -> None:
    types = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain"}
    for name in ["", *FILES]:
        reply = client.get(f"/page/static/{name}" if name else "/")
        assert reply.status_code == 200, name
        assert reply.content == (STATIC / (name or "index.html")).read_bytes()
        assert reply.headers["content-type"].startswith(types[(name or "x.html").rpartition(".")[2]])
        rules = dict(rule.split(" ", 1) for rule in reply.headers["content-security-policy"].split("; "))
        assert rules["default-src"] == rules["frame-ancestors"] == "'none'" and rules["script-src"] == rules["style-src"] == "'self'"
        assert reply.headers["x-content-type-options"] == "nosniff"


def test_a_file_that_did_not_change_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/page/static/app.js")
    again = client.get("/page/static/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "content-security-policy" in again.headers
    assert client.get("/page/static/app.js", headers={"If-None-Match": '"other"'}).content == first.content


@pytest.mark.parametrize(
    "path",
    [
        *("/page/static/../routes.py", "/page/static/%2e%2e/routes.py", "/page/static/..%2froutes.py", "/page/static//etc/passwd"),
        *("/page/static/%2fetc%2fpasswd", "/page/static/views/../../api.py", "/page/static/", "/page/static/views", "/page/static/x%00.js"),
        *("/page/runs/..%2f..%2fetc", "/page/runs/%2e%2e", "/page/runs/../../etc/passwd/curve", "/page/runs/x%00y"),
        *("/page/samples?name=../../../etc", "/page/samples?name=mix/../mix", "/page/drops?name=/etc/passwd"),
    ],
)
def test_no_path_of_a_client_leads_to_a_file(client: httpx.Client, path: str) -> None:
    reply = client.get(httpx.URL(str(client.base_url).rstrip("/")).copy_with(raw_path=path.encode()))
    assert reply.status_code == 404, reply.text
    assert "root:" not in reply.text and "import" not in reply.text


@pytest.mark.parametrize("query", ["start=1", "start=-1.0", "start=0.0/../x", f"start=0.{'9' * 40}", f"text={'x' * 400}"])
def test_a_query_of_another_shape_is_refused(client: httpx.Client, query: str) -> None:
    reply = client.get(f"/page/samples?name={MIX}&{query}")
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_records_need_a_key_and_files_do_not(tmp_path: Path) -> None:
    service = PageService()
    router = page_router(service, WorkspaceShelf(make_workspace(tmp_path)))
    with serving(service, router, keys=(KEY,)) as address, httpx.Client(base_url=address, timeout=PATIENCE_SECONDS) as client:
        for name in ["", *FILES]:
            assert client.get(f"/page/static/{name}" if name else "/").status_code == 200
        for name in RECORDS:
            assert client.get(f"/page/{name}").status_code == 401, name
            assert client.get(f"/page/{name}", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200, name
        for name, body in (("check", {"text": ""}), ("votes", {})):
            assert client.post(f"/page/{name}", json=body).status_code == 401


def test_it_says_what_answers_and_what_is_known(client: httpx.Client) -> None:
    told = client.get("/page/about").json()
    assert told["models"][0]["name"] == "small"
    assert told["models"][0]["tasks"][0] == "manifest" and "kubectl" in told["models"][0]["tasks"]
    assert told["versions"][0] == DEFAULT_VERSION and set(told["versions"]) == set(versions())
    assert {"Deployment", "CronJob", "NetworkPolicy"} <= set(told["kinds"])


def test_manifests_are_checked_as_the_linter_does(client: httpx.Client, service: PageService) -> None:
    text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  ports:\n  - port: 80\n    targtPort: 1\n"
    (found,) = client.post("/page/check", json={"text": text}).json()["findings"]
    assert (found["code"], found["line"], found["column"]) == ("K8S022", 8, 5)
    unknown = client.post("/page/check", json={"text": "apiVersion: a.b/v1\nkind: X\nmetadata:\n  name: a\n"}).json()["findings"]
    assert [one["severity"] for one in unknown] == ["skip"]  # which is not a pass
    assert client.post("/page/check", json={"text": "", "version": "9.9"}).status_code == 400


def test_commands_are_checked_line_by_line(client: httpx.Client) -> None:
    text = "# looks\nkubectl get pods\n\nkubectl scale deployment/web \\\n  --replica=3\nkubectl frobnicate\n"
    found = client.post("/page/check", json={"text": text, "commands": True}).json()["findings"]
    assert [one["line"] for one in found] == [5, 6]  # the flag stands on the line after its command
    assert client.post("/page/check", json={"text": "kubectl get po\n" * 600, "commands": True}).status_code == 400


def test_votes_are_counted_and_requests_are_not_kept(client: httpx.Client, service: PageService) -> None:
    ballot = {"first": "small", "second": "small · free", "request": "my secret", "choice": "first"}
    assert client.post("/page/votes", json=ballot).json() == [{"first": "small", "second": "small · free", "counts": {"first": 1}}]
    assert client.post("/page/votes", json={**ballot, "choice": "tie"}).status_code == 201
    assert client.get("/page/votes").json()[0]["counts"] == {"first": 1, "tie": 1}
    assert client.post("/page/votes", json={**ballot, "choice": "bribe"}).status_code == 400
    assert client.post("/page/votes", json={**ballot, "second": "nobody"}).status_code == 400
    assert len(client.get("/page/votes").json()) == 1
    assert "secret" not in repr(service.votes_kept)
    assert service.votes_kept[0].request_digest == sha256(b"my secret").hexdigest()


class Document(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_document_holds_no_script_no_style_and_no_address_of_another_place() -> None:
    document = Document()
    document.feed((STATIC / "index.html").read_text())
    for tag, given in document.tags:
        assert tag != "style" and "style" not in given and not [name for name in given if name.startswith("on")]
        assert tag != "script" or given["src"]
        for name in ("src", "href"):
            target = given.get(name) or "#"
            assert target.startswith("#") or (STATIC / target.removeprefix("page/static/")).is_file()


def test_modules_import_files_that_there_are_and_know_no_sink_of_markup() -> None:
    sinks = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|DOMParser|https?://(?!www\.w3\.org)"
    )
    for name in OURS:
        text = (STATIC / name).read_text()
        assert not sinks.search(text), name
        for target in re.findall(r'(?:from|import) "([^"]+)";', text):
            assert (STATIC / name).parent.joinpath(target).resolve().is_file(), f"{name}: {target}"


def test_what_is_vendored_is_what_its_note_says() -> None:
    note = (STATIC / "vendor" / "README.txt").read_text()
    digests = dict(re.findall(r"^([0-9a-f]{64})  (\S+)$", note, re.MULTILINE))
    named = {name.removeprefix("vendor/") for name in FILES if name.startswith("vendor/")} - {"README.txt"}
    assert {name: digest for digest, name in digests.items()} == {
        name: sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() for name in named
    }


def test_every_kind_of_file_can_be_sent() -> None:
    from kubestill.serving.page.files import TYPES, page_files

    assert {name.rpartition(".")[2] for name in FILES} <= set(TYPES)
    assert sorted(page_files()) == FILES
