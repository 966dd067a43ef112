"""What a result was made with: versions, commit, hardware. Told in reports; never enters a key."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from kubestill.ground.settings import usable_cores

TOLD_PACKAGES = (
    "kubestill",
    "torch",
    "transformers",
    "tokenizers",
    "kubernetes",
    "safetensors",
    "numpy",
    "pydantic",
    "jsonschema-rs",
    "kubernetes-validate",
    "PyYAML",
)
ANSWER_SECONDS = 5


def versions() -> dict[str, str]:
    """Return Python's version and those of the packages that matter, as far as they are installed."""
    found = {"python": platform.python_version()}
    for package in TOLD_PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Return the processor's name, the cores this process may use, the machine's memory, and the accelerator's name or ""."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    return {"cpu": _cpu_name(), "cores": usable_cores(), "memory_bytes": memory_bytes, "accelerator": _told(query).split("\n")[0]}


def commit() -> str:
    """Return the git commit of the source tree that runs, "+" appended when it was changed since; "" outside git."""
    folder = str(Path(__file__).resolve().parent)
    head = _told(["git", "-C", folder, "rev-parse", "HEAD"])
    return head + "+" * bool(head and _told(["git", "-C", folder, "status", "--porcelain", "--untracked-files=no"]))


def cpu_flags() -> frozenset[str]:
    """Return the processor's feature flags as Linux lists them (empty elsewhere)."""
    return frozenset(_cpu_field("flags").split())


def _cpu_name() -> str:
    return _cpu_field("model name") or platform.processor() or platform.machine()


def _cpu_field(name: str) -> str:
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.exists() else ():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _told(command: list[str]) -> str:
    """Return what a program prints, or "" where it is missing, fails or hangs."""
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        result = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
