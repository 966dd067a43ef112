"""Answers a second of the desk and of llama.cpp's own server: one GGUF file, the same prompts, in one run.

Run: python bench/serve_engine.py [--model FILE.gguf] [--requests 48] [--rounds 3] [--clients 1 8]
`desk`: our desk, every answer under the guide of its kind's notes, as `kubestill serve` asks. `free`: another one, without a guide.
`server`: llama.cpp's server in this process, asked without HTTP, freely, since it takes no guide of several steps. Each of the three is
asked everything once, in the same order, so that none finds a prompt that it has read before.
Each client asks its next question when its last one is answered. Ways alternate, round by round; the first round warms up.
Answers are counted by the wall's seconds and by the processor's: beside other work only the latter say anything. The last line is JSON.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from constrained_speed import PACKAGED, draw

from kubestill.pipeline.surroundings import commit, hardware
from kubestill.pipeline.table import DOMAINS
from kubestill.tools.engines.api import ANSWER_TOKENS, Ask
from kubestill.tools.engines.desk_lanes import DeskHow, LaneDesk
from kubestill.tools.engines.llama_cpp import LlamaCppEngine
from kubestill.tools.grammar.api import Guide

ROWS = 8
ASK = Ask(max_new_tokens=ANSWER_TOKENS)
Answer = Callable[[str], int]  # takes a request, returns the tokens of the answer


@dataclass
class Counted:
    """What one way gave: seconds of the wall and of the processor for each round, of the wall for each answer."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    each: list[float] = field(default_factory=list)
    tokens: int = 0

    def figures(self, requests: int) -> dict[str, float]:
        """Return the rates: medians of the rounds."""
        cuts = quantiles(self.each, n=100)
        return {
            "answers_per_second": round(requests / median(self.wall), 1),
            "answers_per_processor_second": round(requests / median(self.processor), 1),
            "ms_p50": round(1e3 * cuts[49], 1),
            "ms_p99": round(1e3 * cuts[98], 1),
            "tokens": self.tokens,
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=PACKAGED, help="a GGUF file, or a folder that holds one")
    parser.add_argument("--requests", type=int, default=48, help="of a round")
    parser.add_argument("--rounds", type=int, default=3, help="besides the one that warms up")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, ROWS], help="who ask at the same time")
    parser.add_argument("--lanes", type=int, default=0, help="threads of the desk; 0: as it chooses")
    parser.add_argument("--threads", type=int, default=0, help="of llama.cpp's server; 0: as it chooses")
    options = parser.parse_args()
    domain = DOMAINS.load("kubernetes")()
    engine = LlamaCppEngine.load(options.model)
    requests = [sample.request for sample in draw(domain, options.requests * (options.rounds + 1) * len(options.clients), "asked")]
    desk, free = (LaneDesk(engine, DeskHow(ROWS, lanes=options.lanes)) for _ in range(2))
    ways: dict[str, Answer] = {
        "desk": through(desk, domain.guide((), "")),
        "free": through(free, None),
        "server": server(engine, options.threads),
    }
    counted = {f"{name} {clients}": Counted() for clients in options.clients for name in ways}
    for turn in range(options.rounds + 1):
        for clients in options.clients:
            part, requests = requests[: options.requests], requests[options.requests :]
            for name, answer in ways.items():
                measure(answer, part, clients, counted[f"{name} {clients}"] if turn else Counted())
    figures = {name: found.figures(options.requests) for name, found in counted.items()}
    for name, found in figures.items():
        against = figures[f"server {name.split()[1]}"]
        found["ratio"] = round(found["answers_per_second"] / against["answers_per_second"], 2)
        found["ratio_processor"] = round(found["answers_per_processor_second"] / against["answers_per_processor_second"], 2)
        print(f"{name:10} {json.dumps(found)}")
    read, reused = desk.reuse()
    result = {"bench": "serve_engine", "requests": options.requests, "rounds": options.rounds, "lanes": len(desk.lanes)}
    desk.close()
    free.close()
    print(json.dumps({**result, "prompt_tokens": read, "reused_tokens": reused, **figures, "hardware": hardware(), "commit": commit()}))


def through(desk: LaneDesk, guide: Guide | None) -> Answer:
    """Return how a request is answered at the desk."""
    return lambda request: desk.submit(request, ASK, guide).wait().tokens


def server(engine: LlamaCppEngine, threads: int) -> Answer:
    """Start llama.cpp's server with as many slots as the desk has rows; it reads the prompts that the desk reads."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(engine.weights.path)
    params.n_parallel, params.n_ctx, params.port, params.verbosity = ROWS, ROWS * engine.context, 0, -1
    if threads:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    theirs = xllamacpp.Server(params)
    voice, tokenizer = engine.words.voice, engine.words.tokenizer

    def answer(request: str) -> int:
        (code,) = tokenizer.encode_batch_fast([voice.prompt(request).text], add_special_tokens=False)  # its own spells some otherwise
        body = {"prompt": code.ids, "n_predict": ANSWER_TOKENS, "temperature": 0.0}
        found: dict[str, Any] = theirs.handle_completions(body)
        return int(found["usage"]["completion_tokens"])

    return answer


def measure(answer: Answer, requests: Sequence[str], clients: int, counted: Counted) -> None:
    """Ask all requests from `clients` threads, and count."""

    def one(request: str) -> tuple[float, int]:
        began = time.monotonic()
        tokens = answer(request)
        return time.monotonic() - began, tokens

    wall, processor = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(clients) as pool:
        found = list(pool.map(one, requests))
    counted.wall.append(time.monotonic() - wall)
    counted.processor.append(time.process_time() - processor)
    counted.each += [seconds for seconds, _ in found]
    counted.tokens += sum(tokens for _, tokens in found)


if __name__ == "__main__":
    main()
