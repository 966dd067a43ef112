"""`kubestill mcp` as clients start it: the packaged student answers over stdio and over HTTP, and stdout holds the protocol alone."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="pip install 'kubestill[mcp]'")

from mcp import Client, StdioServerParameters

from kubestill.cli.main import answer

SERVE = [sys.executable, "-m", "kubestill", "mcp", "--workspace", "w"]
BROKEN = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{targtPort: 80}]}\n"


def surroundings(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}


async def asked(server: Any) -> dict[str, Any]:
    async with Client(server) as client:
        calls: dict[str, dict[str, Any]] = {
            "check": {"text": BROKEN},
            "explain": {"path": "deploy.spec.strategy"},
            "ask": {"request": "a configmap called settings", "kinds": ["ConfigMap"]},
        }
        return {name: (await client.call_tool(name, given)).structured_content for name, given in calls.items()}


def told(found: dict[str, Any]) -> None:
    assert found["check"]["failed"] and {one["code"] for one in found["check"]["findings"]} == {"K8S022", "K8S024"}
    assert [one["name"] for one in found["explain"]["fields"]] == ["rollingUpdate", "type"]
    answered = found["ask"]
    assert (
        answered["passed"] and answered["answer"].startswith("apiVersion: v1\nkind: ConfigMap\n") and answered["model"] == "kubernetes-base"
    )


def test_over_stdio(tmp_path: Path) -> None:
    server = StdioServerParameters(command=SERVE[0], args=SERVE[1:], cwd=tmp_path, env=surroundings(tmp_path))
    told(asyncio.run(asyncio.wait_for(asked(server), 120)))
    assert not (tmp_path / "w").exists()  # a client may start it where nobody may write


def test_it_ends_with_its_input_and_says_nothing_of_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        SERVE, input="no protocol\n", capture_output=True, text=True, cwd=tmp_path, env=surroundings(tmp_path), timeout=120
    )
    assert done.returncode == 0 and done.stdout.count("\n") <= 1 and ("jsonrpc" in done.stdout or not done.stdout)


@pytest.fixture
def over_http(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [*SERVE, "--http", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=surroundings(tmp_path)
    ) as run:
        yield run
        run.kill()


def test_over_http_and_it_stops_when_told(over_http: subprocess.Popen[str]) -> None:
    assert over_http.stderr is not None and over_http.stdout is not None
    address = re.search(r"http://127\.0\.0\.1:\d+/mcp", over_http.stderr.readline())
    assert address is not None
    told(asyncio.run(asyncio.wait_for(asked(address[0]), 120)))
    over_http.send_signal(signal.SIGTERM)
    assert over_http.wait(60) in (0, -signal.SIGTERM) and not over_http.stdout.read()


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code = answer(["mcp", "--http", "--port", str(taken.getsockname()[1]), "--workspace", str(tmp_path / "w")])
    assert code == 2 and "cannot be had" in capsys.readouterr().err


def test_a_bare_install_says_what_to_install() -> None:
    code = "import sys; sys.modules['mcp'] = None; from kubestill.cli.main import main; main(['mcp'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3 and "pip install 'kubestill[mcp]'" in done.stderr
