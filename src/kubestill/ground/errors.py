"""The exception tree. Only what stops the work is an exception; a bad datum is a counted value with a reason.

KubestillError
├─ UserError      the recipe, a flag, an input   exit 2, no traceback
└─ Unavailable    an extra, a device, a server   exit 3, with the command that mends it
"""

from collections.abc import Iterable


class KubestillError(Exception):
    """Root of the errors that the command line turns into one sentence."""

    exit_code = 1


class UserError(KubestillError):
    """Something that the user gave cannot be used; the message says where, what, and how to mend it."""

    exit_code = 2

    def __init__(self, where: str, found: str, mend: str = "") -> None:
        self.where, self.found, self.mend = where, found, mend
        super().__init__(f"{where}: {found}" + (f"; {mend}" if mend else ""))

    def __reduce__(self) -> tuple[type["UserError"], tuple[str, str, str]]:
        """Pickle by what it was made from: a worker process hands it to its parent."""
        return type(self), (self.where, self.found, self.mend)


class Unavailable(KubestillError):
    """A package, device or server that the request needs is not here; `command` mends it."""

    exit_code = 3

    def __init__(self, what: str, command: str) -> None:
        self.what, self.command = what, command
        super().__init__(f"{what}; run: {command}")

    def __reduce__(self) -> tuple[type["Unavailable"], tuple[str, str]]:
        """Pickle by what it was made from."""
        return type(self), (self.what, self.command)


def near(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the closest known name, or an empty string."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""
