"""What is installed, what the machine can do, how the workspace stands; and the command that mends what is not well."""

import importlib.metadata
import importlib.util
import shutil
from dataclasses import asdict, dataclass
from typing import Any

from kubestill.ground.registry import DISTRIBUTIONS, EXTRAS, install_command
from kubestill.ground.store import Store
from kubestill.pipeline import surroundings
from kubestill.pipeline.spelling import size
from kubestill.tools.modeling.bases import packaged

OK, MISSING, NOTE = "ok", "missing", "note"
NEEDED_MEMORY_BYTES = 6 * 2**30  # the main job's own bound
NEEDED_DISK_BYTES = 2 * 2**30
# The instructions that make bf16 multiplications quicker than fp32 on a processor, as Linux names them.
BF16_FLAGS = ("amx_bf16", "avx512_bf16", "bf16")


@dataclass(frozen=True)
class Line:
    """One thing looked at: its state, what was found, and the command that mends it ("" when it needs none)."""

    name: str
    state: str
    found: str
    mend: str = ""

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def examine(store: Store) -> list[Line]:
    """Look at packages, machine and workspace."""
    return [*_packages(), *_machine(store), *_workspace(store)]


def _packages() -> list[Line]:
    versions = surroundings.versions()
    lines = [Line(name, OK, version) for name, version in versions.items()]
    for package, extra in EXTRAS.items():
        if importlib.util.find_spec(package) is None:
            lines.append(Line(package, MISSING, "not installed", install_command(extra)))
        elif package not in versions:
            lines.append(Line(package, OK, importlib.metadata.version(DISTRIBUTIONS.get(package, package))))
    students = packaged()
    return [*lines, Line("students", OK if students else NOTE, ", ".join(students) or "none is packaged")]


def _machine(store: Store) -> list[Line]:
    machine = surroundings.hardware()
    memory, accelerator = machine["memory_bytes"], machine["accelerator"]
    flags = [flag for flag in BF16_FLAGS if flag in surroundings.cpu_flags()]
    slow = "in software: training is several times slower; --set training.precision=fp32 may be quicker"
    place = next(folder for folder in (store.workspace.absolute(), *store.workspace.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    return [
        Line("processor", OK, f"{machine['cpu']}, {machine['cores']} cores"),
        Line("bf16", OK if flags or accelerator else NOTE, ", ".join(flags) or slow),
        Line("memory", OK if memory >= NEEDED_MEMORY_BYTES else NOTE, f"{size(memory)} (the main job takes up to 6 GiB)"),
        Line("accelerator", OK if accelerator else NOTE, accelerator or "none; the main job needs none"),
        Line("disk", OK if free >= NEEDED_DISK_BYTES else NOTE, f"{size(free)} free at {place}"),
    ]


def _workspace(store: Store) -> list[Line]:
    whole, cut = store.all(), store.unfinished()
    lines = [Line("workspace", OK, f"{store.workspace}: {len(whole)} artifacts")]
    if cut:
        names = ", ".join(f"{path.parent.name}/{path.name}" for path in cut[:3])
        mend = f"kubestill doctor --prune --workspace {store.workspace}   (or run their recipe again: it goes on)"
        lines.append(Line("unfinished", NOTE, f"{len(cut)}: {names}", mend))
    return lines
