"""Hostile manifests by name, and what the reader says of each. As a program: time and memory of `kubestill check` on every one.

nice -n 19 python tests/fuzz/hostile.py            prints a table for docs/log
"""

import gzip
import io
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MIB = 2**20
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
JSON = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": %s}}'
SMALL = HEAD + "---\n"


class Hostile(NamedTuple):
    """A text, and the codes that the reader must name for it (none: it is well-formed and judged as any other)."""

    make: Callable[[], bytes]
    codes: frozenset[str] = frozenset()


def _text(text: str, *codes: str) -> Hostile:
    return Hostile(text.encode, frozenset(codes))


def _large(make: Callable[[], str], *codes: str) -> Hostile:
    return Hostile(lambda: make().encode(), frozenset(codes))


def _data(value: str, *codes: str) -> Hostile:
    return _text(f"{HEAD}data:\n  a: {value}\n", *codes)


def _laughs(start: str, step: Callable[[str], str], levels: int = 12) -> str:
    """Return lines that each hold the one before nine times."""
    lines = [f"{HEAD}a0: &a0 {start}"]
    lines += [f"a{level}: &a{level} {step(f'*a{level - 1}')}" for level in range(1, levels)]
    return "\n".join(lines) + "\n"


def _zip() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.yaml", HEAD)
    return held.getvalue()


CASES: dict[str, Hostile] = {
    # bytes that are no text
    "empty file": _text(""),
    "NUL bytes": Hostile(lambda: HEAD.encode() + b"data: {a: \0\0}\n", frozenset({"K8S011"})),
    "nothing but NUL, 10 MiB": Hostile(lambda: bytes(10 * MIB), frozenset({"K8S013"})),
    "invalid UTF-8": Hostile(lambda: HEAD.encode() + b"data: {a: \xff\xfe\x80}\n", frozenset({"K8S011"})),
    "lone surrogates as UTF-8": Hostile(lambda: HEAD.encode() + b"data: {a: \xed\xa0\x80}\n", frozenset({"K8S011"})),
    "lone surrogates as JSON escapes": _text(JSON % '"\\ud800"'),
    "lone surrogates as YAML escapes": _data('"\\ud800"', "K8S010"),
    "a code point above U+10FFFF": _data('"\\UFFFFFFFF"', "K8S010"),
    "a zip file": Hostile(_zip, frozenset({"K8S011"})),
    "a gzip file": Hostile(lambda: gzip.compress(HEAD.encode(), mtime=0), frozenset({"K8S011"})),
    "a Python wheel's worth of bytes": Hostile(lambda: bytes(range(256)) * 4096, frozenset({"K8S011"})),
    "UTF-16 with BOM": Hostile(lambda: HEAD.encode("utf-16"), frozenset({"K8S011"})),
    "a million empty documents": _large(lambda: "---\n" * 1_000_000),
    "UTF-32 with BOM": Hostile(lambda: HEAD.encode("utf-32"), frozenset({"K8S011"})),
    "BOM in the middle": _data("b\ufeffc"),
    "BOM before the second document": _text(f"{SMALL}\ufeff{HEAD}"),
    "control characters": _data("a\x07b", "K8S011"),
    # line ends and blanks
    "CR-only line ends": _text(HEAD.replace("\n", "\r")),
    "CR-only line ends between documents": _text((SMALL + HEAD).replace("\n", "\r")),
    "U+2028, U+2029 and U+0085": _data("b\u2028 c\u2029 d\u0085 e", "K8S010"),
    "tabs for indentation": _text(HEAD.replace("  name", "\tname"), "K8S010"),
    "a million blank lines": _large(lambda: "\n" * 1_000_000),
    "a million lines of comments": _large(lambda: "# x\n" * 1_000_000, "K8S013"),
    # size
    "a 10 MB scalar": _large(lambda: f"{HEAD}data:\n  a: {'x' * 10**7}\n", "K8S013"),
    "a 10 MB scalar within quotes over lines": _large(lambda: HEAD + 'data:\n  a: "' + "x\n    " * 10**6 + '"\n', "K8S013"),
    "a 2 MB scalar": _large(lambda: f"{HEAD}data:\n  a: {'x' * 2_000_000}\n"),
    "a key of 2 MB": _large(lambda: f"{HEAD}data:\n  {'k' * 2_000_000}: x\n", "K8S010"),
    "an explicit key of 2 MB": _large(lambda: f"{HEAD}data:\n  ? {'k' * 2_000_000}\n  : x\n"),
    "a JSON key of 2 MB": _large(lambda: '{"apiVersion": "v1", "kind": "ConfigMap", "data": {"' + "k" * 2_000_000 + '": "x"}}'),
    "a list of 240,000 items": _large(lambda: f"{HEAD}data: [{','.join('1' * 240_000)}]\n"),
    "a mapping of 120,000 keys": _large(lambda: f"{HEAD}data:\n" + "".join(f"  k{n}: x\n" for n in range(120_000))),
    "100,000 equal keys": _large(lambda: f"{HEAD}data:\n" + "  k: x\n" * 100_000, "K8S012"),
    "more values than are read": _large(lambda: f"{HEAD}data: [{','.join('1' * 700_000)}]\n", "K8S013"),
    "a Pod of 30,000 wrong containers": _large(lambda: "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n" + "  - {name: 1}\n" * 30_000),
    "a List of 60,000 items": _large(lambda: "apiVersion: v1\nkind: List\nitems:\n" + "- {a: 1}\n" * 60_000),
    "30,000 documents that are no objects": _large(lambda: "--- x\n" * 30_000, "K8S014", "K8S013"),
    "240,000 tags": _large(lambda: "a: [" + "!!str x," * 240_000 + "]\n"),
    "200,000 anchors": _large(lambda: "a: [" + "".join(f"&a{n} x," for n in range(200_000)) + "]\n"),
    # depth
    "90 deep, block": _large(lambda: HEAD + "".join("  " * n + "a:\n" for n in range(90)) + "  " * 90 + "b: 1\n"),
    "101 deep, block": _large(lambda: HEAD + "".join(" " * n + "a:\n" for n in range(101)) + " " * 101 + "b: 1\n", "K8S013"),
    "100,000 deep, block (lists)": _large(lambda: HEAD + "a:\n" + "- " * 100_000 + "b\n", "K8S013"),
    "1,700 deep, block (mappings)": _large(lambda: "".join(" " * n + "a:\n" for n in range(1_700)), "K8S013"),
    "100,000 deep, block (keys)": _large(lambda: HEAD + "? " * 100_000 + "b\n", "K8S013"),
    "101 deep, flow": _large(lambda: f"{HEAD}data: {'[' * 101}{']' * 101}\n", "K8S013"),
    "100,000 deep, flow": _large(lambda: f"{HEAD}data: {'[' * 100_000}{']' * 100_000}\n", "K8S013"),
    "1,000,000 deep, flow, not closed": _large(lambda: f"{HEAD}data: {'{a: ' * 600_000}\n", "K8S013"),
    "101 deep, JSON": _large(lambda: '{"a":' * 101 + "1" + "}" * 101, "K8S013"),
    "100,000 deep, JSON": _large(lambda: '{"a":' * 100_000 + "1" + "}" * 100_000, "K8S013"),
    "100,000 deep, JSON lists": _large(lambda: '{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "K8S013"),
    # aliases and merge keys
    "billion laughs, lists": _text(_laughs("[x, x]", lambda last: f"[{', '.join([last] * 9)}]"), "K8S013"),
    "billion laughs, mappings": _text(
        _laughs("{x: x}", lambda last: "{" + ", ".join(f"k{n}: {last}" for n in range(9)) + "}"), "K8S013"
    ),
    "billion laughs, text": _text(_laughs("x" * 999, lambda last: f"[{', '.join([last] * 9)}]"), "K8S013"),
    "a long text, 240,000 times by alias": _large(lambda: f"a: &a {'x' * 500_000}\nb: [{','.join(['*a'] * 240_000)}]\n", "K8S013"),
    "a text of 500 KB, 2,000 times by alias": _large(
        lambda: f"{HEAD}data:\n  a: &a {'x' * 500_000}\n" + "".join(f"  k{n}: *a\n" for n in range(2_000)), "K8S013"
    ),
    "merge-key bomb": _text(_laughs("{x: x}", lambda last: f"{{<<: [{', '.join([last] * 9)}]}}"), "K8S013"),
    "a merge of 100,000 wide mappings": _large(
        lambda: "a: &a {" + ", ".join(f"k{n}: 1" for n in range(1000)) + "}\nb: {<<: [" + ", ".join(["*a"] * 100_000) + "]}\n", "K8S013"
    ),
    "an anchor within itself": _data("&a [*a]", "K8S010"),
    "an alias to nothing": _data("*a", "K8S010"),
    "anchors in keys": _text(f"{HEAD}data:\n  &a b: &c d\n  *a : *c\n", "K8S012"),
    "a mapping as a key by alias": _text(f"{HEAD}a: &a {{b: c}}\ndata:\n  *a : d\n", "K8S015"),
    "a merge of a text": _text(f"{HEAD}data:\n  <<: x\n", "K8S010"),
    # scalars
    "1e999999": _data("1e999999"),
    "1e999999999999999999999": _data("1e" + "9" * 21),
    "-1e999999 as JSON": _text(JSON % "-1e999999", "K8S015"),
    "an integer of a million digits": _large(lambda: f"{HEAD}data:\n  a: {'9' * 1_000_000}\n"),
    "an integer of a million digits, JSON": _large(lambda: JSON % ("9" * 1_000_000), "K8S015"),
    "a hexadecimal of a million digits": _large(lambda: f"{HEAD}data:\n  a: 0x{'f' * 1_000_000}\n"),
    "a float of a million digits": _large(lambda: f"{HEAD}data:\n  a: 0.{'3' * 1_000_000}\n"),
    "a million underscores": _large(lambda: f"{HEAD}data:\n  a: 1{'_' * 1_000_000}\n"),
    "infinity and NaN": _data(".inf", "K8S015"),
    "NaN as JSON": _text(JSON % "NaN"),
    "timestamps": _text(f"{HEAD}data:\n  a: 2001-12-14t21:59:43.10-05:00\n  b: 2002-12-14\n  c: 9999999-99-99\n  d: 190:20:30\n"),
    "!!python/object": _data("!!python/object/apply:os.system [echo hacked]"),
    "!!python/name": _data("!!python/name:os.system ''"),
    "!!timestamp, !!set, !!omap and !!pairs": _text(f"{HEAD}a: !!timestamp 2001\nb: !!set {{x}}\nc: !!omap [x: 1]\nd: !!pairs [x: 1]\n"),
    "!!binary that is none": _data("!!binary '*'", "K8S015"),
    "!!binary of letters beyond ASCII": _data("!!binary \u00e9", "K8S015"),
    "!!binary of a megabyte": _large(lambda: f"{HEAD}data:\n  a: !!binary {'QUJD' * 250_000}\n"),
    "!!int of a million digits": _large(lambda: f"{HEAD}data:\n  a: !!int {'9' * 1_000_000}\n", "K8S015"),
    "a tag of 1 MB": _large(lambda: f"{HEAD}data:\n  a: !{'t' * 1_000_000} x\n"),
    "a tag that is not closed": _data("!<tag x", "K8S010"),
    # marks of YAML
    "a list as a key": _text(f"{HEAD}data:\n  ? [a, b]\n  : c\n", "K8S015"),
    "? without a value": _text(f"{HEAD}data:\n  ? a\n  ? b\n"),
    "%YAML 1.1 and %TAG": _text(f"%YAML 1.1\n%TAG ! tag:example.com,2000:\n---\n{HEAD}"),
    "%YAML 9.9": _text(f"%YAML 9.9\n---\n{HEAD}", "K8S010"),
    "a directive twice": _text(f"%YAML 1.1\n%YAML 1.1\n---\n{HEAD}", "K8S010"),
    "document end marks": _text(f"{HEAD}...\n---\n{HEAD}...\n...\n"),
    "two documents with an end mark alone between": _text(f"{HEAD}...\n{HEAD}", "K8S010"),
    "a separator within a block scalar": _text(f"{HEAD}data:\n  a: |\n    ---\n    x\n"),
    "a separator at the margin of a block scalar": _text(f"{HEAD}data:\n  a: |\n---\nx\n", "K8S014"),
    "a quote that is never closed": _data("'x", "K8S010"),
    "a bracket that is never closed": _data("[x", "K8S010"),
    "prose": _text("Dear all,\nhere it is.\n", "K8S014"),
}  # fmt: skip


class Measured(NamedTuple):
    """What one run of the program cost: exit status (or "timeout"), seconds by the clock and of processors, peak resident MiB.

    `told` is the last line on stderr, `findings` the first line on stdout that tells of a document.
    """

    status: str
    seconds: float
    cpu_seconds: float
    mebibytes: float
    told: str
    findings: str


# The child reports its own peak, as Linux counts it for the program alone: what getrusage tells includes the parent's at the fork.
_CHILD = """
import sys
from pathlib import Path
from kubestill.cli.main import answer
try:
    code = answer(sys.argv[1:])
finally:
    peak = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(*peak, file=sys.stderr)
sys.exit(code)
"""


def measure(*arguments: str, timeout_seconds: float = 120) -> Measured:
    """Run `kubestill check` on arguments in a process of its own."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", _CHILD, "check", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return Measured("timeout", time.perf_counter() - began, 0.0, 0.0, "", "")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.perf_counter() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    *told, peak = done.stderr.strip().splitlines() or [""]
    found = next((line for line in done.stdout.splitlines() if " error " in line or " skip " in line or " pass " in line), "")
    if not peak.isdigit():  # a traceback
        return Measured(f"traceback ({done.returncode})", *seconds, 0.0, peak, found)
    return Measured(str(done.returncode), *seconds, int(peak) / 1024, told[-1] if told else "", found)


def main(folder: Path) -> None:
    """Write every case into `folder`, check it, and print a row for each."""
    print("| case | bytes | exit | seconds | CPU seconds | peak MiB | told |\n|---|---|---|---|---|---|---|")
    for number, (name, case) in enumerate(CASES.items()):
        file = folder / f"{number}.yaml"
        file.write_bytes(case.make())
        seen = measure(str(file))
        finding = seen.findings.replace(str(file), "").replace("|", "\\|")[:110]
        cost = f"{seen.seconds:.2f} | {seen.cpu_seconds:.2f} | {seen.mebibytes:.0f}"
        print(f"| {name} | {file.stat().st_size:,} | {seen.status} | {cost} | {finding} |", flush=True)
        file.unlink()


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        main(Path(name))
