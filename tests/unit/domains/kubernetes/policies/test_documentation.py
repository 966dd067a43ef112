"""The Pod Security Standards as the documentation lists them: each restricted field, set to something bad, is found where it is."""

import gzip
import json
import re
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.manifests import Manifest
from kubestill.domains.kubernetes.policies import judge_policy, policy_set

DOCS = Path(__file__).parents[6] / "shared" / "data" / "docs.jsonl.gz"
PAGE = "content/en/docs/concepts/security/pod-security-standards.md"
BAD = {
    "hostPath": {"path": "/a"},
    "hostPort": 80,
    "host": "example.com",
    "add": ["NET_ADMIN"],
    "drop": ["NET_RAW"],
    "procMount": "Unmasked",
    "runAsNonRoot": False,
    "runAsUser": 0,
    **dict.fromkeys(("type", "user", "role", "name"), "Unconfined"),
    **dict.fromkeys(("hostProcess", "hostNetwork", "hostPID", "hostIPC", "privileged", "allowPrivilegeEscalation"), True),
}


@pytest.fixture(scope="module")
def fields():
    """Every field path of the page's two tables, in order."""
    if not DOCS.exists():
        pytest.skip("../shared/data/docs.jsonl.gz is not here")
    with gzip.open(DOCS, "rt") as lines:
        [page] = [record["text"] for record in map(json.loads, lines) if record["path"] == PAGE]
    return list(dict.fromkeys(re.findall(r"<code>(spec\.[\w.\[\]*]+)</code>", page)))


def pod_with(path, value):
    """Return a pod that the level restricted takes, with one field set; a list in the path gets one item."""
    safe = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    pod = {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}}
    pod["containers"] = [{"name": "a", "image": "a:1", "securityContext": safe}]
    role = re.match(r"spec\.(\w+ontainers)\[", path)
    if role:
        pod[role[1]] = json.loads(json.dumps(pod["containers"]))
    holder = pod
    *steps, last = path.removeprefix("spec.").split(".")
    for step in steps:
        name = step.removesuffix("[*]")
        holder = holder.setdefault(name, [{}])[0] if step.endswith("[*]") else holder.setdefault(name, {})
    holder[last] = value
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": pod}


def found(path, value):
    both = policy_set(["pod-security/baseline", "pod-security/restricted"], "1.36")
    verdict = judge_policy(Manifest(pod_with(path, value), 1), both)
    assert "error" not in {result.outcome.value for result in verdict.results}
    return {re.sub(r"(capabilities\.add)\[0\]", r"\1", finding.path) for finding in verdict.findings}


def test_every_restricted_field_of_the_page_is_found_where_it_stands(fields):
    tried = 0
    for path in fields:
        last = path.rpartition(".")[2]
        if re.fullmatch(r"spec\.volumes\[\*\](\.(?!hostPath)\w+)?", path):
            continue
        tried += 1
        assert path.replace("[*]", "[0]") in found(path, BAD[last]), path
    assert tried >= 75


def test_every_volume_that_the_page_allows_is_allowed(fields):
    allowed = [path for path in fields if re.fullmatch(r"spec\.volumes\[\*\]\.(?!hostPath)\w+", path)]
    assert len(allowed) == 8
    for path in allowed:
        assert found(path, {}) == set(), path
