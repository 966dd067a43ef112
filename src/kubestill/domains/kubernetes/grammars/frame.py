"""What stands around the rules of kinds: lines and their indentation, literal blocks, values of any form, maps with free keys."""

from collections.abc import Iterable, Sequence

from kubestill.domains.kubernetes.grammars.levels import BREAK, INNER_BREAK, NEVER, spread
from kubestill.domains.kubernetes.grammars.options import MAX_DEPTH
from kubestill.domains.kubernetes.grammars.rules import DEEPER, SHALLOW
from kubestill.domains.kubernetes.grammars.words import BLOCK_FIRST, BLOCK_LINE

# A value that the schema leaves open. A scalar and the first key of a map both follow a dash: whichever is longer was meant, as in YAML.
_OPEN: dict[str, list[str]] = {
    "any_v": [
        "ANY",
        f"block::{DEEPER}",
        f"{INNER_BREAK} any_e::{DEEPER} %if {SHALLOW}",
        f"any_s::_ %if {SHALLOW}",
        f"any_w::{DEEPER} %if {SHALLOW}",
        '" {}"',
        '" []"',
    ],
    "any_e": ["KEY any_v::_ any_m::_"],
    "any_m": [f"{BREAK} any_e::_", '""'],
    "any_s": [f"{BREAK} any_i::_", f"any_s::_ {BREAK} any_i::_"],
    "any_w": [f"{BREAK} any_i::_", f"any_w::_ {BREAK} any_i::_"],
    "any_i": [
        '"-" ANY',
        f'"-" block::{DEEPER}',
        f'"-" any_inline::{DEEPER} %if {SHALLOW}',
        f'"-" any_s::{DEEPER} %if {SHALLOW}',
        '"-" " {}"',
        '"-" " []"',
    ],
    "any_inline": ["SPACED_KEY any_v::_ any_m::_"],
    "free_v": [f"{INNER_BREAK} any_e::{DEEPER} %if {SHALLOW}", '" {}"'],
}
_BLOCK_TERMINALS = f"""BLOCK: " |" /[-+]?/
BLOCK_FIRST: /{BLOCK_FIRST}/
BLOCK_LINE: /{BLOCK_LINE}/
"""
OPEN_LEVELS = range(MAX_DEPTH + 2)  # a value of any form may begin on each of them


def frame(slots: Sequence[str], deepest: int, blocks: bool) -> str:
    """Return the rules that the used slots need, down to a level; without `blocks` text stays on its key's line."""
    used, parts = set(slots), [f'NL{level}: "\\n{"  " * level}"' for level in range(64)]
    lines = range(1, min(60, max(deepest, MAX_DEPTH if "any" in used else 0) + 3))
    for slot, block in (("text", "block"), ("argument", "block"), ("loose", "block"), ("bytes", "base64_block")):
        if slot in used:
            parts.append(f"{slot}::_ : {slot.upper()} | {f'{block}::{DEEPER}' if blocks else NEVER}")
    if "any" in used:
        for name, forms in _OPEN.items():
            parts.append(spread(name, [form for form in forms if blocks or "block" not in form], OPEN_LEVELS))
    if blocks and {"text", "argument", "loose", "any", "bytes"} & used:
        parts.append(spread("block", [f"BLOCK {BREAK} BLOCK_FIRST block_rest::_"], lines))
        parts.append(spread("block_rest", ['""', "block_rest::_ NL0", f"block_rest::_ {BREAK} BLOCK_LINE"], lines))
        parts.append(_BLOCK_TERMINALS)
    if blocks and "bytes" in used:
        parts.append(spread("base64_block", [f"BLOCK {BREAK} BASE64_LINE base64_rest::_"], lines))
        parts.append(spread("base64_rest", ['""', f"base64_rest::_ {BREAK} BASE64_LINE"], lines))
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


def open_entries(name: str, key: str, value: str) -> list[str]:
    """Return the entries of a map whose keys are any of their form; that they differ, the guide sees to (repeats.py)."""
    return [f"{key} {value} {name}_m::_"]
