"""Hugo's shortcodes as text: what the website's `{{< note >}}`, `{{< glossary_tooltip … >}}` or `{{% code_sample … %}}` would show.

Names and arguments: kubernetes/website, `layouts/shortcodes/` and the page "Custom Hugo Shortcodes" of its contribution guide. One
pass over the text with bounds on depth and length: a page of a stranger may open a thousand and close none.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

MAX_TAG_CHARACTERS = 4_000
MAX_INCLUDES = 3  # of a file in a file, a definition in a definition
MAX_TEXT_CHARACTERS = 2**20  # of one page written out: a page may include a thousand files

_ARGUMENT = re.compile(r'(?:(?P<name>[\w-]+)\s*=\s*)?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|`(?P<raw>[^`]*)`|(?P<bare>[^\s"`=]+))')
_OPENING = re.compile(r"\{\{([<%])")
_NAME = re.compile(r"\s*(/?)\s*([A-Za-z][\w./-]*)")
HEADINGS = {
    "whatsnext": "What's next",
    "prerequisites": "Before you begin",
    "objectives": "Objectives",
    "cleanup": "Clean up",
    "synopsis": "Synopsis",
    "examples": "Examples",
    "options": "Options",
    "parentoptions": "Parent options inherited",
    "seealso": "See also",
    "discussion": "Discussion",
    "subcommands": "Commands",
}
_CALLS = {"note": "Note:", "warning": "Warning:", "caution": "Caution:"}
_UNSEEN = frozenset({"comment", "mermaid"})  # what they enclose is no text for readers


class Site(Protocol):
    """What a page's shortcodes refer to."""

    version: str
    """Kubernetes version that the pages are of, such as 1.36."""

    def term(self, name: str) -> "Term | None":
        """Return a term of the glossary."""
        ...

    def file(self, name: str, folder: str) -> str:
        """Return the text of an example (`folder` "examples") or of a piece of prose ("includes"), or an empty string."""
        ...


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the glossary: its title, the sentence that defines it, and what is said beyond."""

    title: str
    short: str
    more: str


@dataclass(frozen=True, slots=True)
class _Tag:
    """A shortcode as written: `text[start:end]`."""

    start: int
    end: int
    name: str
    closes: bool
    words: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)

    def get(self, *names: str) -> str:
        """Return the first argument that is given, by name or, for "0", by place."""
        for name in names:
            if name in self.named:
                return self.named[name]
            if name.isdecimal() and int(name) < len(self.words):
                return self.words[int(name)]
        return ""


def resolve(text: str, site: Site, depth: int = 0) -> str:
    """Return a page with every shortcode written out; of one that has no text for readers nothing stays."""
    tags = _tags(text)
    last_close = {tag.name: number for number, tag in enumerate(tags) if tag.closes}
    pieces, place, length, unseen = list[str](), 0, 0, ""
    for number, tag in enumerate(tags):
        if unseen:
            if tag.closes and tag.name == unseen:
                unseen, place = "", tag.end
            continue
        before = text[place : tag.start]
        if pieces and pieces[-1].endswith(": "):  # the words of a note follow its "Note:"
            before = before.lstrip()
        said = _closed(tag) if tag.closes else _opened(tag, site, depth)
        pieces += (before, said)
        place, length = tag.end, length + len(before) + len(said)
        if not tag.closes and tag.name in _UNSEEN and last_close.get(tag.name, -1) > number:
            unseen = tag.name
        if length > MAX_TEXT_CHARACTERS:
            return "".join(pieces)[:MAX_TEXT_CHARACTERS]
    rest = text[place:]
    return "".join((*pieces, rest.lstrip() if pieces and pieces[-1].endswith(": ") else rest))


def _tags(text: str) -> list[_Tag]:
    found, place = [], 0
    while opening := _OPENING.search(text, place):
        mark = ">}}" if opening[1] == "<" else "%}}"
        end = text.find(mark, opening.end(), opening.end() + MAX_TAG_CHARACTERS)
        if end < 0:
            place = opening.end()
            continue
        inside, place = text[opening.end() : end], end + len(mark)
        if inside.startswith("/*") and inside.endswith("*/"):  # a page about shortcodes shows one
            found.append(_Tag(opening.start(), place, "shown", False, (opening[0] + inside[2:-2] + mark,)))
        elif name := _NAME.match(inside):
            found.append(_tag(opening.start(), place, name, inside[name.end() :].rstrip(" /")))
    return found


def _tag(start: int, end: int, name: re.Match[str], arguments: str) -> _Tag:
    words, named = [], {}
    for match in _ARGUMENT.finditer(arguments):
        quoted = match["quoted"]
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match["raw"] if match["raw"] is not None else match["bare"]
        if match["name"]:
            named[match["name"]] = value
        else:
            words.append(value)
    return _Tag(start, end, name[2], bool(name[1]), tuple(words), named)


def _closed(tag: _Tag) -> str:
    if tag.name == "highlight":
        return "\n```\n"
    return "\n\n" if tag.name in ("tab", "tabs", "details", "table") else ""


def _opened(tag: _Tag, site: Site, depth: int) -> str:
    """Return what stands in place of an opening shortcode."""
    if tag.name in _CALLS:
        return _CALLS[tag.name] + " "
    if tag.name in ("alert", "pageinfo"):
        return f"{tag.get('title')}: " if tag.get("title") else ""
    if tag.name in ("code_sample", "codenew", "code", "example"):
        return _code(tag, site)
    if tag.name == "tab":
        heading = f"\n**{tag.get('name', '0')}**\n\n"
        return heading + (_code(tag, site) or _included(tag, site, depth) if tag.get("include") else "")
    if tag.name == "include":
        return _included(tag, site, depth)
    if tag.name == "glossary_definition":
        return resolve(_definition(tag, site), site, depth + 1) if depth < MAX_INCLUDES else ""
    teller = _TELLERS.get(tag.name)
    return teller(tag, site) if teller is not None else ""


def _code(tag: _Tag, site: Site) -> str:
    name = tag.get("file", "include", "0")
    text = site.file(name, "examples").strip("\n") if name else ""
    language = tag.get("language", "codelang") or name.rpartition(".")[2]
    return f"\n```{language}\n{text}\n```\n" if text and "```" not in text else ""


def _included(tag: _Tag, site: Site, depth: int) -> str:
    text = site.file(tag.get("file", "include", "0"), "includes") if depth < MAX_INCLUDES else ""
    return resolve(text, site, depth + 1).strip() + "\n" if text else ""


def _tooltip(tag: _Tag, site: Site) -> str:
    name = tag.get("term_id", "0")
    term = None if tag.get("text") else site.term(name)
    return tag.get("text") or (term.title if term else name.replace("-", " "))


def _definition(tag: _Tag, site: Site) -> str:
    term = site.term(tag.get("term_id", "0"))
    if term is None:
        return ""
    short, before = term.short.strip(), tag.get("prepend")
    short = f"{before} {short[:1].lower()}{short[1:]}" if before else short
    return f"{short}\n\n{term.more.strip()}" if tag.get("length") == "all" and term.more.strip() else short


def _state(tag: _Tag, _site: Site) -> str:
    gate, version, state = tag.get("feature_gate_name"), tag.get("for_k8s_version"), tag.get("state")
    told = f"Kubernetes {version} [{state}]" if version and state else f"see the feature gate `{gate}`" if gate else ""
    return f"Feature state: {told}\n" if told else ""


def _skew(tag: _Tag, site: Site) -> str:
    """Return a version beside the present one (layouts/shortcodes/skew.html)."""
    major, _, minor = site.version.partition(".")
    steps = {"prevMinorVersion": -1, "oldestMinorVersion": -3, "nextMinorVersion": 1}
    step = steps.get(tag.get("0"), 0)
    if tag.get("0").endswith("AddMinor"):
        text = tag.get("1")
        step = int(text) if re.fullmatch(r"-?[0-9]{1,2}", text) else 0
    patch = ".0" if tag.get("0") == "currentPatchVersion" else ""
    return f"{major}.{int(minor) + step}{patch}" if minor.isdecimal() else site.version


def _parameter(tag: _Tag, site: Site) -> str:
    return {"version": f"v{site.version}", "latest": f"v{site.version}", "fullversion": f"v{site.version}.0"}.get(tag.get("0"), "")


def _highlight(tag: _Tag, _site: Site) -> str:
    return f"\n```{tag.get('0')}\n"


def _figure(tag: _Tag, _site: Site) -> str:
    told = tag.get("caption") or tag.get("title")
    return f"Figure: {told}\n" if told else ""


_TELLERS: Mapping[str, Callable[[_Tag, Site], str]] = {
    "glossary_tooltip": _tooltip,
    "feature-state": _state,
    "skew": _skew,
    "param": _parameter,
    "highlight": _highlight,
    "figure": _figure,
    "heading": lambda tag, _: HEADINGS.get(tag.get("0"), tag.get("0")),
    "latest-version": lambda _, site: f"v{site.version}",
    "latest-semver": lambda _, site: f"{site.version}.0",
    "release-branch": lambda _, site: f"release-{site.version}",
    "details": lambda tag, _: f"**{tag.get('summary')}**\n\n" if tag.get("summary") else "",
    "table": lambda tag, _: f"{tag.get('caption')}\n\n" if tag.get("caption") else "",
    "link": lambda tag, _: tag.get("text"),
    "api-reference": lambda tag, _: tag.get("text") or tag.get("page").rpartition("/")[2],
    "page-api-reference": lambda tag, _: f"{tag.get('kind')} API reference",
    "ref": lambda tag, _: tag.get("0"),
    "relref": lambda tag, _: tag.get("0"),
    "shown": lambda tag, _: tag.get("0"),
}
