"""What `judge_set` says of sets at their edges: namespaces, files, what others make, and what nobody can tell."""

import pytest
import yaml

from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.relations import Member, judge_set, pods


def thing(kind, name="web", api="v1", namespace=None, **fields):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def deployment(name="web", labels=None, ports=(), namespace=None, **spec):
    labels = labels or {"app": name}
    container = {"name": "main", "image": "nginx:1.27", "ports": list(ports)}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], **spec.pop("pod", {})}}
    return thing("Deployment", name, "apps/v1", namespace, spec={"selector": {"matchLabels": labels}, "template": template, **spec})


def service(name="web", selector=None, namespace=None, **port):
    port = {"port": 80, "targetPort": 8080, **port}
    return thing("Service", name, namespace=namespace, spec={"selector": selector or {"app": "web"}, "ports": [port]})


def told(*objects, closed=False, files=None, only=None):
    """Return index, code and path of everything said of some objects."""
    files = files or [""] * len(objects)
    members = [Member(Manifest(value, 1), file=file) for value, file in zip(objects, files, strict=True)]
    found = [(number, finding.code, finding.path) for number, finding in judge_set(members, closed=closed)]
    return [row for row in found if only is None or row[1] == only]


def codes(*objects, **how):
    return {code for _, code, _ in told(*objects, **how)}


USING = {"envFrom": [{"configMapRef": {"name": "conf"}}]}


def pod(container=None, name="web", namespace=None, **spec):
    return thing("Pod", name, namespace=namespace, spec={"containers": [{"name": "a", "image": "a", **(container or {})}], **spec})


def test_a_reference_finds_its_namespace_alone():
    there, elsewhere = thing("ConfigMap", "conf", namespace="a"), thing("ConfigMap", "conf", namespace="b")
    user = pod(USING, namespace="a")
    assert codes(user, there) == set()
    [(number, finding)] = judge_set([Member(Manifest(value, 1)) for value in (user, elsewhere)])
    assert number == 0 and "is in namespace 'b', not in 'a'" in finding.message and finding.severity == "warning"


@pytest.mark.parametrize("namespaces", [("a", None), (None, "a")])
def test_an_object_without_a_namespace_may_end_up_in_any_until_the_set_is_closed(namespaces):
    user, there = pod(USING, namespace=namespaces[0]), thing("ConfigMap", "conf", namespace=namespaces[1])
    assert codes(user, there) == set()
    assert codes(user, there, closed=True) == {"K8S602", "K8S620"}


def test_the_namespace_of_a_member_is_where_its_object_goes():
    user, there = Manifest(pod(USING, namespace="shop"), 1), Manifest(thing("ConfigMap", "conf"), 1)
    assert "K8S620" not in {finding.code for _, finding in judge_set([Member(user), Member(there, "shop")], closed=True)}
    assert "K8S620" in {finding.code for _, finding in judge_set([Member(user), Member(there)], closed=True)}


@pytest.mark.parametrize("name", ["{{ .Values.conf }}", "$(CONF)", "<conf>", "Conf", "", None, 7, [], "kube-root-ca.crt"])
def test_nothing_is_said_of_names_that_a_tool_fills_in_or_the_cluster_brings(name):
    assert codes(pod({"envFrom": [{"configMapRef": {"name": name}}]})) == set()


@pytest.mark.parametrize(
    "maker",
    [
        thing("Certificate", "web", "cert-manager.io/v1", spec={"secretName": "web-tls"}),
        thing("ExternalSecret", "other", "external-secrets.io/v1", spec={"target": {"name": "web-tls"}}),
        thing("SealedSecret", "web-tls", "bitnami.com/v1alpha1", spec={}),
        thing("Kustomization", "x", "kustomize.config.k8s.io/v1beta1", secretGenerator=[{"name": "web-tls"}]),
        thing("Kafka", "web", "kafka.strimzi.io/v1", spec={}),
        thing("Job", "make", "batch/v1", spec={"template": {"spec": {"containers": [{"args": ["create", "--secret-name=web-tls"]}]}}}),
        {
            "kind": "Service",
            "apiVersion": "v1",
            "metadata": {"annotations": {"service.beta.openshift.io/serving-cert-secret-name": "web-tls"}},
        },
    ],
    ids=lambda maker: maker["kind"],
)
def test_what_another_object_may_make_is_not_missed(maker):
    user = pod(volumes=[{"name": "tls", "secret": {"secretName": "web-tls"}}])
    assert "K8S621" in codes(user, thing("ConfigMap", "web-tls"))
    assert "K8S621" not in codes(user, maker) | codes(user, maker, closed=True)


def test_every_place_of_a_pod_that_names_a_config_map_or_secret_is_looked_at():
    refs = {"name": "x", "key": "k"}
    container = {
        "env": [{"name": "A", "valueFrom": {"configMapKeyRef": refs}}, {"name": "B", "valueFrom": {"secretKeyRef": {**refs, "name": "y"}}}],
        "envFrom": [{"configMapRef": {"name": "z"}}, {"secretRef": {"name": "z"}}],
    }
    sources = [{"configMap": {"name": "p"}}, {"secret": {"name": "p"}}, {"secret": {"name": "q", "optional": True}}]
    volumes = [{"configMap": {"name": "v"}}, {"secret": {"secretName": "v"}}, {"projected": {"sources": sources}}]
    user = pod(volumes=volumes, initContainers=[container], imagePullSecrets=[{"name": "pull"}])
    assert {path for _, _, path in told(user)} == {
        "spec.initContainers[0].env[0].valueFrom.configMapKeyRef.name",
        "spec.initContainers[0].env[1].valueFrom.secretKeyRef.name",
        "spec.initContainers[0].envFrom[0].configMapRef.name",
        "spec.initContainers[0].envFrom[1].secretRef.name",
        "spec.volumes[0].configMap.name",
        "spec.volumes[1].secret.secretName",
        "spec.volumes[2].projected.sources[0].configMap.name",
        "spec.volumes[2].projected.sources[1].secret.name",
        "spec.imagePullSecrets[0].name",
    }


def test_one_thing_that_is_missing_is_told_once_for_each_object():
    env = [{"name": str(one), "valueFrom": {"secretKeyRef": {"name": "db", "key": "k"}}} for one in range(9)]
    assert len(told(pod({"env": env}))) == 1 and len(told(pod({"env": env}), pod({"env": env}, "api"))) == 2


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"data": {"a": "1"}}, True),
        ({"binaryData": {"b": ""}, "data": {"a": "1"}}, False),
        ({"stringData": {"b": "1"}}, False),
        ({}, False),  # to be filled in
        ({"data": {"a": "1"}, "type": "kubernetes.io/service-account-token"}, True),
    ],
)
def test_keys_are_looked_for_in_all_that_holds_data(fields, found):
    user = pod({"env": [{"name": "B", "valueFrom": {"secretKeyRef": {"name": "db", "key": "b"}}}]})
    assert ("K8S622" in codes(user, thing("Secret", "db", **fields))) is found


def test_variants_in_other_files_are_not_duplicates_unless_a_kustomization_or_a_closed_set_joins_them():
    pair, files = (thing("ConfigMap"), thing("ConfigMap")), ["dev/a.yaml", "prod/a.yaml"]
    assert codes(*pair) == {"K8S601"} and codes(*pair, files=["a.yaml", "a.yaml"]) == {"K8S601"}
    assert codes(*pair, files=files) == set() and codes(*pair, files=files, closed=True) == {"K8S601"}
    joined = thing("Kustomization", "x", "kustomize.config.k8s.io/v1beta1", resources=["dev/a.yaml", "./prod/a.yaml"])
    assert codes(*pair, joined, files=[*files, "kustomization.yaml"]) == {"K8S601"}


@pytest.mark.parametrize("field", [{"patches": [{"path": "patch.yaml"}]}, {"patchesStrategicMerge": ["../base/patch.yaml"]}])
def test_a_kustomize_patch_is_no_object(field):
    folder = "base" if "patches" in field else "overlay"
    kustomization = thing("Kustomization", "x", "kustomize.config.k8s.io/v1beta1", resources=["web.yaml", "patch.yaml"], **field)
    files = [f"{folder}/kustomization.yaml", "base/web.yaml", "base/patch.yaml"]
    assert codes(kustomization, deployment(), pod(USING), files=files) == set()
    assert codes(kustomization, deployment(), pod(USING), files=["", *files[1:]]) == {"K8S620"}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"selector": {"app": "api"}}, {"K8S605"}),
        ({"selector": {"app": "web", "tier": "front"}}, {"K8S605"}),
        ({"selector": {"statefulset.kubernetes.io/pod-name": "web-0", "app": "web"}}, set()),
        ({"selector": {"app": "api"}, "type": "ExternalName"}, set()),
        ({"selector": {}}, set()),
        ({"selector": {"app": 7}}, set()),
        ({"selector": ["app"]}, set()),
    ],
)
def test_a_service_that_selects_nothing(change, found):
    value = service()
    value["spec"].update(change)
    assert codes(deployment(), value) == found


def test_selecting_nothing_is_told_only_where_the_namespace_has_pods_or_the_set_is_closed():
    lost = service(selector={"app": "api"}, namespace="a")
    assert codes(lost) == set() and codes(lost, closed=True) == {"K8S602", "K8S605"}
    assert codes(lost, deployment(namespace="b")) == set() and codes(lost, deployment(namespace="a")) == {"K8S605"}
    assert codes(lost, deployment("api")) == set()  # it names no namespace, so it may be meant
    assert codes(service(selector={"app": "api"}, namespace="kube-system"), deployment(namespace="kube-system")) == set()


def test_a_search_that_was_cut_short_does_not_say_that_nothing_is_selected(monkeypatch):
    others = [deployment(f"web-{number}") for number in range(4)]
    policy = thing(
        "NetworkPolicy", api="networking.k8s.io/v1", spec={"podSelector": {"matchExpressions": [{"key": "x", "operator": "Exists"}]}}
    )
    assert codes(policy, *others) == {"K8S612"} and codes(policy, *others, deployment(labels={"x": ""})) == set()
    monkeypatch.setattr(pods, "MAX_SCANNED", 3)
    assert codes(policy, *others) == set()


def test_pods_of_custom_resources_are_selected_too_and_what_operators_make_is_not_missed():
    rollout = thing("Rollout", "web", "argoproj.io/v1alpha1", spec={"template": {"metadata": {"labels": {"app": "api"}}}})
    assert codes(deployment(), rollout, service(selector={"app": "api"})) == set()
    cluster = thing("Cluster", "pg", "postgresql.cnpg.io/v1", spec={})
    assert codes(deployment(), cluster, service(selector={"cnpg.io/cluster": "pg"})) == set()
    assert codes(deployment(), cluster, service(selector={"cnpg.io/cluster": "other"})) == {"K8S605"}


NAMED = [{"containerPort": 8080, "name": "http"}]


@pytest.mark.parametrize(
    ("ports", "port", "found"),
    [
        (NAMED, {"targetPort": "http"}, set()),
        (NAMED, {"targetPort": "htpp"}, {"K8S606"}),
        (NAMED, {"targetPort": "http", "protocol": "UDP"}, {"K8S606"}),
        ([{**NAMED[0], "protocol": "UDP"}], {"targetPort": "http", "protocol": "UDP"}, set()),
        ([], {"targetPort": "http"}, {"K8S606"}),
        ([], {"targetPort": "${PORT}"}, set()),
        ([], {"targetPort": 8080}, set()),
        (NAMED, {"targetPort": 8080}, set()),
        (NAMED, {"targetPort": 9090}, {"K8S607"}),
        (NAMED, {"targetPort": None, "port": 8080}, set()),
        (NAMED, {"targetPort": None}, {"K8S607"}),
    ],
)
def test_target_ports(ports, port, found):
    assert codes(deployment(ports=ports), service(**port)) == found


def test_a_sidecar_declares_ports_and_an_init_container_does_not():
    side = {"name": "side", "image": "a", "ports": [{"containerPort": 9090, "name": "metrics"}]}
    plain = deployment(pod={"initContainers": [side]})
    assert codes(plain, service(targetPort="metrics")) == {"K8S606"}
    assert codes(deployment(pod={"initContainers": [{**side, "restartPolicy": "Always"}]}), service(targetPort="metrics")) == set()


def test_one_pod_of_several_that_declares_the_port_is_enough():
    both = deployment(ports=NAMED), deployment("api", {"app": "web", "of": "api"})
    assert "K8S606" not in codes(*both, service(targetPort="http"))


def test_of_two_workloads_that_take_each_others_pods_the_later_is_told_else_the_taker():
    assert told(deployment(), deployment("api", {"app": "web"}), only="K8S603") == [(1, "K8S603", "spec.selector")]
    wide, narrow = deployment(), deployment("api", {"app": "web", "track": "canary"})
    assert told(wide, narrow) == [(0, "K8S603", "spec.selector")] and told(narrow, wide) == [(1, "K8S603", "spec.selector")]
    stable = deployment(labels={"app": "web", "track": "stable"})
    assert told(stable, narrow) == []


def budget(name="web", selector=None, **spec):
    return thing("PodDisruptionBudget", name, "policy/v1", spec={"selector": {"matchLabels": selector or {"app": "web"}}, **spec})


@pytest.mark.parametrize(
    ("replicas", "spec", "found"),
    [
        (None, {"minAvailable": 1}, True),
        (1, {"minAvailable": 1}, True),
        (2, {"minAvailable": 1}, False),
        (3, {"minAvailable": "67%"}, True),  # ceil(2.01): desiredHealthy of the disruption controller
        (3, {"minAvailable": "66%"}, False),
        (3, {"minAvailable": "100%"}, True),
        (3, {"maxUnavailable": 0}, True),
        (3, {"maxUnavailable": "0%"}, True),
        (1, {"maxUnavailable": "1%"}, False),  # rounded up
        (0, {"minAvailable": 1}, False),
        (3, {"minAvailable": "all"}, False),
        (3, {"minAvailable": None}, False),
    ],
)
def test_a_budget_that_never_allows_an_eviction(replicas, spec, found):
    workload = deployment(**({} if replicas is None else {"replicas": replicas}))
    assert ("K8S636" in codes(workload, budget(**spec))) is found


def scaler(**spec):
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return thing("HorizontalPodAutoscaler", "web", "autoscaling/v2", spec={"scaleTargetRef": target, "maxReplicas": 5, **spec})


def test_an_autoscaler_gives_a_budget_room():
    assert "K8S636" not in codes(deployment(), scaler(), budget(minAvailable=1))
    assert "K8S636" in codes(deployment(), scaler(), budget(minAvailable=5))


@pytest.mark.parametrize(
    ("resources", "metric", "found"),
    [
        ({}, None, True),
        ({"requests": {"cpu": 1}}, None, False),
        ({"limits": {"cpu": 1}}, None, False),
        ({"requests": {"cpu": 1}}, {"name": "memory", "target": {"averageUtilization": 50}}, True),
        ({}, {"name": "cpu", "target": {"averageValue": "100m"}}, False),
    ],
)
def test_an_autoscaler_that_goes_by_shares_needs_requests(resources, metric, found):
    workload = deployment()
    workload["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    metrics = {"metrics": [{"type": "Resource", "resource": metric}]} if metric else {}
    assert ("K8S631" in codes(workload, scaler(**metrics))) is found
    limits = thing("LimitRange", spec={"limits": [{"type": "Container", "defaultRequest": {"cpu": "1"}}]})
    assert "K8S631" not in codes(workload, scaler(**metrics), limits)


def test_an_autoscaler_of_the_wrong_group_scales_nothing():
    value = scaler()
    value["spec"]["scaleTargetRef"].pop("apiVersion")
    assert "K8S630" in codes(value, deployment()) and "K8S630" not in codes(scaler(), deployment())


def test_claims_that_a_stateful_set_makes_are_there():
    claims = [{"metadata": {"name": "data"}, "spec": {}}]
    stateful = thing("StatefulSet", "db", "apps/v1", spec={"volumeClaimTemplates": claims})
    user = pod(volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}])
    assert codes(user) == {"K8S624"} and codes(user, stateful) == set()


def test_built_in_roles_and_accounts_of_the_cluster_are_there():
    def binding(kind, name, subject):
        return thing("RoleBinding", "b", "rbac.authorization.k8s.io/v1", roleRef={"kind": kind, "name": name}, subjects=[subject])

    account = {"kind": "ServiceAccount", "name": "web", "namespace": "kube-system"}
    for name in ("view", "cluster-admin", "system:node"):
        assert codes(binding("ClusterRole", name, account)) == set()
    assert codes(binding("Role", "viewer", account)) == {"K8S640"}
    far = {**account, "namespace": "elsewhere"}
    assert codes(binding("ClusterRole", "view", far)) == set() and codes(binding("ClusterRole", "view", far), closed=True) == {"K8S641"}


def test_findings_come_in_the_order_of_the_members_with_the_place_of_what_they_name():
    objects = [pod(USING, "b"), deployment(), service(selector={"app": "x"}), pod(USING, "a")]
    text = "---\n".join(yaml.safe_dump(value, sort_keys=False) for value in objects)
    lines = text.splitlines()
    found = judge_set([Member(manifest) for manifest in read(text).manifests])
    assert [number for number, _ in found] == [0, 2, 3]
    for _, finding in found:
        assert lines[finding.line - 1][finding.column - 1 :].startswith(finding.path.rpartition(".")[2])


def known(*objects, spaces=("shop", "team-*"), closed=False):
    members = [Member(Manifest(value, 1)) for value in objects]
    return [(number, finding) for number, finding in judge_set(members, closed=closed, namespaces=spaces) if finding.code == "K8S602"]


@pytest.mark.parametrize("closed", [False, True])
def test_where_the_namespaces_of_the_cluster_are_known_another_is_an_error_in_any_set(closed):
    for there in ("shop", "team-a", "default", "kube-system"):
        assert not known(pod(namespace=there), closed=closed)
    [(number, finding)] = known(pod(namespace="shop"), pod(namespace="shpo"), closed=closed)
    assert (number, finding.path, finding.severity) == (1, "metadata.namespace", "error") and "did you mean 'shop'" in finding.message
    assert not known(thing("Namespace", "shpo"), pod(namespace="shpo"), closed=closed)


def test_names_near_a_missing_namespace_are_names_and_not_patterns():
    [(_, finding)] = known(pod(namespace="team"), spaces=("team-*", "teams"))
    assert "did you mean 'teams'" in finding.message


def test_a_namespace_that_a_tool_fills_in_or_that_nobody_names_is_not_judged():
    assert not known(pod(namespace="{{ .Release.Namespace }}"), pod())
    assert not known(pod(namespace="elsewhere"), spaces=())
