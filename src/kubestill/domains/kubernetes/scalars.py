"""What a YAML scalar means to Kubernetes: the resolver of the Go library that the API server and kubectl read YAML with.

It is YAML 1.1 with exceptions: `yes`, `no`, `on`, `off`, `y` and `n` are booleans, 0644 is octal, but dates and 1:30 stay
strings. Source: `resolve` in sigs.k8s.io/yaml (goyaml.v2), and the server's own reading of 76 scalars (tests).
"""

import base64
import re
from functools import lru_cache
from typing import Any

WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
WORD_STARTS = frozenset(word[:1] for word in WORDS)
NUMBER_STARTS = frozenset("+-.0123456789")

_SPECIAL = re.compile(r"[+-]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_PLAIN_FLOAT_LIMIT = 1e21  # from here on Go writes a float with an exponent, so it can no longer be read as an integer
_MAX_DIGITS = 80  # of 64 bits written in base 2 with a sign; Python refuses to read integers of thousands of digits
_TAG = "tag:yaml.org,2002:"


class ScalarError(ValueError):
    """A scalar that Kubernetes refuses; the message says why."""


def shortened(text: str) -> str:
    """Return a text as a message quotes it: cut where it is long."""
    return text if len(text) <= 60 else text[:57] + "..."


def number(text: str) -> Any:
    """Return the int or float that a plain scalar stands for, or the text itself when it is no number."""
    return _known_number(text) if len(text) <= _MAX_DIGITS else _number(text)  # a cache of long ones would hold gigabytes


def _number(text: str) -> Any:
    if _SPECIAL.fullmatch(text):
        raise ScalarError(f"{text} is no JSON number")
    plain = text.replace("_", "") if text[0] != "." else text
    if len(plain) <= _MAX_DIGITS and (match := _INTEGER.fullmatch(plain)):
        value = _integer(*match.groups())
        if -(2**63) <= value < 2**64:
            return value
    if not _FLOAT.fullmatch(plain):
        return text
    real = float(plain)
    if real in (float("inf"), float("-inf")):
        return text
    return int(real) if real.is_integer() and abs(real) < _PLAIN_FLOAT_LIMIT else real


_known_number = lru_cache(maxsize=4096)(_number)


def _integer(sign: str, hexadecimal: str | None, binary: str | None, octal: str | None, decimal: str | None) -> int:
    for digits, radix in ((hexadecimal, 16), (binary, 2), (octal, 8), (decimal, 10)):
        if digits:
            return int(sign + digits, radix)
    raise AssertionError("the pattern always fills one group")


def plain(text: str) -> Any:
    """Return the value of an unquoted scalar without a tag."""
    start = text[:1]
    if start in NUMBER_STARTS and start:
        return number(text)
    return WORDS.get(text, text) if start in WORD_STARTS else text


def tagged(tag: str, text: str) -> Any:
    """Return the value of a scalar with an explicit tag such as `!!str`; unknown tags leave the text as it stands."""
    name = tag.removeprefix(_TAG)
    if name == "binary":
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
        except ValueError as error:  # binascii.Error is one; characters beyond ASCII are another
            raise ScalarError(f"!!binary value is not base64 ({error})") from None
    wanted: tuple[type, ...] | None = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}.get(name)
    if wanted is None:
        return text
    value = plain(text)
    if type(value) not in wanted:
        raise ScalarError(f"{shortened(text)!r} cannot be read as !!{name}")
    return value


def key_text(value: Any) -> str:
    """Return a mapping key as the JSON key that Kubernetes makes of it (`yes: 1` has the key "true")."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if value is None:
        raise ScalarError("null cannot be a key")
    if not isinstance(value, str):
        raise ScalarError("a list or a mapping cannot be a key")
    return value
