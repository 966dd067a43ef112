"""The parts that values of kubectl's flags and arguments are made of: names, images, keys, paths; free, or only what a request says.

A leaf is a regular expression over characters that a shell takes as they are, so that it may stand bare or within quotes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kubestill.tools.grammar.api import Span

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
_QUALIFIED = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_ARGUMENT = r"[A-Za-z0-9_./:@%+=,~^{}\[\]*?-]+" r"|'[^'\x00-\x1f]*'|\"([^\"\\\x60\x00-\x1f]|\\[\"\\$\x60nt])*\"|<[a-zA-Z][a-zA-Z0-9]*>"
PORT = r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"

# Sources: k8s.io/kubernetes apimachinery validation (names, labels), distribution/reference (images), forms.py of this domain.
FREE: dict[str, str] = {
    "name": r"[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?",  # of what is there: kubectl only asks for it
    "new": _SUBDOMAIN,  # of what is created
    "role": r"[A-Za-z0-9]([-A-Za-z0-9._:]*[A-Za-z0-9])?",  # RBAC: colons as in system:node
    "user": r"[A-Za-z0-9]([-A-Za-z0-9._:@]*[A-Za-z0-9])?",
    "namespace": _LABEL,
    "image": rf"({_HOST}(\.{_HOST})*(:[0-9]{{1,5}})?/)?{_PART}(/{_PART})*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@sha256:[0-9a-f]{{64}})?",
    "key": rf"({_SUBDOMAIN}/)?{_QUALIFIED}",
    "value": _QUALIFIED,
    "variable": r"[A-Za-z_][-._A-Za-z0-9]*",
    "path": r"[A-Za-z0-9_./~@]([A-Za-z0-9_./~@:%+?=-]*[A-Za-z0-9_./~-])?",
    "file": r"[A-Za-z0-9_./~]([A-Za-z0-9_./~@%+=-]*[A-Za-z0-9_./~-])?",  # on this machine: cp tells it from a pod's by the colon
    "port": rf"{PORT}|[a-z]([-a-z0-9]{{0,13}}[a-z0-9])?",  # by number or name
    "host": rf"{_HOST}(\.{_HOST})*",
    "word": r"[A-Za-z0-9_./:@%+~]([A-Za-z0-9_./:@%+=~^-]*[A-Za-z0-9_./:@%+=~^-])?",
    "field": r"[A-Za-z0-9]+",  # of a resource: spec.containers
    "text": r"[A-Za-z0-9_./@%+:{~*]([A-Za-z0-9_./:@%+=~^{}\[\]*?,-]*[A-Za-z0-9_./:@%+=~^{}\[\]*?,-])?",  # any bare word
    "argument": _ARGUMENT,  # after `--`
    "json": r"[^'\x00-\x1f\x7f]*",  # the inside of a patch, within '...'
    "single": r"[^'\x00-\x1f\x7f\u27e8\u27e9]+",  # within '...'
    "double": r'([^"\\$`\x00-\x1f\x7f\u27e8\u27e9]|\\["\\$`n])+',  # within "..."
}
# What a command may name though no request does; the commonest of Kubernetes' own documentation.
DEFAULTS: dict[str, tuple[str, ...]] = {
    "file": (".", "/tmp"),
    "field": ("spec", "status", "metadata", "containers", "template", "selector", "replicas", "ports", "volumes", "resources"),
    "image": ("nginx", "busybox", "alpine", "ubuntu", "debian", "redis", "postgres", "mysql", "httpd", "curlimages/curl"),
    "key": (
        "app",
        "env",
        "environment",
        "tier",
        "version",
        "role",
        "name",
        "kubernetes.io/hostname",
        "node-role.kubernetes.io/control-plane",
    ),
    "name": ("default",),
    "namespace": ("default", "kube-system", "kube-public", "kube-node-lease"),
    "path": (".", "/tmp", "pod.yaml", "deployment.yaml", "service.yaml", "manifest.yaml"),
    "port": ("80", "443", "8080", "8443", "http", "https"),
    "role": ("cluster-admin", "admin", "edit", "view"),
    "text": ("true", "false"),
    "value": ("true", "false"),
    "word": ("true", "false"),
}
_OPEN = frozenset({"argument", "json"})  # programs and documents, which are not copied from a request word by word
POINTER = r"\u27e8([1-9]|[1-3][0-9]|40)\u27e9"  # ⟨1⟩ to ⟨40⟩ (docs/decisions/0007)


@dataclass(frozen=True, slots=True)
class Leaves:
    """A regular expression for each leaf; `places` also lets a blank such as <pod-name>, $POD or POD_NAME stand where a name is unknown."""

    patterns: Mapping[str, str]
    places: bool = False

    @classmethod
    def free(cls, pointers: bool = False, places: bool = False) -> "Leaves":
        """Let every leaf be written freely, and with `pointers` also be a pointer into the request."""
        return cls({name: f"({text}|{POINTER})" if pointers else f"({text})" for name, text in FREE.items()}, places)

    @classmethod
    def grounded(cls, spans: Sequence[Span]) -> "Leaves":
        """Let a leaf say only what the request says, where that fits, or one of the defaults; a leaf that has neither stays free."""
        known = list(dict.fromkeys(part for span in spans for part in _parts_of(span)))
        return cls({name: _one_of(name, text, known) for name, text in FREE.items()})

    def lark(self) -> str:
        """Return the definitions of the terminals that `leaf` and `blank` refer to."""
        lines = [f"LEAF_{name.upper()}: {terminal(pattern)}\n" for name, pattern in self.patterns.items()]
        for name in BLANKS:
            pattern = self.patterns[name]
            spoken = "|[A-Z][A-Z_]*[A-Z]" if name in ("name", "namespace") else ""  # where lower case is no must
            open_pattern = f"({pattern}|{_BLANK}{spoken})" if self.places else pattern
            lines.append(f"BLANK_{name.upper()}: {terminal(open_pattern)}\n")
        return "".join(lines)


BLANKS = ("image", "name", "namespace", "new", "path", "role")
_BLANK = r"<[A-Za-z][-A-Za-z0-9_]*>|\$([A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})"


def leaf(name: str) -> str:
    """Return the mark of a leaf within a pattern: a terminal of the grammar, defined once, whatever a request says."""
    return f"\ue000LEAF_{name.upper()}\ue001" if name in FREE else f"\ue000{name}\ue001"


def blank(name: str) -> str:
    """Return the mark of a leaf that a placeholder may take the place of."""
    assert name in BLANKS
    return f"\ue000BLANK_{name.upper()}\ue001"


def _parts_of(span: Span) -> Iterator[Span]:
    """Yield a span, and what stands in it between `=`, `:`, `/` and `,` where the model writes it in full."""
    yield span
    if span.surface == span.text:
        yield from (Span(part, part) for part in re.split("[=:/,]", span.text) if part and part != span.text)


def _one_of(name: str, text: str, spans: Sequence[Span]) -> str:
    fits = re.compile(f"({text})", re.ASCII)
    said = dict.fromkeys((*(span.surface for span in spans if fits.fullmatch(span.text)), *DEFAULTS.get(name, ())))
    if not said or name in _OPEN:
        return f"({'|'.join((text, *map(literal, said)))})"
    return choice(list(said))


def literal(text: str) -> str:
    """Return the pattern of exactly this text, as both Python's `re` and llguidance read it."""
    return re.sub(r"([^A-Za-z0-9_ /,:;=@%&'\"`~<>!\u27e8\u27e9-])", r"\\\1", text)


def word(pattern: str) -> str:
    """Return a word of the shell: the pattern bare, or in quotes of one kind; a placeholder in quotes would be a name."""
    quoted = pattern.replace("BLANK_", "LEAF_")
    return f"({pattern}|'({quoted})'|\"({quoted})\")"


def listed(pattern: str) -> str:
    """Return one or several of a pattern with commas between."""
    return f"{pattern}(,{pattern})*"


def choice(texts: Sequence[str]) -> str:
    """Return one of these texts."""
    return "(" + "|".join(literal(text) for text in texts) + ")"


def terminal(pattern: str) -> str:
    """Return a pattern as the expression of a Lark terminal: what holds a mark is taken apart, all else stays one regular expression."""
    if "\ue000" not in pattern:
        return "/" + pattern.replace("/", r"\/") + "/"
    alternatives = [""]
    for part, mark in _parts(pattern):
        if part == "|" and not mark:
            alternatives.append("")
        elif part.startswith("\ue000"):
            alternatives[-1] += f" {part[1:-1]}{mark}"
        elif part.startswith("(") and "\ue000" in part:
            alternatives[-1] += f" ({terminal(part[1:-1])}){mark}"
        else:
            alternatives[-1] += f" {terminal(part + mark)}"
    return " |".join(text or ' ""' for text in alternatives).strip()


_QUANTIFIER = re.compile(r"[*+?]|\{[0-9,]+\}")
_ATOM = re.compile(r"\ue000[^\ue001]*\ue001|\[\^?\]?(?:\\.|[^\]\\])*\]|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\.|.", re.DOTALL)


def _parts(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a sequence at the outermost level, each with its quantifier; neighbours without marks are joined."""
    place, plain = 0, ""
    while place < len(pattern):
        atom = _ATOM.match(pattern, place)
        assert atom is not None
        end = _closing(pattern, place) if atom[0] == "(" else atom.end()
        quantifier = _QUANTIFIER.match(pattern, end)
        part, mark = pattern[place:end], quantifier[0] if quantifier else ""
        place = quantifier.end() if quantifier else end
        if part != "|" and "\ue000" not in part:
            plain += part + mark
            continue
        if plain:
            yield plain, ""
            plain = ""
        yield part, mark
    if plain:
        yield plain, ""


def _closing(pattern: str, place: int) -> int:
    """Return where a group that opens at `place` ends."""
    depth = 0
    while True:
        atom = _ATOM.match(pattern, place)
        assert atom is not None
        depth += {"(": 1, ")": -1}.get(atom[0], 0)
        place = atom.end()
        if not depth:
            return place
