"""The kubectl reference: its parsed form in JSON, or the pages that kubectl's own generator writes for the website.

One command a document: JSON text of {command, description, usage, synopsis, examples: [{description, command}], flags: [{name,
shorthand, type, default, description}]}, the same from either. A page splits by the family of a command (`kubectl create`), since the
pages of `create job` and `create cronjob` say much the same.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kubestill.domains.api import Document, Drop
from kubestill.domains.kubernetes.sources.markdown import front_matter, segments, stated
from kubestill.domains.kubernetes.sources.pages import SUFFIXES, TextSite
from kubestill.domains.kubernetes.sources.places import (
    JSON_LINES,
    beside,
    demand,
    document,
    files,
    records,
    said_of,
    text_of,
    unreadable,
    whole,
)
from kubestill.domains.kubernetes.sources.shortcodes import HEADINGS, resolve
from kubestill.ground.errors import UserError

FORM = "commands"
JSON = (".json", ".json.gz")
MAX_PAGE_BYTES = 256 * 1024
PARTS = ("command", "description", "usage", "synopsis", "examples", "flags")
FLAG_PARTS = ("name", "shorthand", "type", "default", "description")
_COMMAND = re.compile(r"kubectl(?: [a-z][a-z0-9-]*){0,4}")
_FLAG = re.compile(
    r"<td colspan=\"2\">(?P<head>[^\n]{1,400}?)</td>\s*</tr>\s*<tr>\s*<td></td>\s*<td[^>]{0,200}>(?P<told>.{0,4000}?)</td>", re.DOTALL
)
_FLAG_HEAD = re.compile(
    r"(?:-(?P<shorthand>\w), )?--(?P<name>[\w-]+)(?: (?P<type><[^<>]+>|[^\s\[]+))?(?:\[=\"?[^\]]*?\"?\])?(?:\s+Default: (?P<default>.+))?"
)
_MARKUP = re.compile(r"<[^<>]{1,200}>")


def documents(path: Path) -> Iterator[Document | Drop]:
    """Yield every command, or why one was left out.

    Raises:
        UserError: the path is missing, or a file that holds no such reference.
    """
    if demand(path).is_dir():
        for file in files(path, SUFFIXES):
            yield file if isinstance(file, Drop) else _page(text_of(file.path, MAX_PAGE_BYTES), file.source)
    elif path.name.endswith(JSON_LINES):
        known = beside(path)
        for record in records(path):
            yield record if isinstance(record, Drop) else _page(record.get("text"), said_of(record, **known, path=path.name))
    elif path.name.endswith(JSON):
        yield from _reference(path)
    else:
        raise unreadable(path, (*JSON, *JSON_LINES))


def _reference(path: Path) -> Iterator[Document | Drop]:
    found = whole(path)
    commands = found.get("commands") if isinstance(found, dict) else None
    if not isinstance(commands, list):
        raise UserError(f"sources: {path}", "holds no list of commands", "give the reference as an object with `commands`, or its pages")
    source = said_of({**found, "repo": found.get("source")}, **beside(path), path=path.name)
    for command in commands:
        yield _command(command, source) if isinstance(command, dict) else Drop("a command that is no object")


def _command(command: Mapping[str, Any], source: Mapping[str, str]) -> Document | Drop:
    """Return a command as a document; what is not of the stated shape is left out of it."""
    name = command.get("command")
    if not isinstance(name, str) or not _COMMAND.fullmatch(name):
        return Drop("not a kubectl command")
    told: dict[str, Any] = {part: _text(command.get(part)) for part in PARTS}
    told["usage"] = [_text(one).strip() for one in _list(command.get("usage"))]
    if not any(told["usage"]):
        return Drop("a command without usage")
    told["synopsis"] = html.unescape(told["synopsis"])
    told["examples"] = [
        {"description": _text(one.get("description")), "command": _text(one.get("command"))}
        for one in _list(command.get("examples"))
        if isinstance(one, dict)
    ]
    told["flags"] = [
        {part: value if isinstance(value := one.get(part), str) else None for part in FLAG_PARTS}
        for one in _list(command.get("flags"))
        if isinstance(one, dict)
    ]
    text = json.dumps(told, ensure_ascii=False)
    family = " ".join(name.split()[:2])
    known = {**source, "page": family, "title": name}
    if isinstance(command.get("path"), str):
        known["path"] = command["path"]
    return document(text, name, known, FORM)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _page(text: object, source: Mapping[str, str]) -> Document | Drop:
    """Read a generated page: front matter, then synopsis, examples and options under headings."""
    if isinstance(text, Drop):
        return text
    if not isinstance(text, str):
        return Drop("record without text")
    front, body = front_matter(text)
    name = stated(front, "title")
    if not _COMMAND.fullmatch(name):
        return Drop("not the page of a kubectl command")
    parts = _parts(resolve(body, TextSite()))
    synopsis = parts.get(HEADINGS["synopsis"], "")
    prose, code = _split(synopsis)
    examples = _split(parts.get(HEADINGS["examples"], ""))[1]
    command = {
        "command": name,
        "description": stated(front, "description"),
        "usage": [line for block in code for line in block.splitlines() if line.startswith("kubectl")],
        "synopsis": prose,
        "examples": [example for block in examples for example in _examples(block)],
        "flags": list(_flags(parts.get(HEADINGS["options"], ""))),
    }
    return _command(command, source)


def _parts(text: str) -> dict[str, str]:
    """Return the text under each heading of the second level."""
    shown = "".join(part for _, part in segments(text))
    pieces = re.split(r"^## +(.*)$", shown, flags=re.MULTILINE)
    return {heading.strip(): body for heading, body in zip(pieces[1::2], pieces[2::2], strict=True)}


def _split(text: str) -> tuple[str, list[str]]:
    """Return the prose of a part, and its blocks of code without their fences."""
    prose, code = [], []
    for is_code, part in segments(text):
        if is_code:
            code.append("\n".join(part.strip().splitlines()[1:-1]))
        else:
            prose.append(part.strip())
    return html.unescape("\n\n".join(part for part in prose if part)), code


def _examples(block: str) -> Iterator[dict[str, str]]:
    """Read `# what for` lines and the command lines that follow them; a block without a comment says nothing of its commands."""
    comments, commands = list[str](), list[str]()
    for raw in (*block.splitlines(), "# "):
        line = raw.strip()
        if line.startswith("#") and commands:
            yield {"description": " ".join(comments), "command": "\n".join(commands)}
            comments, commands = [], []
        if line.startswith("#"):
            comments.append(line.lstrip("# "))
        elif line:
            commands.append(line)
        elif not commands:
            comments = []  # a remark on all examples, not on the next


def _flags(text: str) -> Iterator[dict[str, str | None]]:
    """Read the table of options: a bool has no type in it, and no default where that is false."""
    for row in _FLAG.finditer(text):
        head = _FLAG_HEAD.fullmatch(html.unescape(row["head"]).replace("\xa0", " ").strip())
        if head is None:
            continue
        kind = head["type"] or "bool"
        default = head["default"] or ("false" if kind == "bool" else None)
        told = html.unescape(_MARKUP.sub("", row["told"])).strip()
        yield {"name": head["name"], "shorthand": head["shorthand"], "type": kind, "default": _bare(default), "description": told}


def _bare(default: str | None) -> str | None:
    return default[1:-1] if default and len(default) > 1 and default[0] == default[-1] == '"' else default
