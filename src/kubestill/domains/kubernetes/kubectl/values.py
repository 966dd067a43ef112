"""Values of flags as Go reads them: strconv.ParseBool, strconv.ParseInt with base 0, time.ParseDuration, key=value lists."""

import re
from fractions import Fraction

Value = bool | int | str | tuple[str, ...]  # a duration is an int of nanoseconds

_TRUE, _FALSE = frozenset("1 t T TRUE true True".split()), frozenset("0 f F FALSE false False".split())
# Go's integer literals; an underscore may stand between digits and after the base.
_INTEGER = re.compile(r"([+-]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[bB]((?:_?[01])+)|0[oO]?((?:_?[0-7])+)|([1-9](?:_?[0-9])*)|(0))", re.ASCII)
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_BITS = {"int": 64, "int32": 32}
_LONGEST_NUMBER = 100  # characters; no number that fits 64 bits is longer

EXPECTED = {
    "bool": "true or false",
    "tristate": "true or false",
    "int": "a whole number",
    "int32": "a whole number of 32 bits",
    "duration": "a duration with a unit, such as 30s, 5m or 1h30m",
    "stringToString": "key=value",
    "version": "true, false, raw or a version such as v1.36.0",
}


def parse_bool(text: str) -> bool | None:
    """Return the boolean that Go reads, or None."""
    return True if text in _TRUE else False if text in _FALSE else None


def parse_int(text: str, bits: int = 64) -> int | None:
    """Return the integer that Go reads with base 0, or None: also where it does not fit `bits`."""
    found = _INTEGER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if found is None:
        return None
    sign, hexadecimal, binary, octal, decimal, _ = found.groups()
    digits, radix = next(
        ((digits, radix) for digits, radix in ((hexadecimal, 16), (binary, 2), (octal, 8), (decimal, 10)) if digits), ("0", 10)
    )
    number = int(digits.replace("_", ""), radix) * (-1 if sign == "-" else 1)
    return number if -(2 ** (bits - 1)) <= number < 2 ** (bits - 1) else None


def parse_duration(text: str) -> int | None:
    """Return the nanoseconds that Go reads, or None. Only zero needs no unit."""
    sign, rest = (-1 if text[:1] == "-" else 1), text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    if not rest or len(rest) > _LONGEST_NUMBER:
        return None
    total, place = Fraction(0), 0
    while place < len(rest):
        part = _DURATION_PART.match(rest, place)
        if part is None:
            return None
        total += Fraction(part[1] + "0" if part[1].endswith(".") else part[1]) * _UNITS[part[2]]
        place = part.end()
    whole = int(total) * sign
    return whole if -(2**63) <= whole < 2**63 else None


def parse_value(of_type: str, text: str) -> Value | None:
    """Return the value of a flag of a type, or None where pflag refuses the text."""
    if of_type in ("bool", "tristate"):
        return parse_bool(text)
    if of_type in _BITS:
        return parse_int(text, _BITS[of_type])
    if of_type == "duration":
        return parse_duration(text)
    if of_type == "stringToString":
        parts = text.split(",")
        return text if all("=" in part for part in parts) else None
    if of_type == "version":
        return text if text in ("true", "false", "raw") or text.startswith("v") else None
    return text
