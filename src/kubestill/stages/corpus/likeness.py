"""When two documents say the same: by their content, not by their bytes."""

import re

from kubestill.ground.seeds import stable_hash

NUMBER = re.compile(r"\d+")
COMMENT = re.compile(r"\s+#.*$|^#.*$")


def lines(text: str) -> list[str]:
    """Return the lines that carry content: no blank ones, no comments, no trailing space."""
    return [line for raw in text.splitlines() if (line := COMMENT.sub("", raw).rstrip())]


def exact_key(text: str) -> int:
    """Return a key that comments, blank lines and trailing space do not change."""
    return stable_hash("exact", "\n".join(lines(text)))


def near_key(text: str) -> int:
    """Return a key that, beyond that, numbers and the order of lines do not change.

    Copies of one manifest across the environments of a repository mostly differ in just these.
    """
    return stable_hash("near", *sorted(NUMBER.sub("0", line.strip()) for line in lines(text)))
