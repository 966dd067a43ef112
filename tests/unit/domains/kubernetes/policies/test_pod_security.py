"""The Pod Security Standards in the manner of upstream's own fixtures: the least pod that a level takes, with one thing changed.

The table below was written from k8s.io/pod-security-admission/test/fixtures_*.go (read at several commits; where a fixture
stands at a commit of a pull request only, the release it was merged for is told). Upstream's expectation is the reason that
the server gives; here it is the codes that stand for it.
"""

import copy

import pytest

from kubestill.domains.kubernetes.manifests import Manifest
from kubestill.domains.kubernetes.policies import NEWEST_MINOR, Level, judge_policy, pod_security_level, policy_set
from kubestill.domains.kubernetes.policies.table import CHECKS, load, policies
from kubestill.domains.kubernetes.schema import versions
from kubestill.domains.kubernetes.subject import POD_TEMPLATES, Subject

BASELINE, RESTRICTED = Level.BASELINE, Level.RESTRICTED
MAIN, INIT = "containers.0", "initContainers.0"  # upstream's pods have one of each
GONE = object()


def least_pod(level, minor):
    """Return the smallest pod that a level takes in a release (fixtures.go, minimalValidPods)."""
    own, whole = {}, {}
    if level is RESTRICTED:
        whole["runAsNonRoot"] = True
        if minor >= 8:
            own["allowPrivilegeEscalation"] = False
        if minor >= 19:
            whole["seccompProfile"] = {"type": "RuntimeDefault"}
        if minor >= 22:
            own["capabilities"] = {"drop": ["ALL"]}
    containers = {
        role: [{"name": name, "image": "registry.k8s.io/pause", "securityContext": copy.deepcopy(own)}]
        for role, name in (("initContainers", "initcontainer1"), ("containers", "container1"))
    }
    metadata = {"name": "p", "annotations": {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**containers, "securityContext": whole}}


def tweaked(pod, changes):
    """Return a copy with fields of the spec set ("containers.0.ports") or taken away; "annotations/KEY" sets an annotation."""
    pod = copy.deepcopy(pod)
    for path, value in changes.items():
        if path.startswith("annotations/"):
            pod["metadata"]["annotations"][path.partition("/")[2]] = value
            continue
        *steps, last = path.split(".")
        holder = pod["spec"]
        for step in steps:
            holder = holder[int(step)] if isinstance(holder, list) else holder.setdefault(step, {})
        if value is GONE:
            holder.pop(last, None)
        else:
            holder[last] = copy.deepcopy(value)
    return pod


def everywhere(path, value):
    return {f"{MAIN}.{path}": value, f"{INIT}.{path}": value}


def ports(number, host=None):
    return [{"containerPort": number} if host is None else {"containerPort": number, "hostPort": host}]


def sysctls(*names):
    return {"securityContext.sysctls": [{"name": name, "value": "1"} for name in names]}


def volume(source, value):
    return {"volumes": [{"name": "volume1", source: value}]}


CONTEXT, ADD, DROP = "securityContext", "securityContext.capabilities.add", "securityContext.capabilities.drop"
NON_ROOT, USER = "securityContext.runAsNonRoot", "securityContext.runAsUser"
SECCOMP, ARMOR, SELINUX = "securityContext.seccompProfile", "securityContext.appArmorProfile", "securityContext.seLinuxOptions"
WINDOWS, ESCALATION = "securityContext.windowsOptions", "securityContext.allowPrivilegeEscalation"
DEFAULT, LOCAL = {"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "testing"}
UNCONFINED, UNMASKED = {"type": "Unconfined"}, everywhere("securityContext.procMount", "Unmasked")
ARMOR_KEY = "annotations/container.apparmor.security.beta.kubernetes.io/"
SECCOMP_KEY, SECCOMP_POD = (
    "annotations/container.seccomp.security.alpha.kubernetes.io/",
    "annotations/seccomp.security.alpha.kubernetes.io/pod",
)
DEFAULT_CAPABILITIES = (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT".split()
)
NO_SECCOMP = {SECCOMP: GONE}
FIVE = (
    "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies net.ipv4.ping_group_range"
    " net.ipv4.ip_unprivileged_port_start"
).split()
KEEPALIVE = (
    "net.ipv4.ip_local_reserved_ports net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout"
    " net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes"
).split()
OLD_VOLUMES = {
    "gcePersistentDisk": {"pdName": "test"},
    "awsElasticBlockStore": {"volumeID": "test"},
    "gitRepo": {"repository": "github.com/kubernetes/kubernetes"},
    "nfs": {"server": "test", "path": "/test"},
    "iscsi": {"targetPortal": "test", "iqn": "iqn.2001-04.com.example:storage.kube.sys1.xyz", "lun": 0},
    "glusterfs": {"path": "test", "endpoints": "test"},
    "rbd": {"monitors": ["test"], "image": "test"},
    "flexVolume": {"driver": "test"},
    "cinder": {"volumeID": "test"},
    "cephfs": {"monitors": ["test"]},
    "flocker": {"datasetName": "test"},
    "fc": {"wwids": ["test"]},
    "azureFile": {"secretName": "test", "shareName": "test"},
    "vsphereVolume": {"volumePath": "test"},
    "quobyte": {"registry": "localhost:1234", "volume": "test"},
    "azureDisk": {"diskName": "test", "diskURI": "https://test.blob.core.windows.net/test/test.vhd"},
    "portworxVolume": {"volumeID": "test", "fsType": "ext4"},
    "scaleIO": {"volumeName": "test", "gateway": "localhost", "system": "test", "secretRef": {"name": "test"}},
    "storageos": {"volumeName": "test"},
    "hostPath": {"path": "/dev/null"},
}
GOOD_VOLUMES = [
    {"name": "volume0"},  # becomes an emptyDir
    {"name": "volume1", "emptyDir": {}},
    {"name": "volume2", "secret": {"secretName": "test"}},
    {"name": "volume3", "persistentVolumeClaim": {"claimName": "test"}},
    {"name": "volume4", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    {"name": "volume5", "configMap": {"name": "test"}},
    {"name": "volume6", "projected": {"sources": []}},
    {"name": "volume7", "csi": {"driver": "inline.storage.kubernetes.io"}},
    {"name": "volume8", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
]
LIVE, READY, START = "containers.0.livenessProbe", "containers.0.readinessProbe", "containers.0.lifecycle.postStart"

# check of upstream, level, first and last minor, codes that stand for it, what passes, what fails.
FIXTURES = [
    (
        "allowPrivilegeEscalation",
        RESTRICTED,
        (8, 99),
        {"K8S522"},
        [{}, {"os": {"name": "linux"}}],
        [{f"{MAIN}.{ESCALATION}": True}, {f"{INIT}.{ESCALATION}": True}, {f"{MAIN}.{ESCALATION}": GONE}, {f"{MAIN}.{CONTEXT}": GONE}],
    ),
    (
        "allowPrivilegeEscalation, Windows",
        RESTRICTED,
        (25, 99),
        {"K8S522"},
        [{"os": {"name": "windows"}, **everywhere(ESCALATION, GONE), **everywhere("securityContext.capabilities", GONE), **NO_SECCOMP}],
        [],
    ),
    (
        "allowPrivilegeEscalation, Windows before",
        RESTRICTED,
        (22, 24),
        {"K8S522", "K8S525", "K8S526"},
        [],
        [
            {"os": {"name": "windows"}, **everywhere(ESCALATION, GONE)},
            {"os": {"name": "windows"}, **NO_SECCOMP},
            {"os": {"name": "windows"}, **everywhere("securityContext.capabilities", GONE)},
        ],
    ),
    (
        "appArmorProfile",
        BASELINE,
        (0, 99),
        {"K8S508"},
        [
            {f"{ARMOR_KEY}container1": "runtime/default", f"{ARMOR_KEY}initcontainer1": "localhost/foo"},
            {ARMOR: DEFAULT, f"{MAIN}.{ARMOR}": LOCAL},
            {f"{ARMOR_KEY}a": "", f"{ARMOR_KEY}c": "localhost/"},  # check_appArmorProfile_test.go
        ],
        [
            {f"{ARMOR_KEY}container1": "unconfined"},
            {f"{ARMOR_KEY}initcontainer1": "unconfined"},
            {f"{ARMOR_KEY}": "bogus"},
            {f"{ARMOR_KEY}f": "unknown"},
            {ARMOR: UNCONFINED},
            {ARMOR: DEFAULT, f"{MAIN}.{ARMOR}": UNCONFINED},
            {ARMOR: DEFAULT, f"{INIT}.{ARMOR}": UNCONFINED},
        ],
    ),
    (
        "capabilities_baseline",
        BASELINE,
        (0, 99),
        {"K8S504", "K8S526"},
        [],
        [{f"{MAIN}.{ADD}": ["NET_RAW"]}, {f"{INIT}.{ADD}": ["NET_RAW"]}, {f"{MAIN}.{ADD}": ["chown"]}, {f"{MAIN}.{ADD}": ["CAP_CHOWN"]}],
    ),
    (
        "capabilities_restricted",
        RESTRICTED,
        (22, 99),
        {"K8S526"},
        [everywhere(ADD, ["NET_BIND_SERVICE"])],
        [
            {f"{MAIN}.{DROP}": []},
            {f"{INIT}.{DROP}": []},
            everywhere(DROP, ["SYS_TIME", "SYS_ADMIN", *DEFAULT_CAPABILITIES]),
            everywhere(DROP, ["all"]),
            everywhere(ADD, DEFAULT_CAPABILITIES),
        ],
    ),
    ("hostNamespaces", BASELINE, (0, 99), {"K8S502"}, [{}], [{"hostIPC": True}, {"hostNetwork": True}, {"hostPID": True}]),
    (
        "hostPathVolumes",
        BASELINE,
        (0, 99),
        {"K8S505", "K8S521"},
        [{}],
        [
            {"volumes": [{"name": "volume-emptydir", "emptyDir": {}}, {"name": "volume-hostpath", "hostPath": {"path": "/a"}}]},
            {"volumes": [{"name": "a", "hostPath": {"path": "/a"}}, {"name": "b", "hostPath": {"path": "/b"}}]},
        ],
    ),
    (
        "hostPorts",
        BASELINE,
        (0, 99),
        {"K8S506"},
        [{f"{MAIN}.ports": ports(12345), f"{INIT}.ports": ports(12346)}],
        [
            {f"{MAIN}.ports": ports(12345, 12345)},
            {f"{INIT}.ports": ports(12346, 12346)},
            {f"{MAIN}.ports": ports(12345, 12345) + ports(12347), f"{INIT}.ports": ports(12346, 12346) + ports(12348)},
        ],
    ),
    (
        "hostProbesAndHostLifecycle",
        BASELINE,
        (34, 99),
        {"K8S507"},
        [{}, {f"{LIVE}.httpGet": {"port": 8080}}, {f"{READY}.tcpSocket": {"port": 8080}}],
        [
            {f"{LIVE}.httpGet": {"host": "bad.host", "port": 8080}},
            {f"{INIT}.restartPolicy": "Always", f"{INIT}.readinessProbe.tcpSocket": {"host": "8.8.8.8", "port": 8080}},
            {f"{START}.httpGet": {"host": "bad.host", "port": 8080}},
            {f"{LIVE}.httpGet": {"host": "127.0.0.1", "port": 8080}},
            {f"{READY}.tcpSocket": {"host": "::1", "port": 8080}},
        ],
    ),
    ("hostProbesAndHostLifecycle before", BASELINE, (0, 33), set(), [{f"{LIVE}.httpGet": {"host": "bad.host", "port": 8080}}], []),
    (
        "privileged",
        BASELINE,
        (0, 99),
        {"K8S503"},
        [everywhere("securityContext.privileged", False)],
        [
            {f"{MAIN}.securityContext.privileged": True, f"{MAIN}.{ESCALATION}": GONE},
            {f"{INIT}.securityContext.privileged": True, f"{INIT}.{ESCALATION}": GONE},
        ],
    ),
    (
        "procMount",
        BASELINE,
        (0, 99),
        {"K8S510", "K8S527"},
        [{**everywhere("securityContext.procMount", "Default"), "hostUsers": False}],
        [
            {f"{MAIN}.securityContext.procMount": "Unmasked", "hostUsers": True},
            {f"{INIT}.securityContext.procMount": "Unmasked", "hostUsers": True},
            {f"{MAIN}.securityContext.procMount": "other"},
        ],
    ),
    ("procMount in a user namespace, before", BASELINE, (0, 34), {"K8S510"}, [], [{**UNMASKED, "hostUsers": False}]),
    ("procMount_restricted", RESTRICTED, (35, 99), {"K8S527"}, [{"hostUsers": False}], [{**UNMASKED, "hostUsers": False}]),
    (
        "restrictedVolumes",
        RESTRICTED,
        (0, 99),
        {"K8S521"},
        [{"volumes": GOOD_VOLUMES}],
        [volume(source, value) for source, value in OLD_VOLUMES.items()],
    ),
    ("restrictedVolumes, image", RESTRICTED, (33, 99), {"K8S521"}, [volume("image", {"reference": "example.com/a:1"})], []),  # PR 130394
    ("restrictedVolumes, image before", RESTRICTED, (0, 32), {"K8S521"}, [], [volume("image", {"reference": "example.com/a:1"})]),
    (
        "runAsNonRoot",
        RESTRICTED,
        (0, 99),
        {"K8S523"},
        [{NON_ROOT: True}, {NON_ROOT: GONE, **everywhere(NON_ROOT, True)}],
        [
            {NON_ROOT: GONE},
            {NON_ROOT: False},
            {f"{MAIN}.{NON_ROOT}": False},
            {f"{INIT}.{NON_ROOT}": False},
            {NON_ROOT: False, **everywhere(NON_ROOT, True)},
        ],
    ),
    ("runAsNonRoot in a user namespace", RESTRICTED, (35, 99), set(), [{NON_ROOT: GONE, "hostUsers": False}], []),
    ("runAsNonRoot in a user namespace, before", RESTRICTED, (0, 34), {"K8S523"}, [], [{NON_ROOT: GONE, "hostUsers": False}]),
    (
        "runAsUser",
        RESTRICTED,
        (23, 99),
        {"K8S524"},
        [{USER: 1000, **everywhere(USER, 1000)}, {}],
        [{USER: 0}, {f"{MAIN}.{USER}": 0}, {f"{INIT}.{USER}": 0}],
    ),
    ("runAsUser before", RESTRICTED, (0, 22), set(), [{USER: 0}], []),
    ("runAsUser in a user namespace", RESTRICTED, (35, 99), set(), [{USER: 0, "hostUsers": False}], []),
    ("runAsUser in a user namespace, before", RESTRICTED, (23, 34), {"K8S524"}, [], [{USER: 0, "hostUsers": False}]),
    (
        "seLinuxOptions",
        BASELINE,
        (0, 99),
        {"K8S509"},
        [
            {f"{INIT}.{SELINUX}": {}},
            {
                SELINUX: {"type": "container_t", "level": ""},
                f"{MAIN}.{SELINUX}": {"type": "container_init_t", "level": "somevalue"},
                f"{INIT}.{SELINUX}": {"type": "container_kvm_t"},
            },
        ],
        [
            {SELINUX: {"type": "somevalue"}},
            {f"{MAIN}.{SELINUX}": {"type": "somevalue"}},
            {f"{INIT}.{SELINUX}": {"type": "somevalue"}},
            {SELINUX: {"user": "somevalue"}},
            {SELINUX: {"role": "somevalue"}},
        ],
    ),
    ("seLinuxOptions, 1.31", BASELINE, (31, 99), set(), [{SELINUX: {"type": "container_engine_t"}}], []),
    ("seLinuxOptions, before", BASELINE, (0, 30), {"K8S509"}, [], [{SELINUX: {"type": "container_engine_t"}}]),
    (
        "seccompProfile_baseline, annotations",
        BASELINE,
        (0, 18),
        {"K8S511"},
        [{SECCOMP_POD: "runtime/default", f"{SECCOMP_KEY}container1": "localhost/testing"}],
        [{SECCOMP_POD: "unconfined"}, {f"{SECCOMP_KEY}container1": "unconfined"}, {f"{SECCOMP_KEY}initcontainer1": "unknown"}],
    ),
    (
        "seccompProfile_baseline",
        BASELINE,
        (19, 99),
        {"K8S511", "K8S525"},
        [{SECCOMP: DEFAULT, f"{MAIN}.{SECCOMP}": LOCAL}, {SECCOMP_POD: "unconfined"}],
        [{SECCOMP: UNCONFINED}, {f"{MAIN}.{SECCOMP}": UNCONFINED}, {f"{INIT}.{SECCOMP}": UNCONFINED}],
    ),
    (
        "seccompProfile_restricted",
        RESTRICTED,
        (19, 99),
        {"K8S525"},
        [{SECCOMP: DEFAULT}, {SECCOMP: LOCAL}, {**NO_SECCOMP, f"{MAIN}.{SECCOMP}": DEFAULT, f"{INIT}.{SECCOMP}": LOCAL}],
        [
            NO_SECCOMP,
            {SECCOMP: UNCONFINED},
            {**NO_SECCOMP, f"{MAIN}.{SECCOMP}": DEFAULT},
            {**NO_SECCOMP, f"{INIT}.{SECCOMP}": DEFAULT},
            {**NO_SECCOMP, f"{MAIN}.{SECCOMP}": DEFAULT, f"{INIT}.{SECCOMP}": UNCONFINED},
        ],
    ),
    ("sysctls", BASELINE, (0, 99), {"K8S512"}, [{}, sysctls(*FIVE)], [sysctls("othersysctl")]),
    ("sysctls, 1.27", BASELINE, (27, 99), set(), [sysctls(*FIVE, KEEPALIVE[0])], []),
    ("sysctls, before 1.27", BASELINE, (0, 26), {"K8S512"}, [], [sysctls(KEEPALIVE[0])]),
    ("sysctls, 1.29", BASELINE, (29, 99), set(), [sysctls(*FIVE, *KEEPALIVE)], []),
    ("sysctls, before 1.29", BASELINE, (0, 28), {"K8S512"}, [], [sysctls(name) for name in KEEPALIVE[1:]]),
    # Releases told by the pull requests 127489 (1.32) and 138389 (1.37), whose files were not to be had.
    ("sysctls, 1.32", BASELINE, (32, 99), set(), [sysctls("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem")], []),
    ("sysctls, before 1.32", BASELINE, (0, 31), {"K8S512"}, [], [sysctls("net.ipv4.tcp_rmem"), sysctls("net.ipv4.tcp_wmem")]),
    ("sysctls, 1.37", BASELINE, (37, 99), set(), [sysctls("net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat")], []),
    ("sysctls, before 1.37", BASELINE, (0, 36), {"K8S512"}, [], [sysctls("net.ipv4.tcp_notsent_lowat")]),
    (
        "windowsHostProcess",
        BASELINE,
        (0, 99),
        {"K8S501"},
        [{WINDOWS: {"hostProcess": False}}],
        [
            {"hostNetwork": True, WINDOWS: {"hostProcess": True}},
            {"hostNetwork": True, **everywhere(f"{WINDOWS}.hostProcess", True)},
        ],
    ),
]
# What only pods of the level baseline can pass (upstream makes these for baseline alone).
BASELINE_ONLY = [
    ("capabilities_baseline", (0, 99), everywhere(ADD, DEFAULT_CAPABILITIES)),
    ("seccompProfile_baseline", (19, 99), {SECCOMP: DEFAULT, f"{MAIN}.{SECCOMP}": DEFAULT}),
    ("procMount, 1.35", (35, 99), {**UNMASKED, "hostUsers": False}),
    ("capabilities, none dropped", (0, 99), {f"{MAIN}.{CONTEXT}": {}, f"{INIT}.{CONTEXT}": {}}),
]
MINORS = range(NEWEST_MINOR + 1)


def findings(pod, level, minor):
    verdict = judge_policy(Manifest(pod, 1), policy_set([f"pod-security/{level}"], f"1.{minor}"))
    assert not [result for result in verdict.results if result.outcome == "error"]
    return {finding.code for finding in verdict.findings}


@pytest.mark.parametrize("level", [BASELINE, RESTRICTED])
def test_the_least_pod_of_a_level_meets_it_in_every_release(level):
    for minor in MINORS:
        assert findings(least_pod(level, minor), level, minor) == set(), minor
        assert pod_security_level(Manifest(least_pod(level, minor), 1), f"1.{minor}") is level


@pytest.mark.parametrize(("check", "level", "span", "codes", "passing", "failing"), FIXTURES, ids=[row[0] for row in FIXTURES])
def test_one_change_decides_as_it_does_upstream(check, level, span, codes, passing, failing):
    levels = [BASELINE, RESTRICTED] if level is BASELINE else [RESTRICTED]  # fixtures.go: those of baseline hold for restricted too
    for minor in MINORS:
        if not span[0] <= minor <= span[1]:
            continue
        for asked in levels:
            pod = least_pod(asked, minor)
            for change in passing:
                assert findings(tweaked(pod, change), asked, minor) == set(), (minor, asked, change)
            for change in failing:
                found = findings(tweaked(pod, change), asked, minor)
                assert found & codes, (minor, asked, change, found)


@pytest.mark.parametrize(("check", "span", "change"), BASELINE_ONLY, ids=[row[0] for row in BASELINE_ONLY])
def test_what_baseline_alone_takes(check, span, change):
    for minor in MINORS:
        if span[0] <= minor <= span[1]:
            assert findings(tweaked(least_pod(BASELINE, minor), change), BASELINE, minor) == set(), minor


def test_every_control_has_a_fixture_that_fails_it():
    tried = set().union(*(row[3] for row in FIXTURES))
    assert tried == {code for code in CHECKS if load(code).level}


def moved(pod, role):
    """Return the pod with its plain container's settings at a container of another role, beside a clean one."""
    pod = copy.deepcopy(pod)
    [container] = pod["spec"]["containers"]
    clean = least_pod(RESTRICTED, 36)["spec"]["containers"]
    pod["spec"]["containers"] = clean
    pod["spec"].setdefault(role, []).append({**container, "name": "moved"})
    return pod


@pytest.mark.parametrize("role", ["initContainers", "ephemeralContainers"])
def test_a_container_is_judged_alike_whatever_its_role(role):
    tried = 0
    for _, level, span, _, _, failing in FIXTURES:
        for change in failing:
            if not span[0] <= 36 <= span[1] or any(not path.startswith(MAIN) for path in change):
                continue
            pod = tweaked(least_pod(level, 36), change)
            tried += 1
            assert findings(moved(pod, role), level, 36) == findings(pod, level, 36), change
    assert tried > 15


def within(kind, pod):
    """Return an object of a kind that makes such pods."""
    steps = POD_TEMPLATES[kind]
    if not steps:
        return pod
    value = {"metadata": pod["metadata"], "spec": pod["spec"]}
    for step in reversed(steps):
        value = {step: value}
    return {"apiVersion": "v1" if kind in ("PodTemplate", "ReplicationController") else "apps/v1", "kind": kind, **value}


@pytest.mark.parametrize("kind", POD_TEMPLATES)
def test_a_template_is_judged_as_its_pod_is(kind):
    for _, level, span, _, passing, failing in FIXTURES:
        for change in (*passing, *failing):
            if span[0] <= 36 <= span[1]:
                pod = tweaked(least_pod(level, 36), change)
                held = within(kind, pod)
                assert findings(held, level, 36) == findings(pod, level, 36), (kind, change)
                assert pod_security_level(Manifest(held, 1)) == pod_security_level(Manifest(pod, 1))
    if kind == "CronJob":
        held = within(kind, tweaked(least_pod(BASELINE, 36), {f"{ARMOR_KEY}a": "unconfined", "hostPID": True}))
        found = judge_policy(Manifest(held, 1), policy_set(["pod-security/baseline"], "1.36")).findings
        root = "spec.jobTemplate.spec.template"
        armor = f"{root}.metadata.annotations[container.apparmor.security.beta.kubernetes.io/a]"
        assert [finding.path for finding in found] == [f"{root}.spec.hostPID", armor]


# policy/registry.go and the check_*.go files: which revisions a check has, and what it overrides when restricted is asked.
INVENTORY = {
    "K8S501": (BASELINE, 0, ()),
    "K8S502": (BASELINE, 0, ()),
    "K8S503": (BASELINE, 0, ()),
    "K8S504": (BASELINE, 0, ()),
    "K8S505": (BASELINE, 0, ()),
    "K8S506": (BASELINE, 0, ()),
    "K8S507": (BASELINE, 34, ()),
    "K8S508": (BASELINE, 0, ()),
    "K8S509": (BASELINE, 0, ()),
    "K8S510": (BASELINE, 0, ()),
    "K8S511": (BASELINE, 0, ()),
    "K8S512": (BASELINE, 0, ()),
    "K8S521": (RESTRICTED, 0, ("K8S505",)),
    "K8S522": (RESTRICTED, 8, ()),
    "K8S523": (RESTRICTED, 0, ()),
    "K8S524": (RESTRICTED, 23, ()),
    "K8S525": (RESTRICTED, 19, ("K8S511",)),
    "K8S526": (RESTRICTED, 22, ("K8S504",)),
    "K8S527": (RESTRICTED, 35, ("K8S510",)),
}


def test_the_controls_are_those_of_upstream():
    ours = {code: (policy.level, policy.since, policy.overrides) for code in CHECKS if (policy := load(code)).level}
    assert ours == INVENTORY


def test_restricted_is_baseline_without_what_its_own_controls_stand_for():
    for minor in MINORS:
        asked = {policy.code for policy in policies(RESTRICTED, minor)}
        known = {code for code, (_, since, _) in INVENTORY.items() if since <= minor}
        gone = {old for code in known for old in INVENTORY[code][2]}
        assert asked == known - gone
        assert {policy.code for policy in policies(BASELINE, minor)} == {code for code in known if INVENTORY[code][0] is BASELINE}
    assert policies(Level.PRIVILEGED) == ()


def test_the_newest_release_with_schemas_is_one_whose_controls_were_read():
    newest = int(versions()[-1].partition(".")[2])
    assert newest <= NEWEST_MINOR, f"read policy/check_*.go of 1.{newest}, then raise NEWEST_MINOR"


def test_levels_of_several_objects_are_those_of_the_weakest():
    safe, plain, open_ = least_pod(RESTRICTED, 36), least_pod(BASELINE, 36), tweaked(least_pod(BASELINE, 36), {"hostPID": True})
    for pods, level in (([safe, plain], BASELINE), ([safe, open_], Level.PRIVILEGED), ([safe, safe], RESTRICTED)):
        assert pod_security_level(Subject([Manifest(pod, 1) for pod in pods])) is level
