"""The tables of facts against the published schema, and the walk against a second way to find the values."""

import copy

import pytest

from kubestill.domains.kubernetes.checks import fields, table
from kubestill.domains.kubernetes.checks.facts import FACTS, POD_SPEC
from kubestill.domains.kubernetes.checks.fields import ROLES
from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.schema import schemas
from kubestill.domains.kubernetes.subject import Subject

KINDS = {}
for _known in schemas().kinds():
    if _known.kind not in KINDS or _known.version in ("v1", "v2"):
        KINDS.setdefault(_known.kind, []).append(_known)


def steps(path):
    return [step for step in path.replace("[]", ".[]").replace("{}", ".{}").split(".") if step]


def known(kind, path):
    """Return whether one version of the kind has the field."""
    names = ["any" if step == "{}" else step for step in path]
    return any(schemas().property(one.api_version, one.kind, names) for one in KINDS[kind])


@pytest.mark.parametrize("kind", sorted(FACTS))
def test_every_path_of_a_kind_is_a_field_of_it(kind):
    assert [path for path, *_ in FACTS[kind] if path and not known(kind, steps(path))] == []


def test_every_path_of_a_pod_is_a_field_of_pods():
    paths = [steps(path) for path, *_ in POD_SPEC]
    whole = [["spec", *(["containers", *path[1:]] if path[0] == "*" else path)] for path in paths]
    assert [path for path in whole if not known("Pod", path)] == []


def values(value, path):
    """Yield every value at a path, the plain way."""
    if not path:
        if value is not None:
            yield value
    elif path[0] in ("[]", "{}"):
        for part in value.values() if isinstance(value, dict) else value or ():
            yield from values(part, path[1:])
    elif isinstance(value, dict):
        for name in ROLES if path[0] == "*" else (path[0],):
            yield from values(value.get(name), path[1:])


def test_the_walk_finds_what_a_plain_search_finds(real_records):
    seen = 0
    for record in real_records:
        for manifest in read(record["text"]).manifests:
            [view] = Subject([manifest]).views
            if view.kind not in fields.Bounds.kinds or schemas().findings(manifest.object):
                continue
            walked = sorted((sort, message) for sort, _, message in fields._found(view))
            rows = [(view.object, row) for row in FACTS.get(view.kind, ())] + [(view.pod.spec, row) for row in POD_SPEC if view.pod]
            plain = [
                (f.sort, said) for top, (path, *found) in rows for one in values(top, steps(path)) for f in found for _, said in f.look(one)
            ]
            seen += 1
            assert walked == sorted(plain)
    assert seen > 100


PODS = [
    ("volumes: [{name: a, emptyDir: {sizeLimit: -1}}]", "K8S240", "spec.volumes[0].emptyDir.sizeLimit"),
    (
        "initContainers: [{name: a, image: a, envFrom: [{secretRef: {name: A_b}}]}]",
        "K8S241",
        "spec.initContainers[0].envFrom[0].secretRef.name",
    ),
    ("tolerations: [{key: a, value: a b}]", "K8S241", "spec.tolerations[0].value"),
    ("overhead: {cpu: -1}", "K8S240", "spec.overhead.cpu"),
    ("securityContext: {sysctls: [{name: a.b, value: '1'}, {name: a.b, value: '2'}]}", "K8S245", "spec.securityContext.sysctls[1].name"),
]


@pytest.mark.parametrize(("text", "code", "path"), PODS, ids=[code + path for _, code, path in PODS])
def test_a_finding_names_the_field_in_the_item(text, code, path):
    base = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers: [{{name: web, image: a}}]\n  {text}\n"
    [finding] = table.load(code).look(Subject(read(base).manifests))
    assert finding.path == path


def test_a_template_is_judged_as_a_pod_is():
    pod = {"containers": [{"name": "a", "image": "a"}], "os": {"name": "plan9"}}
    for kind, outer in (
        ("Pod", ["spec"]),
        ("Deployment", ["spec", "template", "spec"]),
        ("CronJob", ["spec", "jobTemplate", "spec", "template", "spec"]),
    ):
        value = copy.deepcopy(pod)
        for step in reversed(outer):
            value = {step: value}
        manifest = Manifest({"apiVersion": {"Pod": "v1", "Deployment": "apps/v1"}.get(kind, "batch/v1"), "kind": kind, **value}, 1)
        assert [one.path for one in table.load("K8S242").look(Subject([manifest]))] == [".".join([*outer, "os", "name"])]
