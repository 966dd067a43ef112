"""What stands around the rules of kinds: lines and their indentation, literal blocks, values of any form, maps with free keys."""

from collections.abc import Iterable, Sequence

from kubestill.domains.kubernetes.grammars.levels import BREAK, INNER_BREAK, NEVER, spread
from kubestill.domains.kubernetes.grammars.options import MAX_DEPTH
from kubestill.domains.kubernetes.grammars.rules import BELOW, DEEPER, SHALLOW
from kubestill.domains.kubernetes.grammars.words import BLOCK_FIRST, BLOCK_LINE

# A value that the schema leaves open. A scalar and the first key of a map both follow a dash: whichever is longer was meant, as in YAML.
_OPEN: dict[str, list[str]] = {
    "any_v": [
        "ANY",
        f"block::{DEEPER}",
        f"{INNER_BREAK}_KEY any_v::{DEEPER} any_m::{DEEPER} %if {SHALLOW}",
        f"any_s::_ %if {SHALLOW}",
        f"any_w::{DEEPER} %if {SHALLOW}",
        '" {}"',
        '" []"',
    ],
    "any_m": [f"{BREAK}_KEY any_v::_ any_m::_", '""'],
    **{
        name: [f"{before}{BREAK}_DASH {item}" for before in ("", f"{name}::_ ") for item in ("any_i::_", f"any_s::{DEEPER} %if {SHALLOW}")]
        for name in ("any_s", "any_w")
    },
    "any_i": [
        "ANY",
        f"block::{DEEPER}",
        f"any_inline::{DEEPER} %if {SHALLOW}",
        '" {}"',
        '" []"',
    ],
    "any_inline": ["SPACED_KEY any_v::_ any_m::_"],
    "free_v": [f"{INNER_BREAK}_KEY any_v::{DEEPER} any_m::{DEEPER} %if {SHALLOW}", '" {}"'],
}
_BLOCK_TERMINALS = f"""BLOCK: " |" /[-+]?/
BLOCK_FIRST: /{BLOCK_FIRST}/
BLOCK_LINE: /{BLOCK_LINE}/
"""
# A key that may begin with a dash, and a list in the same column, part only after the dash: then the line break stands alone.
_DASHED = ("KEY", "DATA_KEY")
_DASHLESS = ("text", "argument", "bytes", "loose", "any_v", "free_v")
OPEN_LEVELS = range(MAX_DEPTH + 2)  # a value of any form may begin on each of them


def frame(slots: Sequence[str], deepest: int, blocks: bool) -> str:
    """Return the rules that the used slots need, down to a level; without `blocks` text stays on its key's line."""
    used, parts = set(slots), ['DASH: "-"', *(f'NL{level}: "\\n{"  " * level}"' for level in range(64))]
    lines = range(1, min(60, max(deepest, MAX_DEPTH if "any" in used else 0) + 3))
    for slot, block in (("text", "block"), ("argument", "block"), ("loose", "block"), ("bytes", "base64_block")):
        if slot in used:
            parts.append(f"{slot}::_ : {slot.upper()} | {f'{block}::{DEEPER}' if blocks else NEVER}")
    if "any" in used:
        for name, forms in _OPEN.items():
            levels = OPEN_LEVELS[1:] if name == "any_m" else OPEN_LEVELS  # the keys of such a map are further in than what holds it
            parts.append(spread(name, [form for form in forms if blocks or "block" not in form], levels))
    if blocks and {"text", "argument", "loose", "any", "bytes"} & used:
        parts.append(spread("block", [f"BLOCK {BREAK}_BLOCK_FIRST block_rest::_"], lines))
        parts.append(spread("block_rest", ['""', "block_rest::_ NL0", f"block_rest::_ {BREAK}_BLOCK_LINE"], lines))
        parts.append(_BLOCK_TERMINALS)
    if blocks and "bytes" in used:
        parts.append(spread("base64_block", [f"BLOCK {BREAK}_BASE64_LINE base64_rest::_"], lines))
        parts.append(spread("base64_rest", ['""', f"base64_rest::_ {BREAK}_BASE64_LINE"], lines))
    return "\n".join(parts) + "\n"


def free_map(name: str, entries: Sequence[str], levels: Iterable[int], condition: str = "") -> str:
    """Return the rules of a map with free keys; `entries` are its forms, each with what follows it, `condition` when one more may come."""
    keys = sorted(levels)
    more = f"{BREAK} {name}_e::_" + (f" %if {condition}" if condition else "")
    outer = [level - 1 for level in keys if level]
    rules = [
        spread(f"{name}_e", entries, keys),
        spread(f"{name}_m", [more, '""'], keys),
        spread(f"{name}_v", [f"{INNER_BREAK} {name}_e::{DEEPER}", '" {}"'], outer),
    ]
    return "\n".join(rules) + "\n"


def open_map(name: str, key: str, value: str, levels: Iterable[int], listed: bool) -> str:
    """Return the rules of a map whose keys are any of their form; that they differ, the guide sees to (repeats.py).

    `listed`: such maps stand in lists, too, where the first key follows a dash.
    """
    keys = sorted(levels)
    inner = value.replace(BELOW, DEEPER)  # the value's level is that of its key
    mark = "_" if key not in _DASHED or value[0].isupper() or value.partition("::")[0] in _DASHLESS else " "
    rules = [
        spread(f"{name}_m", [f"{BREAK}{mark}{key} {value} {name}_m::_", '""'], keys),
        spread(f"{name}_v", [f"{INNER_BREAK}{mark}{key} {inner} {name}_m::{DEEPER}", '" {}"'], [level - 1 for level in keys if level]),
    ]
    if listed:
        rules.append(spread(f"{name}_e", [f"{key} {value} {name}_m::_"], keys))
    return "\n".join(rules) + "\n"
