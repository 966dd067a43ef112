"""Where the output of a kubectl command may go: a small closed set of programs that only read, a file, or kubectl again.

Each word is a lexeme of its own: the lexer of llguidance is greedy, so none may go on with the blank that the next begins with.
"""

from kubestill.domains.kubernetes.grammars.kubectl_leaves import leaf, terminal

_QUOTED = r"'[^'\x00-\x1f]+'|\"([^\"\\$\x60\x00-\x1f]|\\[\"\\$\x60.|*+?()\[\]wsdb])+\""
# Program → its options, then what must follow them (at most so many words). No option runs a program or writes a file; tar, which
# the documentation of `kubectl cp` pipes to, unpacks.
_PROGRAMS: dict[str, tuple[str, str, int]] = {
    "base64": (r"-d|--decode|-w ?0", "", 0),
    "cut": (r"-d([,:=/._-]|'[^'\x00-\x1f]')|-[fc][0-9][0-9,-]*", "", 0),
    "grep": (r"-[EFivcwnoqx]+|-[ABC] ?[0-9]{1,3}|--color(=(auto|always|never))?|--line-buffered", "PIPE_PATTERN", 1),
    "head": (r"-n ?-?[0-9]{1,6}|-[0-9]{1,6}|-c ?[0-9]{1,9}", "", 0),
    "jq": (r"-[rcMSCe]+", "PIPE_PATTERN", 1),
    "sed": (r"-[nE]+|-n", "PIPE_SUBSTITUTION", 1),
    "sort": (r"-[nrukhVf]+|-k ?[0-9,nrh]+|-t([,:=/._-]|'[^'\x00-\x1f]')|--reverse|--numeric-sort|--unique", "", 0),
    "tail": (r"-n ?[+-]?[0-9]{1,6}|-[0-9]{1,6}|-f", "", 0),
    "tar": (r"[xt]v?z?f -|-[xt]v?z?f -", "PIPE_FOLDER", 1),
    "tr": (r"-[ds]", "PIPE_PATTERN", 2),
    "uniq": (r"-[cdui]+", "", 0),
    "wc": (r"-[lwcm]", "", 0),
}
_PATTERN = rf"[A-Za-z0-9_./:@%+=^,][A-Za-z0-9_./:@%+=^,-]*|{_QUOTED}"
# sed can run programs and write files: only s/…/…/ is taken (GNU sed, "The s command": flags e and w do harm).
_SUBSTITUTION = r"'s/([^'/\\\x00-\x1f]|\\[^'\x00-\x1f])+/([^'/\\\x00-\x1f]|\\[^'\x00-\x1f])*/g?'"


def pipes() -> str:
    """Return the rule `tail`: what may follow a call. It refers to SP, to `root`, the rule of a call, and to its own terminals."""
    rules, terminals = [], []
    for number, (program, (options, word, count)) in enumerate(_PROGRAMS.items()):
        terminals.append(f"PIPE_OPTION_{number}: {terminal(options)}\n")
        rest = f" (SP {word})" + (f"{{1,{count}}}" if program != "tar" else "?") if word else ""
        rules.append(f'"{program}" (SP PIPE_OPTION_{number})*{rest}' if program != "tar" else f'"tar" SP PIPE_OPTION_{number}{rest}')
    programs = "\n    | ".join(rules)
    text = f'tail: (SP "|" SP piped)* (SP ">" SP PIPE_FILE)?\npiped: {programs}\n    | "kubectl" root::0x0\n'
    words = {"PATTERN": f"({_PATTERN}|{leaf('word')})", "SUBSTITUTION": _SUBSTITUTION, "FOLDER": f"-C {leaf('path')}", "FILE": leaf("path")}
    return text + "".join((*terminals, *(f"PIPE_{name}: {terminal(pattern)}\n" for name, pattern in words.items())))
