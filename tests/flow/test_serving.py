"""`kubestill serve` as people run it: processes, signals, the packaged student."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from kubestill.tools.modeling.bases import packaged

pytestmark = [
    pytest.mark.skipif(not packaged(), reason="the package carries no student"),
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="it looks for processes in /proc"),
]
KEY = "flow-key-0123456789abcdef"
REQUEST = "a deployment called web with 3 replicas of nginx:1.27 on port 8080"
MAIN = "from kubestill.cli.main import main; main()"


@contextmanager
def served(workspace: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """Run the command, and wait until it is ready."""
    command = [sys.executable, "-c", MAIN, "serve", "--workspace", str(workspace), "--model", "kubernetes-base", "--port", "0", *options]
    environment = {**os.environ, "KUBESTILL_API_KEYS": KEY, "TMPDIR": str(workspace)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    told = process.stderr.readline()
    assert "http://" in told, told + process.stderr.read()
    drained = threading.Thread(target=process.stderr.read, daemon=True)  # a full pipe would stop the server
    drained.start()
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=told.split()[-1], headers=headers, timeout=60) as client:
        until = time.monotonic() + 90
        while time.monotonic() < until and process.poll() is None and not ready(client):
            time.sleep(0.1)
        try:
            yield process, client
        finally:
            process.kill()
            process.wait()
            drained.join(30)
            process.stderr.close()


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/ready").status_code == 200
    except httpx.TransportError:
        return False


def ask(client: httpx.Client, text: str = REQUEST) -> httpx.Response:
    return client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": text}]})


def test_a_stream_outlives_sigterm_and_nothing_new_is_let_in(tmp_path: Path) -> None:
    with served(tmp_path) as (process, client):
        reply = ask(client)
        assert reply.status_code == 200 and "containerPort: 8080" in reply.json()["choices"][0]["message"]["content"]
        assert reply.json()["kubestill"]["passed"] and not reply.json()["kubestill"]["cached"]
        assert ask(client).json()["kubestill"]["cached"]
        body = {"messages": [{"role": "user", "content": "a service called web on port 80"}], "stream": True, "kubestill": {"free": True}}
        with client.stream("POST", "/v1/chat/completions", json=body) as stream:
            lines = stream.iter_lines()
            first = next(lines)
            process.send_signal(signal.SIGTERM)
            rest = [line for line in lines if line]
        assert first.startswith("data: ") and rest[-1] == "data: [DONE]"
        assert "kubestill" in json.loads(rest[-2].removeprefix("data: "))
        assert process.wait(30) == 0


def test_two_workers_count_together_and_one_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2") as (process, client):
        for number in range(6):
            with httpx.Client(base_url=client.base_url, headers=client.headers, timeout=60) as one:
                assert ask(one, REQUEST if number % 2 else "a config map called app").status_code == 200
        text = httpx.get(f"{client.base_url}/metrics").text
        assert 'kubestill_answers_total{model_name="kubernetes-base",verdict="passed"} 6.0' in text
        serving = workers(process.pid)
        assert len(serving) == 2
        os.kill(serving[0], signal.SIGKILL)
        with httpx.Client(base_url=client.base_url, headers=client.headers, timeout=60) as other:
            assert ask(other).json()["kubestill"]["cached"]  # what was kept is whole
        until = time.monotonic() + 60
        while time.monotonic() < until and len(set(workers(process.pid)) - set(serving)) == 0:
            time.sleep(0.05)
        (new,) = set(workers(process.pid)) - set(serving)
        os.kill(process.pid, signal.SIGKILL)  # workers do not outlive their parent
        os.kill(new, signal.SIGKILL)  # it would see that only when it has loaded its model
        process.wait()
        while time.monotonic() < until and Path(f"/proc/{serving[1]}").exists():
            time.sleep(0.05)
        assert not Path(f"/proc/{serving[1]}").exists()


def workers(parent: int) -> list[int]:
    """Processes that serve for a parent; multiprocessing has another beside them."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
