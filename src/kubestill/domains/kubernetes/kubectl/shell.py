"""A command line as a POSIX shell splits it: words, pipes, lists, redirections, here-documents, substitutions.

Why not `shlex`: it cannot tell `'|'` from `|`, reads `a#b` as a comment, keeps the line break of a continuation, cuts `$(...)`
into pieces, and takes quadratic time. What is read here is checked against it where both agree (tests).
What a shell would fill in at run time (`$POD`, `$(...)`, `<pod-name>`) stays in the word as written and marks it as open.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from kubestill.domains.kubernetes.kubectl.fault import Fault

MAX_CHARACTERS = 131_072  # of a text; no longer word can be handed to a program (Linux, MAX_ARG_STRLEN: 32 pages of 4 KiB)
MAX_WORDS = 2_000  # of a text, with redirections and substitutions; people write some dozens
MAX_DEPTH = 16  # of substitutions within substitutions; people write two
_PLAIN = re.compile(r"[^ \t\r\n\f\v'\"\\$`|&;<>()\x00]+")
_WITHIN_DOUBLE = re.compile(r"[^\"\\$`\x00]+")
_SINGLE = re.compile(r"'([^'\x00]*)'")
_ANSI = re.compile(r"\$'((?:[^'\\\x00]|\\[^\x00])*)'")
_NAME = re.compile(r"\$(?:[A-Za-z_]\w*|[0-9@*#?$!-])|\$\{[^{}\x00]*(?:\{[^{}\x00]*\}[^{}\x00]*)*\}|\$\(\([^()\x00]*\)\)", re.ASCII)
_BACKTICK = re.compile(r"`((?:[^`\\\x00]|\\[^\x00])*)`")
# Not shell, but how people leave a blank: <pod-name>. A shell would read `< pod-name >`; nobody means that.
# It may hold no operator and no flag, so that nothing that a shell would run hides in it.
_PLACEHOLDER = re.compile(r"<[A-Za-z][\w./:-]*(?: [A-Za-z][\w./:-]*)*>", re.ASCII)
_REDIRECTION = re.compile(r"(\d*)(<<<|<<-|<<|<>|<&|>&|>>|>\||&>>|&>|<|>)", re.ASCII)
_OPERATOR = re.compile(r"\|\||\|&|&&|;;|[|;&()\n]")
_BLANK = re.compile(r"(?:[ \t\r\f\v]|\\\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=", re.ASCII)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}
_UNESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|[0-7]{1,3}|.)", re.DOTALL)
_PIPES = frozenset({"|", "|&"})
_JOINING = frozenset({"|", "|&", "&&", "||"})


@dataclass(frozen=True, slots=True)
class Word:
    """One word after quotes are taken off; `start` counts characters of the text from 0."""

    text: str
    start: int
    quoted: bool = False
    opaque: bool = False  # holds $name, $(...) or a placeholder: its text is not what kubectl will see
    many: bool = False  # an unquoted expansion: may become no word, or several
    placeholder: str = ""
    raw: str = ""  # as written, of an opaque word: the text alone does not say which of its parts stood in which quotes


@dataclass(frozen=True, slots=True)
class Redirection:
    """`2>file`, `<<EOF`: the operator with its number, its target, and the body of a here-document."""

    operator: str
    target: Word
    body: str = ""


@dataclass(slots=True)
class Simple:
    """A simple command: assignments, words, redirections, and the operator that follows it."""

    assignments: list[Word] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    redirections: list[Redirection] = field(default_factory=list)
    operator: str = ""

    @property
    def piped(self) -> bool:
        """Return whether the output goes to the next command."""
        return self.operator in _PIPES


@dataclass(slots=True)
class Script:
    """What a text holds: its simple commands in order; those within substitutions stand in `inner`."""

    commands: list[Simple] = field(default_factory=list)
    inner: list["Script"] = field(default_factory=list)
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Line and column of each character of a text, both counted from 1."""

    breaks: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> "Places":
        """Note where the lines of a text end."""
        return cls(tuple(match.start() for match in re.finditer("\n", text)))

    def at(self, start: int) -> tuple[int, int]:
        """Return line and column of a character."""
        line = bisect_right(self.breaks, start - 1)
        return line + 1, start - (self.breaks[line - 1] if line else -1)


def split(text: str) -> Script:
    """Split a text into simple commands. A text that no shell would take gives a script with a fault."""
    if len(text) > MAX_CHARACTERS:
        return Script(fault=Fault("K8S402", f"found {len(text)} characters, expected a command of at most {MAX_CHARACTERS}"))
    reader = _Reader(text, 0)
    try:
        return reader.script(0, "")
    except _BrokenError as broken:
        return Script(reader.read, [], Fault("K8S402", broken.message, start=broken.start))


class _BrokenError(Exception):
    """The text ends within a quote, a substitution or a here-document."""

    def __init__(self, message: str, start: int) -> None:
        self.message, self.start = message, start
        super().__init__(message)


class _Reader:
    """One pass over a text; each character is looked at a bounded number of times."""

    def __init__(self, text: str, offset: int) -> None:
        self.text, self.place, self.offset, self.words = text, 0, offset, 0
        self.waiting: list[tuple[Simple, int, bool]] = []  # here-documents whose bodies come after the line
        self.read: list[Simple] = []

    def script(self, depth: int, closing: str) -> Script:
        """Read simple commands until the end, or until an unmatched `closing`."""
        if depth > MAX_DEPTH:
            raise _BrokenError(f"found more than {MAX_DEPTH} substitutions within each other", self.offset + self.place)
        script, current, opened = Script(), Simple(), 0
        if not depth:
            self.read = script.commands
        while self.place < len(self.text):
            if self._skip():
                continue
            operator = self._match(_OPERATOR) if not self.text.startswith("&>", self.place) else None
            if operator is None:
                self._piece(current, script, depth)
                continue
            opened += {"(": 1, ")": -1}.get(operator[0], 0)
            if operator[0] == ")" and opened < 0 and closing:
                self._close(script, current, "")
                return script
            current = self._close(script, current, operator[0])
        if closing:
            raise _BrokenError(f"{closing!r} is missing at the end", self.offset + self.place)
        self._bodies(script, end=True)
        self._close(script, current, "")
        return script

    def _close(self, script: Script, current: Simple, operator: str) -> Simple:
        """Put away a finished command, if it is one, and begin the next; a line break brings the here-documents."""
        current.operator = operator
        last = script.commands[-1].operator if script.commands else ""
        if operator == "\n":
            self._bodies(script, end=False)
        if current.words or current.assignments or current.redirections:
            script.commands.append(current)
        elif (operator in _JOINING and last != ")") or (not operator and last in _JOINING):
            raise _BrokenError("a command is missing beside an operator", self.offset + max(self.place - 1, 0))
        return Simple()

    def _skip(self) -> bool:
        return self._match(_BLANK) is not None or self._match(_COMMENT) is not None

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.place)
        if found is not None:
            self.place = found.end()
        return found

    def _count(self) -> None:
        self.words += 1
        if self.words > MAX_WORDS:
            raise _BrokenError(f"found more than {MAX_WORDS} words", self.offset + self.place)

    def _piece(self, current: Simple, script: Script, depth: int) -> None:
        """Read one word or one redirection into the current command."""
        self._count()
        ahead = self.text.startswith(("<(", ">("), self.place) or _PLACEHOLDER.match(self.text, self.place)
        redirection = None if ahead else self._match(_REDIRECTION)
        if redirection is None:
            word = self._word(script, depth)
            if not current.words and not word.quoted and word.text == "$":
                return  # the prompt of an example
            if not current.words and _ASSIGNMENT.match(word.text):
                current.assignments.append(word)
            else:
                current.words.append(word)
            return
        while self._match(_BLANK):
            pass
        target = self._word(script, depth)
        operator = redirection[1] + redirection[2]
        current.redirections.append(Redirection(operator, target))
        if redirection[2] in ("<<", "<<-"):
            self.waiting.append((current, len(current.redirections) - 1, redirection[2] == "<<-"))

    def _bodies(self, script: Script, end: bool) -> None:
        """Read the here-documents that wait; at the end of the text none may be left. What a body substitutes is read too."""
        for command, index, tabs in self.waiting:
            target, start, lines = command.redirections[index].target, self.place, list[str]()
            while not end and self.place < len(self.text):
                stop = self.text.find("\n", self.place)
                line = self.text[self.place :] if stop < 0 else self.text[self.place : stop]
                self.place = len(self.text) if stop < 0 else stop + 1
                line = line.lstrip("\t") if tabs else line
                if line == target.text:
                    break
                lines.append(line + "\n")
            else:
                raise _BrokenError(f"the here-document does not end with {target.text!r}", self.offset + min(start, len(self.text)))
            body = "".join(lines)
            command.redirections[index] = Redirection(command.redirections[index].operator, target, body)
            if not target.quoted and ("$(" in body or "`" in body):
                inside = '"' + body.replace('"', '\\"') + '"'
                _Reader(inside, self.offset + start)._word(script, 1)
        self.waiting = []

    def _word(self, script: Script, depth: int) -> Word:
        """Read one word, part by part."""
        start, parts = self.place, _Parts()
        while self.place < len(self.text) and not self._word_ends():
            self._part(parts, script, depth)
        if self.place == start:
            found = self.text[start : start + 1]
            if found == "\x00":
                raise _BrokenError("found a NUL byte, which no argument can hold", self.offset + start)
            raise _BrokenError(f"found {found!r}, expected a word" if found else "a word is missing at the end", self.offset + start)
        raw = self.text[start : self.place] if parts.opaque else ""
        return Word("".join(parts.texts), self.offset + start, parts.quoted, parts.opaque, parts.many, parts.placeholder, raw)

    def _word_ends(self) -> bool:
        here = self.text[self.place]
        if here in "<>":
            return not self.text.startswith(("<(", ">("), self.place) and not _PLACEHOLDER.match(self.text, self.place)
        return here in " \t\r\n\f\v|&;()\x00"

    def _part(self, parts: "_Parts", script: Script, depth: int) -> None:
        here = self.text[self.place]
        if found := self._match(_PLAIN):
            parts.texts.append(found[0])
        elif here == "\\":
            self._escape(parts)
        elif here == "'":
            parts.add_quoted(self._need(_SINGLE, "a single quote is not closed")[1])
        elif here == '"':
            self._double(parts, script, depth)
        elif here in "<>":
            self._blank(parts, script, depth)
        elif found := self._match(_ANSI):
            parts.add_quoted(_UNESCAPE.sub(_unescaped, found[1]))
        else:
            self._expansion(parts, script, depth, many=True)

    def _escape(self, parts: "_Parts") -> None:
        following = self.text[self.place + 1 : self.place + 2]
        if not following or following == "\x00":
            raise _BrokenError("a backslash stands at the end", self.offset + self.place)
        self.place += 2
        if following != "\n":
            parts.add_quoted(following)

    def _blank(self, parts: "_Parts", script: Script, depth: int) -> None:
        """Read a placeholder, or a process substitution."""
        start = self.place
        if found := self._match(_PLACEHOLDER):
            parts.placeholder = parts.placeholder or found[0]
        else:
            self.place += 2
            script.inner.append(self.script(depth + 1, ")"))
        parts.texts.append(self.text[start : self.place])
        parts.opaque = True

    def _double(self, parts: "_Parts", script: Script, depth: int) -> None:
        start = self.place
        self.place += 1
        parts.quoted = True
        while self.place < len(self.text):
            here = self.text[self.place]
            if found := self._match(_WITHIN_DOUBLE):
                parts.texts.append(found[0])
            elif here == '"':
                self.place += 1
                return
            elif here == "\\":
                following = self.text[self.place + 1 : self.place + 2]
                parts.texts.append({"\n": ""}.get(following, following) if following in '"\\$`\n' else here + following)
                self.place += 2
            elif here == "\x00":
                break
            else:
                self._expansion(parts, script, depth, many=False)
        raise _BrokenError("a double quote is not closed", self.offset + start)

    def _expansion(self, parts: "_Parts", script: Script, depth: int, many: bool) -> None:
        """Read `$name`, `${...}`, `$(...)` or backticks; the text stays as written."""
        start = self.place
        self._count()
        if self._match(_NAME) is None:
            if self.text.startswith("$(", start):
                self.place += 2
                script.inner.append(self.script(depth + 1, ")"))
            elif self.text.startswith("`", start):
                found = self._need(_BACKTICK, "a backtick is not closed")
                inner = _Reader(re.sub(r"\\([\\`$])", r"\1", found[1]), self.offset + start + 1)
                script.inner.append(inner.script(depth + 1, ""))
            elif self.text.startswith("${", start):
                raise _BrokenError("'}' is missing at the end", self.offset + start)
            else:  # a lone dollar sign
                self.place += 1
                parts.texts.append("$")
                return
        parts.texts.append(self.text[start : self.place])
        parts.opaque, parts.many = True, parts.many or many

    def _need(self, pattern: re.Pattern[str], otherwise: str) -> re.Match[str]:
        found = self._match(pattern)
        if found is None:
            raise _BrokenError(otherwise, self.offset + self.place)
        return found


class _Parts:
    """What a word is made of so far."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.quoted = self.opaque = self.many = False
        self.placeholder = ""

    def add_quoted(self, text: str) -> None:
        self.texts.append(text)
        self.quoted = True


def _unescaped(match: re.Match[str]) -> str:
    """Return what an escape of $'...' stands for."""
    escape = match[1]
    if escape[0] in "xu" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    if escape[0] in "01234567":
        return chr(int(escape, 8) & 0xFF)
    return _ESCAPED.get(escape, escape if escape in "\\'\"?" else match[0])


def every(script: Script) -> Iterator[Simple]:
    """Yield the simple commands of a script and of everything substituted within it."""
    yield from script.commands
    for inner in script.inner:
        yield from every(inner)
