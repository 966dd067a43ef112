"""The terminals of scalars and keys when free text is free: one for each slot that the rules of a kind use."""

from collections.abc import Callable, Sequence

from kubestill.domains.kubernetes.grammars.words import LINE, POINTER, QUOTED, SOLID, TYPED, WORD, between, terminal

_LABEL = r"{letter}(({letter}|-){{0,61}}{letter})?"
_SUBDOMAIN = r"{letter}(({letter}|-)*{letter})?(\.{letter}(({letter}|-)*{letter})?)*"
_VALUE = r"{any}(({any}|[-_.]){{0,61}}{any})?"
_CRON = r"[0-9*][0-9*\/,\-]*( [0-9*\/,\-A-Za-z]+){4}"
_DAY = r"(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
_MOMENT = rf"[0-9]{{4}}-({_DAY})T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,9}})?Z"
_BASE64 = r"([A-Za-z0-9+\/]{4})*([A-Za-z0-9+\/]{2}==|[A-Za-z0-9+\/]{3}=|[A-Za-z0-9+\/]{4})"
_AMOUNT = r"([0-9]{1,18}(\.[0-9]{0,9})?|\.[0-9]{1,9})([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?"


def _letters(pattern: str, pointers: bool) -> str:
    """Return a pattern of names with a pointer wherever a letter may stand."""
    more = f"|{POINTER}" if pointers else ""
    return pattern.format(letter=f"([a-z0-9]{more})", any=f"([A-Za-z0-9]{more})")


def _number(pattern: str, pointers: bool) -> str:
    return terminal(f"{pattern}|{POINTER}" if pointers else pattern, typed=False)


def _quantity(pointers: bool) -> str:
    """A quantity is a number or text: what is no number by itself stands plain, too, a number in quotation marks is as good."""
    plain = f"-?({_AMOUNT}" + (f"|{POINTER}([KMGTPE]i|[numkMGTPE])?" if pointers else "") + ")"
    return f'" " /{plain}/ | " \\"" ((/{plain}/ & TYPED){" | /" + POINTER + "/" if pointers else ""}) "\\""'


def _key(pattern: str) -> str:
    """Return a key with its colon: quoted where it would be something else than text."""
    return f'(((/{pattern}/ & ~TYPED) | "\\"" (/{pattern}/ & TYPED) "\\"") ":")'


_ANY_KEY = rf"([A-Za-z0-9_.\/$(⟨]|-{SOLID})({SOLID}|:+{SOLID}){{0,250}}"  # YAML takes keys of at most 1,024 letters


def number_bounds(slot: str) -> tuple[int, int]:
    """Return the bounds that the name of a slot of whole numbers tells."""
    low, high = (int(bound.replace("M", "-")) for bound in slot.split("_")[1:])
    return low, high


def definition(slot: str, pointers: bool) -> str:
    """Return the body of a slot's terminal."""
    label, value = _letters(_LABEL, pointers), _letters(_VALUE, pointers)
    subdomain = _letters(_SUBDOMAIN, pointers)
    name = rf"{value}|{subdomain}\/{value}"
    cased = r"([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?\/)?" + value
    if slot.startswith("INT_"):
        return _number(between(*number_bounds(slot)), pointers)
    known: dict[str, Callable[[], str]] = {
        "TEXT": lambda: terminal(LINE, QUOTED),
        "ANY": lambda: f'" " (/{LINE}/ & ~/(?i:[-+]?\\.inf|\\.nan|<<)/) | " " /"{QUOTED}"/ | " \\"" (/{LINE}/ & TYPED) "\\""',
        "REFERENCE": lambda: terminal(WORD, QUOTED),
        "NAME": lambda: terminal(subdomain),
        "LABEL": lambda: terminal(label),
        "PORT_NAME": lambda: terminal(_letters(_LABEL.replace("61", "13"), pointers)),
        "LABEL_VALUE": lambda: f'{terminal(value, "⟨[0-9]{1,2}⟩" if pointers else "")} | " \\"\\""',
        "LABEL_KEY_NAME": lambda: terminal(name) + ' | " \\"\\""',
        "BOOLEAN": lambda: '" true" | " false"',
        "NUMBER": lambda: _number(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?", pointers),
        "MODE": lambda: _number(rf"0?[0-7]{{1,3}}|{between(0, 511)}", pointers),
        "QUANTITY": lambda: _quantity(pointers),
        "MOMENT": lambda: f'" " /{_MOMENT}/ | " \\"" /{_MOMENT}/ "\\"" | " null"',
        "CRON": lambda: (
            f'" \\"" /{_CRON}|@[a-z]+{"|" + POINTER if pointers else ""}/ "\\"" | " " /[0-9][0-9*\\/,\\-]*( [0-9*\\/,\\-A-Za-z]+){{4}}/'
        ),
        "BYTES": lambda: (
            f'" " (/[A-Za-z0-9\\/].*/ & /{_BASE64}/ & ~TYPED) | " \\"" (/\\+.*/ & /{_BASE64}/ | /{_BASE64}/ & TYPED) "\\"" | " \\"\\""'
        ),
        "BASE64_LINE": lambda: "/([A-Za-z0-9+\\/]{4})+|([A-Za-z0-9+\\/]{4})*([A-Za-z0-9+\\/]{2}==|[A-Za-z0-9+\\/]{3}=)/",
        "EITHER": lambda: f"{_number(between(-(2**31), 2**31 - 1), pointers)} | {terminal(LINE, QUOTED)}",
        "LABEL_KEY": lambda: _key(name),
        "ANNOTATION_KEY": lambda: _key(cased),
        "DATA_KEY": lambda: _key(rf"[-._A-Za-z0-9{'⟨⟩' if pointers else ''}]{{1,253}}"),
        "RESOURCE": lambda: _key(name),
        "KEY": lambda: f'((/{_ANY_KEY}/ & ~TYPED) | "\\"" (/{_ANY_KEY}/ & TYPED | /{QUOTED}/) "\\"") ":"',
    }
    return known.get(_SAME.get(slot, slot), known["TEXT"])()


# Slots that differ only in what grounded text may say; every other name means any text on one line.
_SAME = {
    **dict.fromkeys(("IMAGE", "HOST", "KEY_NAME", "FIELD_PATH"), "REFERENCE"),
    "PORT": "EITHER",
    "COUNT": "EITHER",
    "LOOSE": "EITHER",
    "OWN_NAMESPACE": "LABEL",
    "NAMESPACE": "REFERENCE",
}


def terminals(slots: Sequence[str], pointers: bool) -> str:
    """Return the definitions of the terminals that the slots need."""
    needs = {"bytes": ("BYTES", "BASE64_LINE"), "any": ("ANY", "KEY")}
    wanted = dict.fromkeys(name for slot in slots for name in needs.get(slot, (slot.upper(),)))
    lines = [f"TYPED: /{TYPED}/"]
    if "any" in slots:
        lines.append('SPACED_KEY: " " KEY')
    lines += [f"{name}: {definition(name, pointers)}" for name in wanted]
    return "\n".join(lines) + "\n"
