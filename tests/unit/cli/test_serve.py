"""What `kubestill serve` makes of its options."""

from typing import Any

import pytest
from click.testing import CliRunner

from kubestill.cli.serve import Opening, serve
from kubestill.serving.http.running import METRICS


@pytest.mark.parametrize(
    ("given", "workers", "rows"),
    [
        ((), 1, 8),
        (("--workers", "2"), 2, 4),
        (("--workers", "16"), 16, 2),
        (("--workers", "2", "--rows", "3"), 2, 3),
        (("--workers", "4", "--model", "http://127.0.0.1:9/v1"), 4, 8),
    ],
)
def test_rows_are_shared_by_the_workers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, given: tuple[str, ...], workers: int, rows: int
) -> None:
    opened: list[Opening] = []
    monkeypatch.setenv(METRICS, str(tmp_path))  # which the command sets for its workers, and for good
    monkeypatch.setattr("kubestill.serving.http.running.serve", lambda make, *_: opened.append(make))
    options = ["--port", "0", "--workspace", str(tmp_path), *(() if "--model" in given else ("--model", "kubernetes-base")), *given]
    done = CliRunner().invoke(serve, options, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (one,) = opened
    assert (one.http.workers, one.service.workers) == (workers, workers)
    assert (one.http.rows, one.service.rows) == (rows, rows)
    assert (one.http.shared is None) == (workers == 1) and one.service.shared == one.http.shared
