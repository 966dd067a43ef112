"""Do the offline checks agree with a real API server? Beside them, the strict schema alone, in the same run.

    python bench/checks_agreement.py [--data ../shared/data] [--misses]

Two figures are told: of the checks alone, and of the checks that know the cluster's namespaces, as after `kubestill schema pull`. Of the
recorded cluster nobody kept the list: the namespaces in which it accepted anything are taken for it.

Reads the recorded verdicts of a 1.36.2 API server (POST, dryRun=All, fieldValidation=Strict) on real manifests and on planted faults.
Of rejected objects it also says whether one of our findings names the field that the server's message names (of a planted fault, which has
no message, the field that the fault names): the same field, one above it or one below it.
"""

import argparse
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kubestill.domains.kubernetes.fullpass import full_pass
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.relations import Member, judge_set
from kubestill.domains.kubernetes.schema import schemas
from kubestill.ground.records import read_records
from kubestill.pipeline.surroundings import commit, hardware

# Where a planted fault lies: the last steps of the field's path, told by the fault's name (`|` parts other places of the same fault).
PLANTED = {
    "removed or wrong apiVersion": "apiVersion",
    "Deployment restartPolicy Never/OnFailure": "restartPolicy",
    "ExternalName Service without externalName": "externalName",
    "HPA minReplicas > maxReplicas": "maxReplicas|minReplicas",
    "Job restartPolicy Always": "restartPolicy",
    "PDB with minAvailable and maxUnavailable": "spec",
    "dockerconfigjson Secret without its key": "data[.dockerconfigjson]",
    "hostNetwork with differing hostPort": "hostPort",
    "nodePort on a ClusterIP Service": "nodePort",
    "privileged with allowPrivilegeEscalation false": "allowPrivilegeEscalation",
    "probe with two handlers": "livenessProbe|readinessProbe|startupProbe|tcpSocket|httpGet|exec",
    "volumeMount names an undefined volume": "volumeMounts.name",
    "duplicate container name": "containers.name",
    "duplicate mountPath": "mountPath",
    "duplicate volume name": "volumes.name",
    "NetworkPolicy policyTypes lower case": "policyTypes",
    "matchExpressions operator lower case": "operator|matchExpressions",
    "protocol lower case (tcp)": "protocol",
    "restartPolicy invented": "restartPolicy",
    "roleRef.kind invented": "roleRef.kind",
    "toleration effect invented": "effect",
    "ConfigMap key with a slash or space": "data|binaryData",
    "Ingress host with scheme or port": "host",
    "PV/hostPath with .. or empty nfs server": "path|server",
    "bad quantity (512MB)": "resources",
    "fieldRef to an unsupported path": "fieldPath",
    "label value with a space or too long": "labels",
    "maxUnavailable percent malformed": "maxUnavailable",
    "name not DNS-1123 (underscore/capital)": "name",
    "port name over 15 characters": "ports.name",
    "PVC without accessModes": "accessModes",
    "empty container image": "image",
    "multi-port Service without port names": "ports.name",
    "probe without a handler": "livenessProbe|readinessProbe|startupProbe",
    "projected/ServiceAccount subject without namespace": "subjects.namespace",
    "HPA maxReplicas 0": "maxReplicas",
    "Service port 0 or >65535": "port",
    "probe periodSeconds negative": "periodSeconds",
    "runAsUser negative": "runAsUser",
    "env value not a string (number)": "value",
    "field at wrong nesting level (containers beside template.spec)": "containers",
    "label value not a string (bool)": "labels",
    "map where a list is due (containers)": "containers",
    "missing container name": "name",
    "unknown field (typo in container field)": "containers",
}
_CAUSE = re.compile(
    r"(?:^|[ \[])([A-Za-z][\w.\[\]/-]*(?:\[[^\]]*\][\w.]*)*): "
    r"(?:Required value|Invalid value|Duplicate value|Forbidden|Not found|Unsupported value|Too long|Too many|Internal error)"
)
_UNKNOWN, _TWICE = re.compile(r'unknown field "([^"]+)"'), re.compile(r'key "([^"]+)" already set')
_WRONG_TYPE = re.compile(r"Go struct field [A-Za-z]+\.(\S+) of type")


class Case(NamedTuple):
    """One object with the server's verdict; `fields` are the paths that its message names, `ends` where a planted fault lies."""

    name: str
    group: str
    rejected: bool
    text: str
    fields: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()


def named(message: str) -> tuple[str, ...]:
    """Return the field paths that a message of the server names; none where it names no field (base64, a quantity)."""
    paths = _CAUSE.findall(message) + _UNKNOWN.findall(message) + _TWICE.findall(message)
    for path in _WRONG_TYPE.findall(message):  # Go's path: embedded types in capitals, no indices
        paths.append(".".join(step for step in path.split(".") if not step[:1].isupper()))
    return tuple(paths)


def steps(path: str) -> list[str]:
    """Cut a path at dots and brackets, keys too, as the server does not always mark them; indices go, since not every message has them."""
    return [part for part in re.split(r"[.\[\]]+", path) if part and not part.isdigit()]


def same_field(ours: str, theirs: str) -> bool:
    """Return whether one path is the other, or lies above or below it; a lone key may stand anywhere."""
    a, b = steps(ours), steps(theirs)
    if len(b) == 1:
        return b[0] in a
    b = ["spec", "template", "metadata", *b[2:]] if b[:2] == ["spec", "template"] and b[2:3] in (["labels"], ["annotations"]) else b
    return bool(a) and a[: len(b)] == b[: len(a)]


def at_the_end(ours: str, end: str) -> bool:
    """Return whether a path ends with the steps of a planted fault's place, or goes on below it, or ends one step above it."""
    a, b = steps(ours), steps(end)
    places = range(len(a) - len(b) + 1)
    below = any(all(x == y for x, y in zip(a[start:], b, strict=False)) for start in places)
    return below or (len(b) > 1 and a[-len(b) + 1 :] == b[:-1])


def judged(data: Path) -> Iterator[Case]:
    """Yield every document with a verdict."""
    texts = {record["sha256_16"]: record["text"] for record in read_records(data / "manifests.jsonl.gz")}
    for record in read_records(data / "api-server-manifests.jsonl.gz"):
        if record["verdict"] in ("accepted", "rejected"):
            rejected = record["verdict"] == "rejected"
            group = f"{record['verdict']} {record.get('reason', '')}".strip()
            yield Case("real", group, rejected, texts[record["sha256_16"]], named(record.get("message", "")))
    with gzip.open(data / "api-server-mutants.jsonl.gz", "rt") as lines:
        for line in lines:
            planted: dict[str, Any] = json.loads(line)
            ends = tuple(filter(None, PLANTED.get(planted["fault"], "").split("|")))
            yield Case("mutants", planted["class"], bool(planted["rejected"]), dump(planted["object"]), (), ends)


def names_the_field(case: Case, paths: Sequence[str]) -> bool | None:
    """Return whether one of our paths is the server's; None where it named none."""
    if case.fields:
        return any(same_field(ours, theirs) for ours in paths for theirs in case.fields)
    return any(at_the_end(ours, end) for ours in paths for end in case.ends) if case.ends else None


def homes(case: Case) -> Iterator[str]:
    """Yield the namespaces that a case's objects name."""
    for manifest in read(case.text).manifests:
        metadata = manifest.object.get("metadata")
        if isinstance(metadata, dict) and isinstance(name := metadata.get("namespace"), str):
            yield name


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--misses", action="store_true", help="print every object where we and the server differ")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    cases = list(judged(options.data))
    namespaces = {name for case in cases if not case.rejected for name in homes(case)}
    for case in cases:
        manifests, verdict = read(case.text).manifests, full_pass(case.text)
        agreed = verdict.passed != case.rejected
        told = judge_set([*map(Member, manifests)], namespaces=namespaces)
        homeless = any(finding.code == "K8S602" for _, finding in told)
        knowing = (verdict.passed and not homeless) != case.rejected
        schema = not manifests or bool(schemas().findings(manifests[0].object))
        side = f"{case.name}.{'rejected' if case.rejected else 'accepted'}"
        agreements = {"all": 1, "checks": agreed, "knowing_namespaces": knowing, "schema": schema == case.rejected}
        counts.update({f"{side}.{key}": agreement for key, agreement in agreements.items()})
        groups[case.name, case.group][0] += 1
        groups[case.name, case.group][1] += agreed
        groups[case.name, case.group][2] += knowing
        paths = [finding.path for finding in verdict.findings if finding.severity == "error"]
        same = names_the_field(case, paths) if case.rejected and agreed else None
        if same is not None:
            counts.update({f"{case.name}.named": 1, f"{case.name}.same_field": same})
        if options.misses and (not agreed or same is False):
            print(f"{'another field' if agreed else 'differs'}: {case.name} {case.group} {case.fields or case.ends}; ours: {paths[:4]}")
    show(counts, groups)


def show(counts: Counter[str], groups: dict[tuple[str, str], list[int]]) -> None:
    """Print the shares, in words and as one line of JSON."""
    for name in ("real", "mutants"):
        for side in ("accepted", "rejected"):
            total, ours, schema = (counts[f"{name}.{side}.{key}"] for key in ("all", "checks", "schema"))
            agreed = f"our checks agree on {ours:,} ({ours / total:.1%}), the schema alone on {schema:,} ({schema / total:.1%})"
            print(f"{name}, {side} by the server: {total:,}; {agreed}")
        told, same = counts[f"{name}.named"], counts[f"{name}.same_field"]
        print(f"{name}, rejected by both where a field is named: {told:,}; the same field in {same:,} ({same / told:.1%})")
    for (name, group), (many, alike, knowing) in sorted(groups.items()):
        print(f"  {name}, {group}: {alike:,} of {many:,} ({alike / many:.1%}); knowing the namespaces {knowing:,}")
    keys = ("all", "checks", "knowing_namespaces")
    many, alike, knowing = (sum(counts[f"mutants.{side}.{key}"] for side in ("accepted", "rejected")) for key in keys)
    print(f"all mutants: {alike:,} of {many:,} ({alike / many:.2%}); knowing the cluster's namespaces {knowing:,} ({knowing / many:.2%})")
    print(json.dumps({"bench": "checks_agreement", **counts, "hardware": hardware(), "commit": commit()}))


if __name__ == "__main__":
    main()
