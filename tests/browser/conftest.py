"""One browser for all tests; each gets a fresh window that keeps what went wrong in it."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from kubestill.pipeline.shelf import WorkspaceShelf
from kubestill.serving.page.routes import page_router
from support.fake_service import serving
from support.page_app import PageService, make_workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Open = Callable[..., "Page"]
WAIT_MILLISECONDS = 20_000  # for what the machine may be too busy to do soon


@dataclass
class Site:
    address: str
    service: PageService
    shelf: WorkspaceShelf


@pytest.fixture(scope="module")  # and no longer: its event loop would still run in the tests of other files
def browser() -> Iterator["Browser"]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium is on PATH")
    with api.sync_playwright() as playwright:
        arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]  # root may not make a sandbox
        found = playwright.chromium.launch(executable_path=path, args=arguments)
        yield found
        found.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    service = PageService()
    shelf = WorkspaceShelf(make_workspace(tmp_path_factory.mktemp("workspace")))
    with serving(service, page_router(service, shelf)) as address:
        yield Site(address, service, shelf)


@pytest.fixture
def faults() -> list[str]:
    """What the browser complained about: errors, and violations of the policy."""
    return []


@pytest.fixture
def open_page(browser: "Browser", site: Site, faults: list[str]) -> Iterator[Open]:
    """Open a view in a window of its own. After the test nothing may have gone wrong in it, nor may a stranger's script have run."""
    contexts = []

    def opened(route: str = "#/ask", address: str = "", **given: Any) -> "Page":
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **given})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MILLISECONDS)
        page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
        page.goto(f"{address or site.address}/{route}")
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            assert "owned" not in page.title()
        context.close()
    assert not faults
