"""Thousands of requests made from our own OpenAPI document, most of them wrong: does the API break, or answer what it does not document?

    python bench/serve_fuzz.py [--requests 10000] [--seed 1]

schemathesis draws them (bodies, paths, headers; fitting the document and not), over the app in this process with a service without a model
(tests/support/fake_service.py), so that what is tried is the API alone. Every reply is held against the document: status, media type,
body. The last line is JSON; exit 1 where something was found.
"""

import argparse
import json
import logging
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from unit.serving.http.fuzzing import fuzz


def main() -> None:
    """Ask, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    logging.disable()
    begun = time.monotonic()
    found = fuzz(args.requests, args.seed)
    print(json.dumps({**found, "seconds": round(time.monotonic() - begun, 1)}))
    if found["faults"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
