"""Answers and tokens a second, free and under a grammar: one GGUF file, the same requests, one thread, in one run.

Run: python bench/constrained_speed.py [--model FILE.gguf] [--requests 100] [--rounds 2] [--batch 1]
Requests are drawn from the domain's training phrases. `notes`: the student notes what it understood under a grammar, and the manifest
follows from that; `whole`: it writes the manifest, too, under the grammar of its kind. `+ drafts`: guesses from the answers of other
training samples. `gbnf`: a small kind's manifest after the student's own notes, under llama.cpp's own grammar sampler, under llguidance
and, where it is installed, under XGrammar, the same language (bench/xgrammar_masks.py says how to install it). Each round asks other
requests; grammars are compiled in the first, which only warms up. The ways alternate within it, so that other work on the machine meets
all alike; seconds are the processor's. `stream`: what telling an answer line by line costs. The last line is JSON.
"""

import argparse
import ctypes
import importlib.util
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from xgrammar_masks import NOT_THERE, SMALL_EBNF, SMALL_LARK, Theirs

from kubestill.domains.api import TRAIN, Sample
from kubestill.domains.kubernetes.grammars.manifest import manifest_grammar
from kubestill.domains.kubernetes.grammars.notes import NotesGuide, notes_grammar, notes_step
from kubestill.domains.kubernetes.grammars.options import Options
from kubestill.domains.kubernetes.grammars.repeats import bans
from kubestill.domains.kubernetes.schema import Schemas
from kubestill.ground.seeds import Seed
from kubestill.pipeline.surroundings import commit, hardware
from kubestill.pipeline.table import DOMAINS
from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.engines.api import Ask, Reply
from kubestill.tools.engines.llama.weights import Reader
from kubestill.tools.engines.llama_cpp import LlamaCppEngine
from kubestill.tools.engines.reading import read_request
from kubestill.tools.grammar.api import Given, Grammar, Guide, Reading, Step
from kubestill.tools.grammar.compile import Compiler
from kubestill.tools.grammar.drafts import Drafts

SEED = Seed(23)
PACKAGED = Path(__file__).parents[1] / "src/kubestill/models/kubernetes-base"
DRAFT_SAMPLES = 3_000  # training samples that guesses are learned from; none of those asked
ASK = Ask(max_new_tokens=400)
SMALL_KIND = "ConfigMap"


@dataclass(frozen=True)
class Whole:
    """Notes, then the manifest of one kind, both written by the student."""

    grammar: Grammar

    def start(self, reading: Reading) -> Step | Given:
        """Return the first step."""
        last = Step(self.grammar, bans=bans)
        return notes_step(notes_grammar(), reading.spans, lambda _: last) if reading.notes else last


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=PACKAGED, help="a GGUF file of ours; the packaged student unless told")
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1, help="requests that are answered together")
    options = parser.parse_args()
    domain = DOMAINS.load("kubernetes")()
    plain = LlamaCppEngine.load(options.model)
    asked, taught = draw(domain, options.requests * (options.rounds + 1), "asked"), draw(domain, DRAFT_SAMPLES, "taught")
    drafted = LlamaCppEngine(plain.weights, plain.words, learn(plain, taught))
    figures = {"modes": modes(domain, plain, drafted, (asked, options.requests, options.batch))}
    figures |= {
        "grammars": grammars(plain, asked[: options.requests]),
        "gbnf": gbnf(plain, draw(domain, 20, "small", SMALL_KIND), options.rounds),
        "stream": streamed(plain, asked[: options.requests], options.rounds),
    }
    result = {"bench": "constrained_speed", "requests": options.requests, "batch": options.batch, **figures}
    print(json.dumps({**result, "hardware": hardware(), "commit": commit()}))


def draw(domain: Any, count: int, name: str, kind: str = "") -> list[Sample]:
    """Return checked single-document samples of the training phrases; of one `kind`, or of any."""
    (skill,) = [found for found in domain.skills().values() if "manifest" in found.name]
    found: list[Sample] = []
    number = 0
    while len(found) < count:
        sample = skill.draw(SEED.rng(name, number), TRAIN)
        number += 1
        if isinstance(sample, Sample) and kind in ("", kind_of(sample)[1]) and "\n---" not in sample.answer:
            found.append(sample)
    return found


def kind_of(sample: Sample) -> tuple[str, str]:
    """Return the apiVersion and the kind of a sample's manifest."""
    keys = dict(line.partition(": ")[::2] for line in sample.answer.splitlines())
    return keys["apiVersion"], keys["kind"]


def written(engine: LlamaCppEngine, sample: Sample) -> tuple[list[int], list[int]]:
    """Return the tokens of a sample's prompt and of what a student is taught to write."""
    chat = engine.words.voice
    assert isinstance(chat, ChatFormat)
    prompt = chat.prompt(sample.request)
    first, second = engine.words.tokenizer.encode_batch_fast(
        [prompt.text, chat.target(sample.answer, prompt, sample.notes())], add_special_tokens=False
    )
    return first.ids, second.ids


def learn(engine: LlamaCppEngine, samples: Sequence[Sample]) -> Drafts:
    """Return guesses learned from what samples teach."""
    return Drafts.learn([written(engine, sample)[1] for sample in samples], engine.words.compiler.pieces.digest)


Work = tuple[list[Sample], int, int]


def modes(domain: Any, plain: LlamaCppEngine, drafted: LlamaCppEngine, work: Work) -> dict[str, dict[str, float]]:
    """Return the rates of each way to answer, and how many answers pass the checks; the first round only warms up."""
    asked, size, batch = work
    schemas = Schemas()
    rest = {kind: Whole(manifest_grammar([kind], schemas, Options(pointers=True))) for kind in {kind_of(sample) for sample in asked}}
    whole: list[Guide | None] = [rest[kind_of(sample)] for sample in asked]
    notes: list[Guide | None] = [NotesGuide(rest[kind_of(sample)]) for sample in asked]
    free: list[Guide | None] = [None] * len(asked)
    led = {"free": (plain, free), "notes": (plain, notes), "notes + drafts": (drafted, notes)}
    led |= {"whole": (plain, whole), "whole + drafts": (drafted, whole)}
    # Words of its own for each way: else one would find the grammars that another compiled.
    ways = {name: (LlamaCppEngine(plain.weights, replace(plain.words), engine.guesser), guides) for name, (engine, guides) in led.items()}
    seconds = dict.fromkeys(ways, 0.0)
    replies: dict[str, list[Reply]] = {name: [] for name in ways}
    for start in range(0, len(asked), size):
        part = slice(start, start + size)
        for name, (engine, guides) in ways.items():
            started = time.process_time()
            found = answer(engine, asked[part], guides[part], batch)
            if start:
                seconds[name] += time.process_time() - started
                replies[name] += found
    for name in ("notes", "whole"):
        same = [one.text == other.text for one, other in zip(replies[name], replies[f"{name} + drafts"], strict=True)]
        assert all(same), "a guess changed an answer"
    return {name: told(domain, asked[size:], name, (replies, seconds)) for name in ways}


def told(domain: Any, asked: Sequence[Sample], name: str, measured: tuple[dict[str, list[Reply]], dict[str, float]]) -> dict[str, float]:
    """Return and print what one way gave, beside free answers."""
    replies, seconds = measured
    found, free = (rates(domain, asked, replies[way], seconds[way]) for way in (name, "free"))
    ratios = {f"ratio_{unit}": round(found[f"{unit}_per_second"] / free[f"{unit}_per_second"], 2) for unit in ("answers", "tokens")}
    print(f"{name:15} {json.dumps(found | ratios)}")
    return found | ratios


def answer(engine: LlamaCppEngine, asked: Sequence[Sample], guides: Sequence[Guide | None], batch: int) -> list[Reply]:
    """Ask, `batch` requests at a time."""
    found: list[Reply] = []
    for start in range(0, len(asked), batch):
        part = slice(start, start + batch)
        found += engine.generate([sample.request for sample in asked[part]], ASK, guides[part])
    return found


def rates(domain: Any, asked: Sequence[Sample], replies: Sequence[Reply], seconds: float) -> dict[str, float]:
    """Return what one way gave."""
    tokens = sum(reply.tokens for reply in replies)
    passed = sum(domain.judge(reply.text, sample.intents).passed for sample, reply in zip(asked, replies, strict=True))
    shares = {f"{name}_share": round(sum(getattr(reply, name) for reply in replies) / tokens, 3) for name in ("forced", "drafted")}
    speeds = {"answers_per_second": round(len(replies) / seconds, 1), "tokens_per_second": round(tokens / seconds)}
    return {**speeds, "tokens": tokens, **shares, "passed": passed, "cut": sum(reply.cut for reply in replies)}


def grammars(engine: LlamaCppEngine, asked: Sequence[Sample]) -> dict[str, float]:
    """Return compile times of grammars new and known, and the times of masks along what the samples teach, with the 99th per cent."""
    schemas, compiler = Schemas(), engine.words.compiler
    cold, warm, masks = [], [], []
    bits = np.zeros((1, -(-engine.weights.vocabulary // 32)), np.int32)
    for kind in sorted({kind_of(sample) for sample in asked}):
        grammar = manifest_grammar([kind], schemas, Options(pointers=True))
        fresh = Compiler(compiler.pieces)
        cold.append(timed(lambda fresh=fresh, grammar=grammar: fresh.compile(grammar).start()))
        warm.append(timed(lambda fresh=fresh, grammar=grammar: fresh.compile(grammar).start()))
    for sample in asked:
        prompt = engine.words.voice.prompt(sample.request)
        reading = read_request(sample.request, prompt, engine.words.voice.notes)
        guide = Whole(manifest_grammar([kind_of(sample)], schemas, Options(pointers=True)))
        session = compiler.session(guide.start(reading))
        for token in written(engine, sample)[1]:
            masks.append(timed(lambda session=session: session.fill(bits)))
            if not session.valid([token]):
                break  # a sample that its grammar refuses: another bench counts them
            session.take(token)
    figures = {"kinds": len(cold), "cold_ms_p50": np.median(cold), "cold_ms_max": max(cold), "warm_ms_max": max(warm)}
    figures |= {
        "notes_ms": timed(lambda: Compiler(compiler.pieces).compile(notes_grammar()).start()),
        "masks": len(masks),
        "mask_us_p50": 1e3 * np.median(masks),
        "mask_us_p99": 1e3 * np.quantile(masks, 0.99),
    }
    found = {name: round(float(value), 3) for name, value in figures.items()}
    print(f"{'grammars':15} {json.dumps(found)}")
    return found


def streamed(engine: LlamaCppEngine, asked: Sequence[Sample], rounds: int) -> dict[str, float]:
    """Return the answers a second that are told line by line, beside those that are not, free: every token is the model's."""
    seconds = {"told": 0.0, "untold": 0.0}
    lines: list[str] = []
    for turn in range(rounds + 1):
        for sample in asked:
            for way in seconds if turn % 2 else reversed(seconds):
                started = time.thread_time()
                if way == "told":
                    engine.stream(sample.request, ASK, None, lines.append)
                else:
                    engine.generate([sample.request], ASK)
                seconds[way] += (time.thread_time() - started) if turn else 0.0
    found = {f"{way}_answers_per_second": round(rounds * len(asked) / spent, 2) for way, spent in seconds.items()}
    found |= {"ratio": round(seconds["untold"] / seconds["told"], 4), "lines": len(lines)}
    print(f"{'stream':15} {json.dumps(found)}")
    return found


def timed(work: Callable[[], object]) -> float:
    """Return the processor's milliseconds of this thread."""
    started = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - started) / 1e6


# llama.cpp's own grammars


class _Candidate(ctypes.Structure):
    _fields_ = (("id", ctypes.c_int32), ("logit", ctypes.c_float), ("p", ctypes.c_float))


class _Candidates(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("selected", ctypes.c_int64),
        ("sorted", ctypes.c_bool),
    )


class Gbnf:
    """llama.cpp's grammar sampler, asked as llama.cpp does: the likeliest token first, all of them only where that one is refused."""

    def __init__(self, engine: LlamaCppEngine, text: str) -> None:
        self.calls, self.end = engine.weights.loaded.calls, engine.words.ends[0]
        self.calls.llama_sampler_init_grammar.restype = ctypes.c_void_p
        self.calls.llama_sampler_init_grammar.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
        self.calls.llama_sampler_apply.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        self.calls.llama_sampler_accept.argtypes = (ctypes.c_void_p, ctypes.c_int32)
        self.calls.llama_sampler_free.argtypes = (ctypes.c_void_p,)
        self.sampler = self.calls.llama_sampler_init_grammar(engine.weights.vocab, text.encode(), b"root")
        assert self.sampler, "llama.cpp refuses its grammar"
        self.table = np.zeros(engine.weights.vocabulary, np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")]))

    def choose(self, logits: Any) -> int:
        """Return the likeliest token that may follow."""
        self.table["id"], self.table["logit"] = np.arange(len(logits)), logits
        best = int(logits.argmax())
        self._apply(self.table[best : best + 1])
        if self.table["logit"][best] == -np.inf:
            self._apply(self.table)
            best = int(self.table["logit"].argmax())
        if best != self.end:
            self.calls.llama_sampler_accept(self.sampler, best)
        return best

    def _apply(self, rows: Any) -> None:
        array = _Candidates(rows.ctypes.data, len(rows), -1, False)
        self.calls.llama_sampler_apply(self.sampler, ctypes.byref(array))

    def close(self) -> None:
        """Free the sampler."""
        self.calls.llama_sampler_free(self.sampler)


class Lark:
    """llguidance's masks for the same loop."""

    def __init__(self, engine: LlamaCppEngine, text: str) -> None:
        self.session = engine.words.compiler.session(Step(Grammar(text)))
        self.end = engine.words.ends[0]

    def choose(self, logits: Any) -> int:
        """Return the likeliest token that may follow."""
        best = int(np.where(self.session.allowed(), logits, -np.inf).argmax())
        if best != self.end:
            self.session.take(best)
        return best

    def close(self) -> None:
        """Nothing is held."""


class XGrammar:
    """XGrammar's masks for the same loop; its grammar is compiled once, before the clock runs."""

    def __init__(self, theirs: Theirs, compiled: Any, size: int) -> None:
        self.led, self.end = theirs.start(compiled), theirs.end
        self.bits = np.zeros(-(-size // 32), np.int32)

    def choose(self, logits: Any) -> int:
        """Return the likeliest token that may follow."""
        self.led.fill(self.bits)
        allowed = np.unpackbits(self.bits.view(np.uint8), count=len(logits), bitorder="little").view(np.bool_)
        best = int(np.where(allowed, logits, -np.inf).argmax())
        if best != self.end:
            self.led.take(best)
        return best

    def close(self) -> None:
        """Nothing is held."""


class Unled:
    """No grammar, for the same loop."""

    def choose(self, logits: Any) -> int:
        """Return the likeliest token."""
        return int(logits.argmax())

    def close(self) -> None:
        """Nothing is held."""


def gbnf(engine: LlamaCppEngine, samples: Sequence[Sample], rounds: int) -> dict[str, float]:
    """Return tokens a second of a plain loop over the manifests of a small kind: without a grammar, and under the same in each library."""
    made: dict[str, Callable[[], Any]] = {
        "free": Unled,
        "gbnf": lambda: Gbnf(engine, SMALL_EBNF),
        "llguidance": lambda: Lark(engine, SMALL_LARK),
    }
    if importlib.util.find_spec("xgrammar"):
        pieces = engine.words.compiler.pieces
        theirs = Theirs(pieces)
        compiled = theirs.ebnf(SMALL_EBNF)
        made["xgrammar"] = lambda: XGrammar(theirs, compiled, pieces.size)
    else:
        print(NOT_THERE)
    seconds, tokens = dict.fromkeys(made, 0.0), dict.fromkeys(made, 0)
    texts: dict[str, list[list[int]]] = {}
    for turn in range(rounds + 1):
        for name, make in made.items():
            started = time.process_time()
            texts[name] = [loop(engine, sample, make()) for sample in samples]
            if turn:
                seconds[name] += time.process_time() - started
                tokens[name] += sum(map(len, texts[name]))
    found = {f"{name}_tokens_per_second": round(tokens[name] / seconds[name]) for name in made}
    found["answers"] = len(samples)
    found |= {
        f"{name}_equal": sum(map(list.__eq__, texts[name], texts["llguidance"])) for name in made if name not in ("free", "llguidance")
    }
    print(f"{'small kind':15} {json.dumps(found)}")
    return dict(found)


def loop(engine: LlamaCppEngine, sample: Sample, led: Any) -> list[int]:
    """Write a manifest after a sample's own notes, one token a pass."""
    prompt, taught = written(engine, sample)
    mark = engine.words.tokenizer.encode("<|answer|>", add_special_tokens=False).ids[0]
    fed = prompt + taught[: taught.index(mark) + 1] if mark in taught else prompt
    batch = Reader(engine.weights, 200).batch(1)
    found: list[int] = []
    while len(found) < 200:
        token = led.choose(batch.read([fed], [1])[0])
        if token in engine.words.ends:
            break
        found.append(token)
        fed = [token]
    led.close()
    return found


if __name__ == "__main__":
    main()
