"""What Prometheus reads. Names are vLLM's where it counts the same thing, so that its dashboards and autoscalers work."""

import os
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kubestill.serving.api import Served, Turn

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from kubestill.serving.answer import Answer

# vLLM's own bounds as far as our answers reach (vllm/v1/metrics/loggers.py).
FIRST_SECONDS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0)
WHOLE_SECONDS = (0.005, 0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0)
STEP_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TOKENS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)


@runtime_checkable
class Reuses(Protocol):
    """A desk that keeps what it has read."""

    def reuse(self) -> tuple[int, int]:
        """Return how many tokens all prompts had so far, and how many of them had been read before."""
        ...


class Meters:
    """Counters, gauges and histograms of this process; with several workers each writes into the shared folder, and any reads all."""

    def __init__(self, shared: Path | None = None) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._shared, self.registry = shared, CollectorRegistry()
        self._seen, self._lock = dict[str, tuple[int, int]](), Lock()

        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(name, told, labels, registry=self.registry)

        def gauge(name: str, told: str) -> Gauge:
            return Gauge(name, told, registry=self.registry, multiprocess_mode="livesum")

        def histogram(name: str, told: str, bounds: tuple[float, ...], label: str = "model_name") -> Histogram:
            return Histogram(name, told, [label], registry=self.registry, buckets=bounds)

        self.running = gauge("vllm:num_requests_running", "Answers being written.")
        self.waiting = gauge("vllm:num_requests_waiting", "Answers that wait for a row.")
        self.first_seconds = histogram("vllm:time_to_first_token_seconds", "Until a client was told the first text.", FIRST_SECONDS)
        self.whole_seconds = histogram("vllm:e2e_request_latency_seconds", "From arrival to the answer's end.", WHOLE_SECONDS)
        self.queue_seconds = histogram("vllm:request_queue_time_seconds", "Waited for a row.", WHOLE_SECONDS)
        self.prompt_tokens = counter("vllm:prompt_tokens", "Tokens that were read.", "model_name")
        self.tokens = counter("vllm:generation_tokens", "Tokens that were written.", "model_name")
        self.prompt_lengths = histogram("vllm:request_prompt_tokens", "Tokens of a prompt.", TOKENS)
        self.lengths = histogram("vllm:request_generation_tokens", "Tokens of an answer.", TOKENS)
        self.success = counter("vllm:request_success", "Answers that came to their end.", "model_name", "finished_reason")
        self.prefix_queries = counter("vllm:prefix_cache_queries", "Prompt tokens that might have been read before.", "model_name")
        self.prefix_hits = counter("vllm:prefix_cache_hits", "Prompt tokens that had been read before.", "model_name")
        self.verdicts = counter("kubestill_answers", "Answers by verdict; passed, or the tier failed on.", "model_name", "verdict")
        self.ways = counter("kubestill_answer_ways", "Answers that were cached, repaired or escalated.", "model_name", "way")
        self.shortcuts = counter("kubestill_shortcut_tokens", "Written tokens that were forced, or guessed.", "model_name", "by")
        self.step_seconds = histogram("kubestill_step_seconds", "Time in a step of the path.", STEP_SECONDS, "step")
        self.errors = counter("kubestill_errors", "Requests that ended in an error, by its code.", "code")
        self.requests = counter("kubestill_http_requests", "HTTP requests.", "method", "route", "status")
        self.draining = gauge("kubestill_draining", "Workers that are being stopped.")

    def watch(self, running: int, waiting: int) -> None:
        """Set how many answers are being written, and how many wait."""
        self.running.set(running)
        self.waiting.set(max(0, waiting))

    def answered(self, served: Served, turn: Turn, answer: "Answer", seconds: float) -> None:
        """Count an answer; what stood in a cache has cost no tokens."""
        name, reply = served.name, answer.reply
        self.success.labels(name, "length" if reply.cut else "stop").inc()
        self.verdicts.labels(name, "passed" if answer.verdict.passed else answer.verdict.failed_on or "unjudged").inc()
        self.whole_seconds.labels(name).observe(seconds)
        for way, taken in (("cached", turn.cached), ("repaired", answer.repaired), ("escalated", answer.escalated)):
            if taken:
                self.ways.labels(name, way).inc()
        for trace in turn.traces:
            self.step_seconds.labels(trace.step).observe(trace.seconds)
        if turn.cached:
            return
        self._reused(served)
        self.prompt_tokens.labels(name).inc(reply.prompt_tokens)
        self.tokens.labels(name).inc(reply.tokens)
        self.prompt_lengths.labels(name).observe(reply.prompt_tokens)
        self.lengths.labels(name).observe(reply.tokens)
        self.shortcuts.labels(name, "forced").inc(reply.forced)
        self.shortcuts.labels(name, "drafted").inc(reply.drafted)

    def _reused(self, served: Served) -> None:
        """Count what the model's desk found read before, where it tells so."""
        if not isinstance(served.desk, Reuses):
            return
        with self._lock:
            before, now = self._seen.get(served.name, (0, 0)), served.desk.reuse()
            self._seen[served.name] = now
        self.prefix_queries.labels(served.name).inc(max(0, now[0] - before[0]))
        self.prefix_hits.labels(served.name).inc(max(0, now[1] - before[1]))

    def text(self) -> tuple[bytes, str]:
        """Return the metrics of all workers, and their media type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        if self._shared is None:
            return generate_latest(self.registry), CONTENT_TYPE_LATEST
        registry = CollectorRegistry()
        self._gather(self._shared, registry)
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def _gather(self, shared: Path, registry: "CollectorRegistry") -> None:
        """Read what every worker wrote; gauges of those that are gone count no more."""
        from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

        for pid in {int(path.stem.rpartition("_")[2]) for path in shared.glob("gauge_live*_*.db")}:
            if not _lives(pid):
                mark_process_dead(pid, str(shared))  # type: ignore[no-untyped-call]  # the package has no types
        MultiProcessCollector(registry, str(shared))  # type: ignore[no-untyped-call]  # the package has no types


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
