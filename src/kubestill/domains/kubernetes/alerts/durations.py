"""Durations as Prometheus writes them: `15m`, `1h30m`, `1d`."""

import re

# prometheus/common model/time.go: units from the longest to the shortest, each at most once, whole numbers.
_FORM = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?\Z")
_SECONDS = (365 * 86400, 7 * 86400, 86400, 3600, 60, 1, 0.001)
_LONGEST = 30  # characters; what is longer is no duration that a person wrote


def seconds(text: str) -> float | None:
    """Return the seconds of a duration, or None where Prometheus refuses it. Only zero needs no unit."""
    if text == "0":
        return 0.0
    found = _FORM.match(text) if 0 < len(text) <= _LONGEST else None
    if found is None or not any(found.groups()):
        return None
    return sum(int(number) * unit for number, unit in zip(found.groups(), _SECONDS, strict=True) if number)
