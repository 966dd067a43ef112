"""Manifests as idiomatic block YAML in one style: two spaces, dashes at the key's column, quotes only where needed.

One style for all training text: a grammar or a student that has to follow several learns each of them less.
"""

import json
import re
from functools import lru_cache
from typing import Any

# What may stand plain: no YAML indicator at the start, no ": " or " #" inside, no space at the ends.
_PLAIN = re.compile(r"(?:[A-Za-z0-9_./⟨$(]|-[^\s])[^\n]*\Z")
_UNSAFE = re.compile(r": |:\Z| #|\s\Z|\A(?:---|\.\.\.)(?:\s|\Z)")  # the last: marks between documents
# Always in quotation marks, as in the documentation: `*/5 * * * *` needs them, and who writes `⟨4⟩` for it cannot see that.
_CRON = re.compile(r"[\d*][\d*/,-]*(?: [\w*/,-]+){4}\Z")
# Characters that YAML forbids or takes for the end of a line: they stand only as escapes in quotes.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# Read as something other than text by sigs.k8s.io/yaml (YAML 1.1 booleans, numbers of all bases, null, merge).
_TYPED = re.compile(
    r"(?:y|n|yes|no|on|off|true|false|null|~|<<|=)\Z"
    r"|[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-f_]+|(?:\d[\d_]*)?\.?\d[\d_]*(?:\.\d*)?(?:e[-+]?\d+)?|\d+\.|\.inf)\Z"
    r"|\.nan\Z|\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?\Z|\d{4}-\d\d?-\d\d?",
    re.IGNORECASE,
)


def stands(text: str, quoted: bool = False) -> bool:
    """Say whether a text may stand in a line of YAML as it is, plain or between quotation marks, whatever type it is read as."""
    if quoted:
        return not _CONTROL.search(text) and not set(text) & {'"', "\\"}
    return bool(_PLAIN.match(text)) and not (_UNSAFE.search(text) or _CONTROL.search(text))


def scalar(value: Any) -> str:
    """Return one scalar as it stands in the text."""
    if isinstance(value, str):
        return _short(value) if len(value) < _KEPT else _text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return _text(str(value))


_KEPT = 120  # characters of texts that come again and again


@lru_cache(maxsize=65_536)
def _short(text: str) -> str:
    return _text(text)


def _text(text: str) -> str:
    if _PLAIN.match(text) and not (_UNSAFE.search(text) or _TYPED.match(text) or _CRON.match(text) or _CONTROL.search(text)):
        return text
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def dump(obj: Any) -> str:
    """Return the text of a manifest."""
    lines: list[str] = []
    _mapping(obj, "", lines, "")
    return "\n".join(lines) + "\n"


def _mapping(obj: dict[str, Any], indent: str, lines: list[str], first: str) -> None:
    """Append a mapping; `first` replaces the indentation of its first line (inside a list item)."""
    lead = first or indent
    for key, value in obj.items():
        _entry(f"{lead}{scalar(key)}:", value, indent, lines)
        lead = indent


def _entry(head: str, value: Any, indent: str, lines: list[str]) -> None:
    if isinstance(value, dict) and value:
        lines.append(head)
        _mapping(value, indent + "  ", lines, "")
    elif isinstance(value, list | tuple) and value:
        lines.append(head)
        _sequence(value, indent, lines)
    elif _is_block(value):
        _block(head, value, indent, lines)
    else:
        lines.append(f"{head} {_empty(value)}")


def _empty(value: Any) -> str:
    if isinstance(value, dict):
        return "{}"
    return "[]" if isinstance(value, list | tuple) else scalar(value)


def _sequence(items: Any, indent: str, lines: list[str]) -> None:
    for item in items:
        if isinstance(item, dict) and item:
            _mapping(item, indent + "  ", lines, f"{indent}- ")
        elif isinstance(item, list | tuple) and item:
            lines.append(f"{indent}-")
            _sequence(item, indent + "  ", lines)
        elif _is_block(item):
            _block(f"{indent}-", item, indent, lines)
        else:
            lines.append(f"{indent}- {_empty(item)}")


def _is_block(value: Any) -> bool:
    """A literal block can hold it: several lines, no leading space, and no control character but the newline."""
    return isinstance(value, str) and "\n" in value and value[0] not in " \n" and not _CONTROL.search(value)


def _block(head: str, text: str, indent: str, lines: list[str]) -> None:
    """Append a literal block; trailing newlines keep their meaning through the chomping mark."""
    body = text.rstrip("\n")
    ending = len(text) - len(body)
    lines.append(f"{head} |{'-' if ending == 0 else '' if ending == 1 else '+'}")
    lines.extend(f"{indent}  {line}" if line else "" for line in body.split("\n"))
    lines.extend("" for _ in range(ending - 1))
