"""Curves as they grow, in a tool that draws them: one row a tool, imported only when it is asked for.

The JSONL files beside the weights hold the truth and every tracker is told what is appended to them. TensorBoard's event files are written
anew from them when a cut run goes on; the others continue the run of that name.
"""

import importlib.util
import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from kubestill.ground.errors import Unavailable
from kubestill.ground.records import read_records

PROJECT = "kubestill"
FOLDER = "tensorboard"  # below that of a training
CURVE, FULLPASS, DEVLOSS = "curve.jsonl", "fullpass.jsonl", "devloss.jsonl"
_PLACES = ("step", "tokens", "seconds")  # of a curve's point: where it is, not what it measured


class Tracker(Protocol):
    """Something that is told figures by step."""

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Take the figures after a step."""
        ...

    def close(self) -> None:
        """Write what is still held."""
        ...


def series(file: str, record: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a record of one of the three files, by the names that trackers show."""
    if file == FULLPASS:
        return {"dev/full_pass": record["passed"] / record["total"]}
    if file == DEVLOSS:
        return {"dev/loss": record["loss"], **{f"dev/loss/{name}": mean for name, mean in record["groups"].items()}}
    return {f"train/{name}": value for name, value in record.items() if name not in _PLACES}


class Silent:
    """Nobody draws."""

    def __init__(self, out: Path, past: Sequence[Path]) -> None:
        """Take what every tracker takes: the training's folder, and the files with what was told before."""

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class TensorBoard:
    """Event files in tensorboard/ beside the weights, by tensorboardX: `tensorboard --logdir WORKSPACE` finds them."""

    def __init__(self, out: Path, past: Sequence[Path]) -> None:
        shutil.rmtree(out / FOLDER, ignore_errors=True)
        self.writer: Any = import_module("tensorboardX").SummaryWriter(str(out / FOLDER), flush_secs=10)
        for figures, step in _told(past):
            self.log(figures, step)

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Write one scalar for each figure."""
        for name, value in figures.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close the file."""
        self.writer.close()


class Trackio:
    """Hugging Face's local tracker: `trackio show`."""

    def __init__(self, out: Path, past: Sequence[Path]) -> None:  # noqa: ARG002 - it remembers by itself
        self.run: Any = import_module("trackio").init(project=PROJECT, name=out.name, resume="allow", embed=False)

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Add a row."""
        self.run.log(dict(figures), step=step)

    def close(self) -> None:
        """End the run."""
        self.run.finish()


class Wandb:
    """Weights & Biases, in the mode that WANDB_MODE says."""

    def __init__(self, out: Path, past: Sequence[Path]) -> None:  # noqa: ARG002 - it remembers by itself
        self.run: Any = import_module("wandb").init(project=PROJECT, id=out.name, name=out.name, dir=str(out), resume="allow")

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Add a row."""
        self.run.log(dict(figures), step=step)

    def close(self) -> None:
        """End the run."""
        self.run.finish()


class Mlflow:
    """MLflow, at the place that MLFLOW_TRACKING_URI says."""

    def __init__(self, out: Path, past: Sequence[Path]) -> None:  # noqa: ARG002 - it remembers by itself
        self.client: Any = import_module("mlflow").MlflowClient()
        found = self.client.get_experiment_by_name(PROJECT)
        experiment = found.experiment_id if found is not None else self.client.create_experiment(PROJECT)
        runs = self.client.search_runs([experiment], f"attributes.run_name = '{out.name}'", max_results=1)
        self.run = runs[0].info.run_id if runs else self.client.create_run(experiment, run_name=out.name).info.run_id

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Add one metric for each figure."""
        for name, value in figures.items():
            self.client.log_metric(self.run, name, value, step=step)

    def close(self) -> None:
        """End the run."""
        self.client.set_terminated(self.run)


# Name in the settings -> what makes the tracker, the package that it needs, how that is installed.
TRACKERS: Mapping[str, tuple[type[Tracker], str, str]] = {
    "tensorboard": (TensorBoard, "tensorboardX", "pip install 'kubestill[tensorboard]'"),
    "trackio": (Trackio, "trackio", "pip install trackio"),
    "wandb": (Wandb, "wandb", "pip install wandb"),
    "mlflow": (Mlflow, "mlflow", "pip install mlflow"),
}


def open_tracker(name: str, out: Path, past: Sequence[Path]) -> Tracker:
    """Return the tracker `name` for the training of `out`; an empty name is nobody. `past`: the files with what was told before a cut.

    Raises:
        Unavailable: its package is not installed.
    """
    if not name:
        return Silent(out, past)
    maker, package, command = TRACKERS[name]
    if importlib.util.find_spec(package) is None:
        raise Unavailable(f"{package} is not installed", command)
    return maker(out, past)  # type: ignore[call-arg] # a protocol does not tell how its classes are made


def _told(past: Sequence[Path]) -> Iterator[tuple[dict[str, float], int]]:
    for path in past:
        for record in read_records(path):
            yield series(path.name, record), record["step"]
