"""Does the offline check of kubectl commands agree with kubectl? Beside it, a list of all flags as a grep would use it, in the same run.

    python bench/kubectl_agreement.py [--data ../shared/data]

Reads kubectl's documented examples, each also with one letter of one flag changed, and what a real kubectl said of a thousand commands
(tests/unit/domains/kubernetes/kubectl/recorded.json: version 1.33.1, while the check knows 1.36).
"""

import argparse
import gzip
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

from kubestill.domains.kubernetes.kubectl.check import check_command
from kubestill.pipeline.surroundings import commit, hardware

RECORDED = Path(__file__).parents[1] / "tests/unit/domains/kubernetes/kubectl/recorded.json"
FLAG = re.compile(r"(?<=\s)--([a-z][a-z-]+)")
Row = tuple[str, bool, str]  # set, whether the command is wrong, text


def rows(data: Path, flags: set[str]) -> Iterator[Row]:
    """Yield documented examples that are one plain kubectl command, their mutants, and the recorded commands."""
    reference = json.loads(gzip.decompress((data / "kubectl-reference.json.gz").read_bytes()))
    for entry in reference["commands"]:
        flags |= {flag["name"] for flag in entry["flags"]}
    flags |= {flag["name"] for flag in reference["inherited_flag_details"]}
    for entry in reference["commands"]:
        own = {flag["name"] for flag in (*entry["flags"], *reference["inherited_flag_details"])}
        for example in entry["examples"]:
            text = example["command"]
            if not text.startswith("kubectl ") or "completion" in text:
                continue  # shell set-up of `kubectl completion`, not commands to judge
            yield "documented", False, text
            for match in FLAG.finditer(text.partition(" -- ")[0]):
                place = match.start(1) + (match.end(1) - match.start(1)) // 2
                letter = "q" if text[place] != "q" else "z"
                mutant = text[:place] + letter + text[place + 1 :]
                if mutant[match.start(1) : match.end(1)] not in own:
                    yield "one letter changed", True, mutant
    for text, verdict, _ in json.loads(RECORDED.read_text("utf-8"))["verdicts"]:
        yield "a real kubectl's word", verdict == "refuses", text


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    flags: set[str] = set()
    counts: dict[str, list[int]] = {}
    started, checked = time.process_time(), 0
    for name, wrong, text in rows(parser.parse_args().data, flags):
        ours = any(finding.severity == "error" for finding in check_command(text).findings)
        listed = any(flag not in flags for flag in FLAG.findall(text.partition(" -- ")[0]))
        found = counts.setdefault(f"{name}, {'wrong' if wrong else 'right'}", [0, 0, 0])
        for place, said in enumerate((True, ours == wrong, listed == wrong)):
            found[place] += said
        checked += 1
    seconds = time.process_time() - started
    for name, (total, ours, listed) in counts.items():
        agreed = f"the check agrees on {ours:,} ({ours / total:.1%}), a list of all flags on {listed:,} ({listed / total:.1%})"
        print(f"{name}: {total:,}; {agreed}")
    print(f"{checked / seconds:,.0f} commands a processor second, reading included")
    figures = {name: {"total": total, "check": ours, "flag_list": listed} for name, (total, ours, listed) in counts.items()}
    told = {"bench": "kubectl_agreement", **figures, "per_second": round(checked / seconds)}
    print(json.dumps({**told, "hardware": hardware(), "commit": commit()}))


if __name__ == "__main__":
    main()
