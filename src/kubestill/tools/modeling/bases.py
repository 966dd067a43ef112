"""Students to start from: packaged ones by name, any other by its folder."""

from importlib import resources
from pathlib import Path

from kubestill.ground.errors import UserError, near

WEIGHTS, GGUF = "model.safetensors", "*.gguf"
ALSO = ("model.safetensors.index.json", "adapter_config.json")  # weights in several files, or adapters and where their base is


def packaged() -> dict[str, Path]:
    """Return the students that ship with the package, by name."""
    root = Path(str(resources.files("kubestill"))) / "models"
    return {folder.name: folder for folder in sorted(root.glob("*")) if holds_student(folder)}


def holds_student(folder: Path) -> bool:
    """Say whether a folder holds weights, in any form."""
    return any((folder / name).is_file() for name in (WEIGHTS, *ALSO)) or any(folder.glob(GGUF))


def find_base(name: str) -> Path:
    """Return the folder of a packaged student, or `name` itself where it is a folder with weights.

    Raises:
        UserError: neither is there.
    """
    known = packaged()
    if name in known:
        return known[name]
    folder = Path(name)
    if holds_student(folder):
        return folder
    if folder.is_dir():
        raise UserError(str(folder), f"no {WEIGHTS} and no GGUF file in it", "give a folder that training or export made")
    if "/" in name:
        fetch = f"fetch it: hf download OWNER/{folder.name} --local-dir {name}"
        raise UserError("training.base", f"there is no folder {name!r}", f"{fetch}; or give a packaged student: {', '.join(known)}")
    shipped = f"packaged ones: {', '.join(known)}" if known else "none is packaged; give a folder"
    raise UserError("training.base", f"no student {name!r}", near(name, known) or shipped)
