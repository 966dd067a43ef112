"""`kubestill check --fix`: what can be mended for certain, as a diff first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubestill.ground.errors import UserError
from kubestill.pipeline.lint_files import contents
from kubestill.pipeline.linting import Lint


@dataclass(frozen=True)
class Fix:
    """One file's mends: its text before and after, the difference as git prints it, and what was done, a line each."""

    file: str
    before: str
    after: str
    diff: str
    done: tuple[str, ...]

    def write(self) -> None:
        """Write the new text in place of the old, all or nothing; the file keeps its mode.

        Raises:
            UserError: the file cannot be written, or changed since it was read.
        """
        path = Path(self.file).resolve()  # what a link points to, not the link
        beside = path.with_name(f".{path.name}.kubestill")
        try:
            if path.read_bytes() != self.before.encode():
                raise UserError(self.file, "changed while it was being mended", "run again")
            beside.write_bytes(self.after.encode())
            beside.chmod(path.stat().st_mode & 0o7777)
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise UserError(self.file, f"cannot be written: {error.strerror}", "mend its permissions or leave it out") from error


def fixes(paths: Sequence[Path], stdin: bytes, lint: Lint) -> Iterator[Fix]:
    """Yield the files that can be mended. What cannot be read, or is no UTF-8 text, is left as it is: the check tells of it."""
    domain = lint.domain
    for name, content in contents(paths, stdin, []):
        if lint.asked.excludes(name):
            continue
        try:
            before = content.decode("utf-8")
        except UnicodeDecodeError:
            continue
        mended = domain.mend(before, name)
        if mended.edits:
            done = tuple(f"{name}:{edit.line}: {edit.code} {edit.path}: {edit.words}" for edit in mended.edits)
            yield Fix(name, before, mended.text, domain.diff(name, before, mended.text), done)
