"""Recorded verdicts of a real API server, where the data is."""

import gzip
import json
from pathlib import Path

import pytest

DATA = Path(__file__).parents[6] / "shared" / "data"


def lines(name):
    """Yield the records of a file of ../shared/data; the test is skipped where it is not."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"../shared/data/{name} is not here")
    with gzip.open(path, "rt") as stream:
        yield from map(json.loads, stream)


@pytest.fixture(scope="session")
def recorded():
    """Every twelfth real document with a verdict: (rejected, message, text)."""
    texts = {record["sha256_16"]: record["text"] for record in lines("manifests.jsonl.gz")}
    verdicts = [record for record in lines("api-server-manifests.jsonl.gz") if record["verdict"] != "environment"]
    return [(one["verdict"] == "rejected", one.get("message", ""), texts[one["sha256_16"]]) for one in verdicts[::12]]


@pytest.fixture(scope="session")
def definitions():
    """The texts of the CustomResourceDefinitions of three projects, by file."""
    found = {}
    for name in ("cert-manager", "prometheus-operator", "gateway-api"):
        path = DATA / "crds" / f"{name}.yaml.gz"
        if not path.exists():
            pytest.skip(f"../shared/data/crds/{name}.yaml.gz is not here")
        found[name] = gzip.decompress(path.read_bytes()).decode()
    return found
