"""A teacher whose replies are spoiled three times in ten, in 25 ways, and a buyer that is killed a hundred times: is anything lost, bought
twice, overspent or admitted malformed?

    python bench/teacher_faults.py [--questions 5000] [--kills 100] [--share 0.3] [--seed 1]

The server (tests/support/fake_teacher.py) counts by itself what it was asked, by idempotency key, and what that cost; the buyer's ledger
is held against it. Every hundredth question is one to which no reply can be used. A killed run may lose a reply on its way: such a
question is sent once more, and where that is lost, too, it is given up and counted apart; `unknown_again` opens it at the end.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from kubestill.pipeline.surroundings import commit, hardware
from support.fake_teacher import FakeTeacher, buy, buy_and_be_killed, proven

TIGHT = 120  # tokens a question: about half of what the faults make of it


def tight(questions: int, kills: int, share: float, seed: int) -> dict[str, Any]:
    """Buy within a budget that is far too small, killed as often; return it, and what the server says was spent.

    Raises:
        AssertionError: more was spent than the budget allows, or the buyer did not say that it is spent.
    """
    budget = questions * TIGHT
    with tempfile.TemporaryDirectory() as folder, FakeTeacher(share, seed).serving() as server:
        last, killed = buy_and_be_killed(server, Path(folder) / "ledger.sqlite", questions, kills, seed, tokens=budget)
        assert "budget" in last["stopped"], last
        assert server.tokens <= budget, (server.tokens, budget)
        return {"tight budget": budget, "spent of it, by the server": server.tokens, "kills within it": killed}


def main() -> None:
    """Buy, be killed, prove, and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--share", type=float, default=0.3, help="of replies that are spoiled")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, FakeTeacher(args.share, args.seed).serving() as server:
        ledger = Path(folder) / "ledger.sqlite"
        last, killed = buy_and_be_killed(server, ledger, args.questions, args.kills, args.seed)
        if last["stopped"]:
            raise SystemExit(last["stopped"])
        seconds = time.monotonic() - begun
        found = proven(server, ledger, args.questions)
        received = server.received
        second = buy(ledger, server.url, args.questions)
        found |= {"kills": killed, "seconds": round(seconds, 1), "most under way": server.widest}
        found |= {"calls of a second run": second["calls"], "requests at the server in it": server.received - received}
        again = buy(ledger, server.url, args.questions, unknown_again=args.kills)  # who takes the risk of paying more often gets all
        last = proven(server, ledger, args.questions)
        found |= {"answered once unknown ones were asked again": last["answered"], "calls for that": again["calls"]}
    found |= tight(args.questions, args.kills, args.share, args.seed)
    print(json.dumps({"commit": commit(), "hardware": hardware(), **found}, indent=1))


if __name__ == "__main__":
    main()
