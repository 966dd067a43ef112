"""Markdown as people read it: front matter taken off, links and images as their words, HTML as Markdown, code as it stands."""

import html
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.manifests import read

MAX_FRONT_BYTES = 64 * 1024
_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})")
_CODE = re.compile(r"(?<!`)(`{1,2})(?!`)([^\n]{1,400}?)(?<!`)\1(?!`)")
_HELD = re.compile("\x00([0-9]+)\x00")
_LINK = re.compile(r"!?\[([^\[\]]{0,400})\]\([^()\s]{0,3000}(?:\([^()\s]{0,200}\)[^()\s]{0,200})?(?:\s+[\"'][^\"'\n]{0,300}[\"'])?\s?\)")
_IMAGE = re.compile(r"!\[[^\[\]]{0,400}\]\([^()\n]{0,600}\)")
_NAMED_LINK = re.compile(r"\[([^\[\]\n]{1,400})\]\[[^\[\]\n]{0,200}\]")
_LINK_NAME = re.compile(r"^ {0,3}\[[^\]\n]{1,200}\]:[ \t]+\S+[^\n]*$", re.MULTILINE)
_ADDRESS = re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,600})>")
_HEADING_NAME = re.compile(r"(?<![ \t])[ \t]*\{#[\w.:/-]{1,200}\}[ \t]*$", re.MULTILINE)
_ATTRIBUTE_LIST = re.compile(r"^[ \t]*\{:?[ \t]*[.#:][^{}\n]{0,200}\}[ \t]*$", re.MULTILINE)
_UNSEEN_FROM, _UNSEEN_TO = re.compile(r"<(?:script|style|svg)\b", re.IGNORECASE), re.compile(r"</(?:script|style|svg)\s*>", re.IGNORECASE)
_TAG = re.compile(
    r"<(/?)(a|abbr|b|blockquote|br|caption|center|code|col|colgroup|dd|details|div|dl|dt|em|font|h[1-6]|hr|i|iframe|img|input|kbd|label|li|nobr"
    r"|ol|p|pre|small|span|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|tt|u|ul|var|video)\b[^<>]{0,600}>",
    re.IGNORECASE,
)
_ROW_FROM, _ROW_TO = re.compile(r"<tr\b[^<>]{0,600}>", re.IGNORECASE), re.compile(r"</tr\s*>", re.IGNORECASE)
_CELL = re.compile(r"</?t[dh]\b[^<>]{0,600}>", re.IGNORECASE)
_MARKS = {"b": "**", "strong": "**", "code": "`", "tt": "`", "em": "*", "i": "*", "pre": "\n```\n"}
_LINE_TAGS = frozenset("blockquote br caption dd details div dl dt hr ol p summary table tbody thead tr ul".split())
_EMPTY_MARKS = re.compile(r"`\s?`(?!`)|\*\*\s*\*\*(?=\s)")
_GAP = re.compile(r"\n{3,}")


def front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    """Return what a page states before its text (YAML between `---`, TOML between `+++`) and the text."""
    mark = text[:3]
    if mark not in ("---", "+++") or not text[3:].lstrip(" \t").startswith(("\n", "\r")):
        return {}, text
    closing = re.compile(rf"^{re.escape(mark)}[ \t]*\r?$", re.MULTILINE).search(text, 3, MAX_FRONT_BYTES)
    if closing is None:
        return {}, text
    stated, rest = text[3 : closing.start()], text[closing.end() :]
    if mark == "+++":
        try:
            return tomllib.loads(stated), rest
        except (ValueError, RecursionError):
            return {}, rest
    objects = read(stated).manifests
    return (objects[0].object if objects else {}), rest


def stated(front: Mapping[str, Any], name: str) -> str:
    """Return a statement of the front matter that is text, in one line."""
    value = front.get(name)
    return " ".join(value.split()) if isinstance(value, str) else ""


def heading(text: str) -> str:
    """Return the first heading of a text where it is of the first level, or an empty string."""
    first = text.lstrip().partition("\n")[0]
    return first.removeprefix("# ").strip() if first.startswith("# ") else ""


def clean(text: str) -> str:
    """Return Markdown without links, images, comments, ids and tags; fenced code stays as it is."""
    parts = [part if is_code else _prose(part) for is_code, part in segments(text)]
    return _GAP.sub("\n\n", "".join(parts)).strip() + "\n"


def segments(text: str) -> Iterator[tuple[bool, str]]:
    """Yield runs of lines, each with whether it is fenced code; HTML comments outside of code are taken out."""
    lines, fence, hidden = list[str](), "", False
    for line in text.replace("\r\n", "\n").replace("\x00", "").splitlines(keepends=True):
        if fence:
            lines.append(line)
            found = _FENCE.match(line)
            if found and found[1][0] == fence[0] and len(found[1]) >= len(fence) and not line.strip("`~> \t\n"):
                yield True, "".join(lines)
                lines, fence = [], ""
            continue
        shown, hidden = _shown(line, hidden)
        if (found := _FENCE.match(shown)) and "`" not in shown[found.end() :]:
            yield False, "".join(lines)
            lines, fence = [shown], found[1]
        else:
            lines.append(shown)
    yield bool(fence), "".join(lines)


def _shown(line: str, hidden: bool) -> tuple[str, bool]:
    """Return what of a line stands outside of comments, and whether one goes on."""
    kept = []
    while line:
        if hidden:
            _, closing, line = line.partition("-->")
            hidden = not closing
        else:
            before, opening, line = line.partition("<!--")
            kept.append(before)
            hidden = bool(opening)
    return "".join(kept), hidden


def _prose(text: str) -> str:
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match[0])
        return f"\x00{len(held) - 1}\x00"

    text = _CODE.sub(hold, _enclosed(text, _UNSEEN_FROM, _UNSEEN_TO, lambda _: ""))
    text = _LINK.sub(_words, _LINK_NAME.sub("", _IMAGE.sub("", text)))
    text = _NAMED_LINK.sub(r"\1", _LINK.sub(_words, text))  # once more: a link may stand in a link's words
    text = _ADDRESS.sub(r"\1", _ATTRIBUTE_LIST.sub("", _HEADING_NAME.sub("", text)))
    text = _EMPTY_MARKS.sub("", html.unescape(_TAG.sub(_mark, _enclosed(text, _ROW_FROM, _ROW_TO, _row))))
    return _HELD.sub(
        lambda match: held[int(match[1])] if int(match[1]) < len(held) else "", "\n".join(line.rstrip() for line in text.split("\n"))
    )


def _words(match: re.Match[str]) -> str:
    return "" if match[0].startswith("!") else match[1]


def _enclosed(text: str, opening: re.Pattern[str], closing: re.Pattern[str], say: Callable[[str], str]) -> str:
    """Return a text in which `say` stands for what an opening and the next closing tag enclose; one walk, whatever is left open."""
    kept, place = list[str](), 0
    while (start := opening.search(text, place)) and (end := closing.search(text, start.end())):
        kept += (text[place : start.start()], say(text[start.end() : end.start()]))
        place = end.end()
    return "".join((*kept, text[place:]))


def _row(text: str) -> str:
    """Return a row of an HTML table as one line: its cells that hold something, between bars where there are several."""
    cells = [" ".join(_TAG.sub(_mark, cell).split()) for cell in _CELL.split(text)]
    cells = [cell for cell in cells if cell]
    return "\n" + (f"| {' | '.join(cells)} |" if len(cells) > 1 else "".join(cells)) + "\n"


def _mark(match: re.Match[str]) -> str:
    """Return what stands in place of an HTML tag."""
    closes, name = bool(match[1]), match[2].lower()
    if name in _MARKS:
        return _MARKS[name]
    if name in ("td", "th"):
        return " " if closes else "| "
    if name == "li":
        return "" if closes else "\n- "
    if name[0] == "h" and name[1:].isdecimal():
        return "\n\n" if closes else f"\n\n{'#' * int(name[1])} "
    return "\n" if name in _LINE_TAGS else ""
