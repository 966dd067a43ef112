"""An answer is put into a namespace, and nothing else of it changes."""

import pytest
import yaml

from kubestill.domains.kubernetes.kubectl.canonical import canonical
from kubestill.domains.kubernetes.kubectl.check import check_parsed
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.placing import is_namespaced, judge_places, place
from kubestill.domains.kubernetes.schema import schemas

SET = """\
# of the shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web # here
  labels: {app: web}
spec: {}
---
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: a}
rules: []
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: shop}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata:
    name: b
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: c}
"""


def test_only_what_lives_in_a_namespace_and_names_none_is_put_there() -> None:
    placed = place(SET, "team")
    assert placed.put and placed.others == ("ConfigMap/a: shop",)
    lines = placed.text.splitlines()
    assert [line for line in lines if line not in SET.splitlines()] == ["  namespace: team", "    namespace: team"]
    assert len(lines) == len(SET.splitlines()) + 2 and "# of the shop" in placed.text and "# here" in placed.text
    spaces = [one.object["metadata"].get("namespace") for one in read(placed.text).manifests]
    assert spaces == ["team", None, None, "shop", "team", None]
    assert place(placed.text, "team").text == placed.text
    for document, before in zip(yaml.safe_load_all(placed.text), yaml.safe_load_all(SET), strict=True):
        for one, other in ((document, before), *zip(document.get("items", ()), before.get("items", ()), strict=True)):
            if one["kind"] != "List":
                one["metadata"].pop("namespace", None), other["metadata"].pop("namespace", None)
        assert document == before


@pytest.mark.parametrize("text", ["", "Yes: 80.\n", "a: [", "- a\n", "kubectl is a program", "kind: A\nmetadata: b\n", "{{ x }}"])
def test_what_is_no_answer_of_ours_stays(text: str) -> None:
    assert place(text, "team").text == text and not place(text, "team").put
    assert place(SET).text == SET


COMMANDS = {
    "kubectl get pods -o wide": "kubectl --context kind -n team get pods -o wide",
    "kubectl get nodes": "kubectl --context kind get nodes",
    "kubectl get po -A": "kubectl --context kind get po -A",
    "kubectl get po,no": "kubectl --context kind -n team get po,no",
    "kubectl get cm --context x -n y": "kubectl get cm --context x -n y",
    "kubectl logs web -f | grep 'a b'": "kubectl --context kind -n team logs web -f | grep 'a b'",
    "kubectl get po && kubectl delete ns a": "kubectl --context kind -n team get po && kubectl --context kind delete ns a",
    "kubectl create namespace a": "kubectl --context kind create namespace a",
    "kubectl create role a --verb=get --resource=pods": "kubectl --context kind -n team create role a --verb=get --resource=pods",
    "kubectl top node": "kubectl --context kind top node",
    "kubectl auth can-i get pods": "kubectl --context kind -n team auth can-i get pods",
    "kubectl exec web -- kubectl get po": "kubectl --context kind -n team exec web -- kubectl get po",
    "kubectl drain n1": "kubectl --context kind drain n1",
    "kubectl frobnicate": "kubectl frobnicate",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_gets_the_flags_that_make_a_difference(command: str) -> None:
    placed = place(command, "team", "kind")
    assert placed.text == COMMANDS[command] and placed.put is (" -n team" in placed.text)
    if "frobnicate" not in command:
        assert check_parsed(parse(placed.text)).failed_on == ""  # which knows kubectl's own reference
        alike = placed.text.replace(" -n team", "").replace(" --context kind", "")
        assert canonical(alike) == canonical(command)


def test_a_command_keeps_its_namespace_and_odd_names_are_quoted() -> None:
    placed = place("kubectl -n shop delete pod a", "team")
    assert placed.text == "kubectl -n shop delete pod a" and placed.others == ("kubectl delete: shop",) and not placed.put
    assert place("kubectl get po", "", "a b; rm").text == "kubectl --context 'a b; rm' get po"


def test_objects_of_another_namespace_are_found_where_they_stand() -> None:
    ((index, finding),) = judge_places(read(SET).manifests, "team")
    assert (index, finding.code, finding.path, finding.line) == (3, "K8S304", "metadata.namespace", 21)
    assert not judge_places(read(SET).manifests, "shop")


def test_every_kind_that_the_schemas_know_is_known_here() -> None:
    """Both lists come from Kubernetes, each by another way; a kind that only one knows would be taken for one without a namespace."""
    known = [kind for kind in schemas().kinds() if is_namespaced(kind.api_version, kind.kind)]
    assert len(known) > 30 and {"Deployment", "RoleBinding", "Lease"} <= {kind.kind for kind in known}
    assert not {"Node", "Namespace", "ClusterRole", "PersistentVolume"} & {kind.kind for kind in known}
