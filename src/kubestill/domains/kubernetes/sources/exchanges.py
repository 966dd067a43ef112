"""Exchanges of other data sets, for a general slice: chat messages, ShareGPT or Alpaca, in JSON lines or a JSON array.

The layout of a file is that of its first readable record; a record of another layout in it is dropped. One exchange a document: JSON
text of {"messages": [{"role", "content"}]}, an optional system message, then user and assistant in turns.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.sources.places import JSON_LINES, demand, document, files, records, said_of, whole
from kubestill.ground.errors import UserError

FORM = "exchanges"
SUFFIXES = (*JSON_LINES, ".json", ".json.gz")
MAX_EXCHANGE_BYTES = 64 * 1024
ROLES = {"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "model": "assistant"}
LAYOUTS = 'chat {"messages"}, ShareGPT {"conversations"} or Alpaca {"instruction", "output"}'

Message = dict[str, str]


def documents(path: Path) -> Iterator[Document | Drop]:
    """Yield every exchange, or why one was left out.

    Raises:
        UserError: the path is missing, a file cannot be read, or its records are of no known layout.
    """
    for file in files(demand(path), SUFFIXES):
        if isinstance(file, Drop):
            yield file
            continue
        found = records(file.path) if file.path.name.endswith(JSON_LINES) else _array(file.path)
        yield from _exchanges(found, file.path, file.source)


def _array(path: Path) -> Iterator[dict[str, Any] | Drop]:
    found = whole(path)
    if not isinstance(found, list):
        raise UserError(f"sources: {path}", f"holds no array but {type(found).__name__}", f"give an array or lines of {LAYOUTS}")
    for record in found:
        yield record if isinstance(record, dict) else Drop("a record that is no object")


def _exchanges(found: Iterator[dict[str, Any] | Drop], path: Path, source: Mapping[str, str]) -> Iterator[Document | Drop]:
    read: Callable[[Mapping[str, Any]], list[Message] | str] | None = None
    for record in found:
        if isinstance(record, Drop):
            yield record
            continue
        read = read or _layout(record, path)
        messages = read(record)
        yield Drop(messages) if isinstance(messages, str) else _exchange(messages, record, source)


def _layout(record: Mapping[str, Any], path: Path) -> Callable[[Mapping[str, Any]], list[Message] | str]:
    """Return what reads the layout that a record is of."""
    if isinstance(record.get("messages"), list):
        return lambda one: _turns(one.get("messages"), "role", "content")
    if isinstance(record.get("conversations"), list):
        return lambda one: _turns(one.get("conversations"), "from", "value")
    if "instruction" in record and "output" in record:
        return _alpaca
    found = ", ".join(sorted(record)[:8]) or "nothing"
    raise UserError(f"sources: {path}", f"its records hold {found[:200]}", f"expected {LAYOUTS}")


def _turns(turns: Any, role: str, content: str) -> list[Message] | str:
    """Return the messages, or why they are no exchange that a student could learn from."""
    messages: list[Message] = []
    for turn in turns if isinstance(turns, list) else ():
        said, who = (turn.get(content), turn.get(role)) if isinstance(turn, dict) else (None, None)
        text = _text(said)
        if text is None or not isinstance(who, str) or who not in ROLES:
            return "an exchange with a turn that is no text of a known role"
        messages.append({"role": ROLES[who], "content": text})
    return _checked(messages)


def _text(said: Any) -> str | None:
    """Return the text of a message, which may come in parts; None where a part is no text."""
    if isinstance(said, list):
        parts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in said]
        said = "".join(part for part in parts if isinstance(part, str)) if parts and None not in parts else None
    return said.strip() if isinstance(said, str) and said.strip() else None


def _alpaca(record: Mapping[str, Any]) -> list[Message] | str:
    asked, given, answer = (_text(record.get(name)) for name in ("instruction", "input", "output"))
    if asked is None or answer is None:
        return "an exchange without instruction and output"
    turns = [{"role": "user", "content": f"{asked}\n\n{given}" if given else asked}, {"role": "assistant", "content": answer}]
    system = _text(record.get("system"))
    return _checked([{"role": "system", "content": system}, *turns] if system else turns)


def _checked(messages: list[Message]) -> list[Message] | str:
    turns = messages[1:] if messages and messages[0]["role"] == "system" else messages
    if not turns or len(turns) % 2:
        return "an exchange that does not end with an answer"
    if any(turn["role"] != ("user", "assistant")[number % 2] for number, turn in enumerate(turns)):
        return "an exchange whose turns do not alternate"
    return messages


def _exchange(messages: list[Message], record: Mapping[str, Any], source: Mapping[str, str]) -> Document | Drop:
    text = json.dumps({"messages": messages}, ensure_ascii=False)
    if len(text.encode("utf-8", "replace")) > MAX_EXCHANGE_BYTES:
        return Drop("an exchange over 64 KiB")
    name, number = (record.get(key) for key in ("source", "id"))
    kind = name if isinstance(name, str) and name else source["path"].rpartition("/")[2].partition(".")[0]
    made = document(text, kind, said_of(record, **source), FORM)
    if isinstance(made, Drop):
        return made
    mark = number if isinstance(number, str | int) else made.id
    return document(text, kind, {**made.source, "page": f"{kind}/{mark}"}, FORM)
