"""How values are spelled: the regular expressions of scalars and keys, as llguidance's Lark reads them.

A terminal never begins as another one that may stand in its place goes on, since the lexer takes the longest text that any of them fits and
does not look back: so every scalar brings the space before it, every key its colon, and every plain scalar runs to the end of its line.
What must be quoted is what `printing.scalar` quotes; one style, so that nothing is spelled in two ways.
"""

POINTER = "⟨([1-9]|[1-3][0-9]|40)⟩"  # the pointers of tools/chat
_CONTROL = r"\x00-\x1f\x7f-\x9f\u{2028}\u{2029}\u{feff}\u{fffe}\u{ffff}"
# What YAML 1.1 reads as something else than text (printing.py), and what Go's reader makes a number of besides: `1._5`, `-_1`, `0_x1f`.
TYPED = (
    r"(?i:y|n|yes|no|on|off|true|false|null|~|<<|=|\.nan|[-+]?\.inf"
    r"|[-+]?(0_*b[01_]+|0_*o?[0-7_]+|0_*x[0-9a-f_]+|([0-9][0-9_]*)?\.?[0-9][0-9_]*(\.[0-9_]*)?(e[-+]?[0-9]+)?|[0-9][0-9_]*\.)"
    r"|[-+]_[0-9_]*(\.[0-9_]*)?(e[-+]?[0-9]+)?|[-+]?\._[0-9_]*(e[-+]?[0-9]+)?|[0-9][0-9_]*\._[0-9_]*(e[-+]?[0-9]+)?"
    r"|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9]*)?)|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*"
)
SOLID = rf"[^{_CONTROL} :]"  # neither a blank nor a colon
FIRST = rf"([A-Za-z0-9_.\/$(⟨]|-{SOLID})"  # what plain text begins with
WORD = rf"{FIRST}({SOLID}|:+{SOLID})*"  # plain text without blanks
LINE = rf"{FIRST}({SOLID}|:+{SOLID}| +([^{_CONTROL} :#]|:+{SOLID}))*"  # plain text: `#` after a blank would begin a comment
_ESCAPE = r"\\([\"\\\/bfnrt]|u([0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}))"
_LETTER = rf"([^{_CONTROL}\"\\]|{_ESCAPE})"
# What stands between quotation marks because plain it would be something else or nothing at all, or because a pointer hides what it is.
QUOTED = (
    rf"([^{_CONTROL}\"\\A-Za-z0-9_.\/$(⟨\-]{_LETTER}*|{_ESCAPE}{_LETTER}*|-( {_LETTER}*)?|(---|\.\.\.)( {_LETTER}*)?"
    rf"|{_LETTER}*(: | #|⟨|{_ESCAPE}){_LETTER}*"
    rf"|{_LETTER}*[: ]|[0-9*][0-9*\/,\-]*( [A-Za-z0-9_*\/,\-]+){{4}})?"
)
BLOCK_FIRST = rf"[^{_CONTROL} ][^{_CONTROL}]*"  # the first line of a literal block tells its indentation
BLOCK_LINE = rf"[^{_CONTROL}]+"


def terminal(plain: str, quoted: str = "", typed: bool = True) -> str:
    """Return the body of a scalar's terminal: `plain` text unless it is read as something else, which then stands in quotation marks.

    `quoted` is what stands in them besides. With `typed` false the plain form is meant as it is read (a number, a boolean).
    """
    if not typed:
        return f"/ ({plain})/"
    marks = f'"\\"" (/{plain}/ & TYPED) "\\""' + (f' | /"{quoted}"/' if quoted else "")
    return f'" " ((/{plain}/ & ~TYPED) | {marks})'


def up_to(limit: int) -> str:
    """Return the expression of the whole numbers from 0 to `limit`, without leading zeros."""
    digits = str(limit)
    parts = ["0"] if limit else []
    for length in range(1, len(digits)):
        parts.append("[1-9]" + (f"[0-9]{{{length - 1}}}" if length > 1 else ""))
    for place, digit in enumerate(digits):
        low, high = (1 if place == 0 else 0), int(digit) - 1
        rest = len(digits) - place - 1
        if high >= low:
            choice = str(low) if high == low else f"[{low}-{high}]"
            parts.append(digits[:place] + choice + (f"[0-9]{{{rest}}}" if rest else ""))
    parts.append(digits)
    return "|".join(dict.fromkeys(parts))


def between(low: int, high: int) -> str:
    """Return the expression of the whole numbers from `low` to `high`, the bounds simplified so that none in them is refused.

    A lower bound above 1 is left to the checks: nothing is gained by spelling it.
    """
    parts = []
    if high >= 0:
        parts.append(up_to(high) if low <= 0 else "|".join(one for one in up_to(high).split("|") if one != "0"))
    if low < 0:
        most = "|".join(one for one in up_to(-low).split("|") if one != "0")
        parts.append(f"-({most})")
    return "|".join(parts)
