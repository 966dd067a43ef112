"""Answers a second over HTTP: `kubestill serve`, its grammar and checks on, beside llama.cpp's own server; and what overload does to ours.

    python bench/serve_load.py [--requests 64] [--rounds 3] [--workers 2 --rows 2] [--seconds 60] [--many 10000] [--skip PART ...]

Both serve the same GGUF file and get the same requests, drawn from training phrases; theirs gets the prompt that ours makes of a request
and writes freely to the end (`whole`) or to the end of the notes (`notes`, after which ours needs no model). It is started once for
each number of threads and of slots. Rounds alternate, a first one warms up; a ratio is the median over rounds, against the one of theirs
that gives the least. `overload`: requests come four times as fast as answers leave, for --seconds. `growth`: resident memory over --many
short requests. The last line is JSON.
"""

import argparse
import asyncio
import json
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from kubestill.domains.api import TRAIN, Sample
from kubestill.ground.seeds import Seed
from kubestill.pipeline.surroundings import commit, hardware
from kubestill.pipeline.table import DOMAINS
from kubestill.tools.chat.format import ANSWER
from kubestill.tools.engines.llama_cpp import LlamaCppEngine, find_file
from kubestill.tools.modeling.bases import packaged

SEED = Seed(71)
AT_ONCE = 8
TOKENS = 768  # of an answer at most, as ours has it
READY_SECONDS = 60.0
OVERLOAD = 4.0
UNLOADED = 600  # requests whose p99 overload is held against: of a hundred it is the slowest one's
PARTS = ("speed", "overload", "growth", "cache", "drain", "killed")


@dataclass
class Times:
    """What a round of requests took: seconds of each answer, tokens, and the statuses that came back."""

    seconds: list[float] = field(default_factory=list)
    tokens: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    wall: float = 0.0

    def told(self) -> dict[str, Any]:
        """Return the figures."""
        return {
            "answers_per_second": round(len(self.seconds) / self.wall, 2),
            "tokens_per_second": round(self.tokens / self.wall),
            "p50": round(quantile(self.seconds, 0.5), 4),
            "p99": round(quantile(self.seconds, 0.99), 4),
        }


Send = Callable[[httpx.AsyncClient, int], Awaitable[tuple[int, int]]]  # sends one request by its number; returns status and tokens


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


@dataclass
class Server:
    """A server in its own process."""

    name: str
    process: subprocess.Popen[bytes]
    url: str

    def resident_bytes(self) -> int:
        """Return the resident memory of the process and of its children."""
        found = subprocess.run(["ps", "-o", "rss=", "--pid", str(self.process.pid), "--ppid", str(self.process.pid)], capture_output=True)
        return 1024 * sum(map(int, found.stdout.split()))

    def end(self) -> None:
        """Stop it."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def ours(options: argparse.Namespace, workspace: str, *further: str) -> Server:
    """Start `kubestill serve` on a free port."""
    port = free_port()
    given = ["--model", options.model, "--port", str(port), "--queue", str(AT_ONCE), "--workspace", workspace]
    given += ["--workers", str(options.workers), *(("--rows", str(options.rows)) if options.rows else ()), *further]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-m", "kubestill", "serve", *given], **quiet)
    return ready(Server("kubestill", process, f"http://127.0.0.1:{port}"), "/ready")


def theirs(file: Path, threads: int, slots: int) -> Server:
    """Start llama.cpp's server on a free port; it writes `slots` answers at once."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(file), "--port", str(port), "--threads", str(threads), "--slots", str(slots)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return ready(Server(f"llama.cpp, threads {threads}, slots {slots}", process, f"http://127.0.0.1:{port}"), "/health")


def serve_theirs(file: str, port: int, threads: int, slots: int) -> None:
    """Serve a file by llama.cpp until somebody ends this process."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = file
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_parallel, params.n_ctx, params.warmup = slots, slots * 2048, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.pause()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ready(server: Server, path: str) -> Server:
    """Return a server once it answers."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        try:
            if httpx.get(server.url + path).status_code == 200:
                return server
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    server.end()
    raise SystemExit(f"{server.name} does not come up")


def ask_ours(server: Server, samples: Sequence[Sample], **more: Any) -> Send:
    """Return what asks ours for the answer to a sample's request, never from the cache."""

    async def send(client: httpx.AsyncClient, number: int) -> tuple[int, int]:
        body = {"messages": [{"role": "user", "content": samples[number % len(samples)].request}], "kubestill": {"fresh": True}, **more}
        reply = await client.post(f"{server.url}/v1/chat/completions", json=body)
        return reply.status_code, reply.json()["usage"]["completion_tokens"] if reply.status_code == 200 else 0

    return send


def ask_theirs(server: Server, prompts: Sequence[list[int]], stop: Sequence[str]) -> Send:
    """Return what asks theirs to go on from a prompt."""

    async def send(client: httpx.AsyncClient, number: int) -> tuple[int, int]:
        body = {"prompt": prompts[number % len(prompts)], "n_predict": TOKENS, "temperature": 0, "cache_prompt": True, "stop": list(stop)}
        while True:
            try:
                reply = await client.post(f"{server.url}/completion", json=body)
            except httpx.RemoteProtocolError:  # it closes a connection after some requests, sometimes just when the next one comes
                continue
            return reply.status_code, reply.json()["tokens_predicted"] if reply.status_code == 200 else 0

    return send


async def closed(send: Send, numbers: Sequence[int], at_once: int) -> Times:
    """Keep `at_once` requests under way until all are answered."""
    times, waiting = Times(), iter(numbers)
    async with httpx.AsyncClient(timeout=300) as client:

        async def worker() -> None:
            for number in waiting:
                begun = time.perf_counter()
                status, tokens = await send(client, number)
                times.statuses[status] += 1
                if status == 200:
                    times.seconds.append(time.perf_counter() - begun)
                    times.tokens += tokens

        begun = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(at_once)))
        times.wall = time.perf_counter() - begun
    return times


async def opened(send: Send, per_second: float, seconds: float) -> Times:
    """Send requests at a steady rate, whether or not earlier ones are answered."""
    times = Times()
    async with httpx.AsyncClient(timeout=300, limits=httpx.Limits(max_connections=None)) as client:

        async def one(number: int) -> None:
            begun = time.perf_counter()
            status, tokens = await send(client, number)
            times.statuses[status] += 1
            if status == 200:
                times.seconds.append(time.perf_counter() - begun)
                times.tokens += tokens

        begun = time.perf_counter()
        going = []
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
            going.append(asyncio.create_task(one(number)))
        await asyncio.gather(*going)
        times.wall = time.perf_counter() - begun
    return times


async def first_tokens(url: str, bodies: Sequence[dict[str, Any]]) -> float:
    """Return the median seconds until a stream's first text."""
    found = []
    async with httpx.AsyncClient(timeout=300) as client:
        for body in bodies:
            begun, seen = time.perf_counter(), 0.0
            async with client.stream("POST", url, json={**body, "stream": True}) as reply:
                async for line in reply.aiter_lines():
                    if not seen and line.startswith("data: {") and _text(json.loads(line[6:])):
                        seen = time.perf_counter() - begun
            found.append(seen)
    return round(statistics.median(found), 4)


def _text(event: dict[str, Any]) -> str:
    choices = event.get("choices") or [{}]
    return str(event.get("content") or choices[0].get("delta", {}).get("content") or "")


def median_ratio(mine: Sequence[Times], others: Sequence[Times]) -> float:
    """Return how many times as many answers a second ours gave, the median over rounds: what the machine's neighbours take, both miss."""
    return round(statistics.median(other.wall / one.wall for one, other in zip(mine, others, strict=True)), 2)


def speed(options: argparse.Namespace, workspace: str, samples: Sequence[Sample]) -> dict[str, Any]:
    """Answers a second of ours and theirs, one by one and AT_ONCE, in alternating rounds; time to first text; memory."""
    file = find_file(packaged()[options.model])
    words = LlamaCppEngine.load(file).words
    texts = [words.voice.prompt(sample.request).text for sample in samples]
    prompts = [words.tokenizer.encode(text, add_special_tokens=False).ids for text in texts]  # llama.cpp would cut some words otherwise
    them = [theirs(file, threads, slots) for threads, slots in product(options.threads, options.slots)]
    us = ours(options, workspace)
    ways = {("kubestill", "whole"): ask_ours(us, samples)}
    for server in them:
        ways |= {(server.name, "whole"): ask_theirs(server, prompts, ()), (server.name, "notes"): ask_theirs(server, prompts, (ANSWER,))}
    found, ratios = dict[str, dict[str, Any]](), dict[str, float]()
    try:
        for at_once in (1, AT_ONCE):
            rounds: dict[tuple[str, str], list[Times]] = {way: [] for way in ways}
            for number in range(options.rounds + 1):
                asked = range(number * options.requests, (number + 1) * options.requests)
                for way in (*list(ways)[number % len(ways) :], *list(ways)[: number % len(ways)]):
                    times = asyncio.run(closed(ways[way], asked, at_once))
                    assert set(times.statuses) == {200}, (way, times.statuses)
                    if number:
                        rounds[way].append(times)
            for way, several in rounds.items():
                middle = sorted(several, key=lambda times: len(times.seconds) / times.wall)[len(several) // 2]
                found[f"{way[0]}, {way[1]}, {at_once} at once"] = middle.told()
            for what in ("whole", "notes"):
                mine = rounds[us.name, "whole"]
                ratios[f"{what}, {at_once} at once"] = min(median_ratio(mine, rounds[server.name, what]) for server in them)
        messages = [{"messages": [{"role": "user", "content": s.request}], "kubestill": {"fresh": True}} for s in samples[:20]]
        first = {us.name: asyncio.run(first_tokens(f"{us.url}/v1/chat/completions", messages))}
        raw = [{"prompt": prompt, "n_predict": TOKENS, "temperature": 0} for prompt in prompts[:20]]
        first |= {server.name: asyncio.run(first_tokens(f"{server.url}/completion", raw)) for server in them}
        memory = {server.name: server.resident_bytes() for server in (us, *them)}
    finally:
        for server in (us, *them):
            server.end()
    for name, one in found.items():
        print(f"{name:<44} {one}")
    return {"rates": found, "ratio": ratios, "first_text_seconds": first, "resident_bytes": memory}


def overload(options: argparse.Namespace, workspace: str, samples: Sequence[Sample]) -> dict[str, Any]:
    """Four times more requests than it can answer: who is refused, and what those who are not wait."""
    rows, queue = options.overload_rows, options.overload_queue
    # One process: which of several takes a request is not for us to say. Of an option that is given twice the last one counts.
    us = ours(options, workspace, "--workers", "1", "--rows", str(rows), "--queue", str(queue))
    try:
        send = ask_ours(us, samples)
        asyncio.run(closed(send, range(32), 1))
        alone = asyncio.run(closed(send, range(UNLOADED), 1))
        full = asyncio.run(closed(send, range(2 * options.requests), rows))
        rate = OVERLOAD * len(full.seconds) / full.wall
        under = asyncio.run(opened(send, rate, options.seconds))
    finally:
        us.end()
    ratio = quantile(under.seconds, 0.99) / quantile(alone.seconds, 0.99)
    found = {"rows": rows, "queue": queue, "asked_per_second": round(rate, 1), "statuses": dict(under.statuses)}
    return found | {"unloaded": alone.told(), "admitted": under.told(), "p99_ratio": round(ratio, 2)}


def growth(options: argparse.Namespace, workspace: str, samples: Sequence[Sample]) -> dict[str, Any]:
    """Resident memory after a tenth of many short requests, and after all."""
    us = ours(options, workspace)
    try:
        send = ask_ours(us, samples, max_tokens=8)
        tenth = options.many // 10
        asyncio.run(closed(send, range(tenth), AT_ONCE))
        first = us.resident_bytes()
        rest = asyncio.run(closed(send, range(tenth, options.many), AT_ONCE))
        last = us.resident_bytes()
    finally:
        us.end()
    told = {"requests": options.many, "statuses": dict(rest.statuses), "first_bytes": first, "last_bytes": last}
    return told | {"growth": round(last / first - 1, 4), "per_second": rest.told()["answers_per_second"]}


def cache(options: argparse.Namespace, workspace: str, samples: Sequence[Sample]) -> dict[str, Any]:
    """Seconds of an answer from the cache: as the server counts them, and as a client on this machine sees them."""
    us = ours(options, workspace)
    inside, outside = [], []
    try:
        with httpx.Client(timeout=60) as client:
            for sample in samples[:20]:
                body = {"messages": [{"role": "user", "content": sample.request}]}
                for _ in range(10):
                    begun = time.perf_counter()
                    told = client.post(f"{us.url}/v1/chat/completions", json=body).json()["kubestill"]
                    if told["cached"]:
                        inside.append(told["seconds"])
                        outside.append(time.perf_counter() - begun)
    finally:
        us.end()
    return {
        "hits": len(inside),
        **{
            f"{name}_{part}_ms": round(1000 * quantile(values, share), 3)
            for name, values in (("server", inside), ("client", outside))
            for part, share in (("p50", 0.5), ("p99", 0.99))
        },
    }


def drain(options: argparse.Namespace, workspace: str, samples: Sequence[Sample]) -> dict[str, Any]:
    """Streams under way when SIGTERM comes: how many end whole."""
    us = ours(options, workspace)

    async def streams() -> list[bool]:
        async with httpx.AsyncClient(timeout=120) as client:

            async def one(sample: Sample) -> bool:
                body = {"messages": [{"role": "user", "content": sample.request}], "stream": True, "kubestill": {"fresh": True}}
                async with client.stream("POST", f"{us.url}/v1/chat/completions", json=body) as reply:
                    return [line async for line in reply.aiter_lines() if line][-1:] == ["data: [DONE]"]

            going = [asyncio.create_task(one(sample)) for sample in samples[:AT_ONCE]]
            await asyncio.sleep(0.15)
            us.process.send_signal(signal.SIGTERM)
            return list(await asyncio.gather(*going))

    try:
        whole = asyncio.run(streams())
        code = us.process.wait(30)
    finally:
        us.end()
    return {"streams": len(whole), "whole": sum(whole), "exit": code}


def killed(options: argparse.Namespace, workspace: str, samples: Sequence[Sample]) -> dict[str, Any]:
    """Kill -9 while AT_ONCE answers are written, five times: seconds until another one is ready, kept answers that are gone, the state."""
    seconds, gone, kept = [], 0, list[Sample]()
    for number in range(5):
        begun = time.perf_counter()
        us = ours(options, workspace)
        seconds.append(time.perf_counter() - begun)
        with httpx.Client(timeout=60) as client:

            def told(sample: Sample, client: httpx.Client = client, us: Server = us) -> dict[str, Any]:
                body = {"messages": [{"role": "user", "content": sample.request}]}
                found: dict[str, Any] = client.post(f"{us.url}/v1/chat/completions", json=body).json()["kubestill"]
                return found

            gone += sum(not told(sample)["cached"] for sample in kept)
            kept += [sample for sample in samples[8 * number : 8 * number + 8] if told(sample)["passed"]]

        async def load(us: Server = us) -> None:
            going = asyncio.create_task(closed(ask_ours(us, samples), range(10_000), AT_ONCE))
            await asyncio.sleep(1)
            us.process.kill()
            await asyncio.gather(going, return_exceptions=True)

        asyncio.run(load())
        us.process.wait()
    with sqlite3.connect(Path(workspace) / "service" / "state.db") as state:
        (integrity,) = state.execute("PRAGMA integrity_check").fetchone()
    return {"kills": 5, "ready_seconds": [round(one, 2) for one in seconds], "kept": len(kept), "gone": gone, "integrity": integrity}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="kubernetes-base", help="a packaged student")
    parser.add_argument("--requests", type=int, default=64, help="of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0, help="of overload")
    parser.add_argument("--many", type=int, default=10_000, help="short requests over which memory may grow")
    parser.add_argument("--workers", type=int, default=1, help="processes of ours")
    parser.add_argument("--rows", type=int, default=0, help="answers that each of them writes at once; 0: as the command has it")
    parser.add_argument("--overload-rows", type=int, default=1, help="the same under overload, where there is one process")
    parser.add_argument("--overload-queue", type=int, default=0, help="answers that may wait under overload")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of llama.cpp's server")
    parser.add_argument("--slots", type=int, nargs="+", default=[AT_ONCE, 2], help="answers that llama.cpp's server writes at once")
    parser.add_argument("--skip", nargs="*", default=[], choices=PARTS)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve_theirs(options.serve, options.port, options.threads[0], options.slots[0])
    samples = draw(options.requests * (options.rounds + 1))
    found: dict[str, Any] = {}
    with TemporaryDirectory() as workspace:
        for part in (speed, overload, growth, cache, drain, killed):
            if part.__name__ not in options.skip:
                found[part.__name__] = part(options, workspace, samples)
                print(part.__name__, {name: value for name, value in found[part.__name__].items() if name != "rates"}, flush=True)
    print(json.dumps({"bench": "serve_load", "model": options.model, **found, "hardware": hardware(), "commit": commit()}))


def draw(count: int) -> list[Sample]:
    """Return checked samples of one document each, asked for in a line and drawn from the training phrases: new objects, no edits."""
    skill = next(iter(DOMAINS.load("kubernetes")().skills().values()))
    drawn = (skill.draw(SEED.rng("asked", number), TRAIN) for number in range(100 * count))
    found = [sample for sample, _ in zip((one for one in drawn if isinstance(one, Sample)), range(3 * count), strict=False)]
    return [sample for sample in found if "\n" not in sample.request.strip() and "\n---" not in sample.answer][:count]


if __name__ == "__main__":
    main()
