"""Values of alerts: names of things as clusters have them, settings, and names of alerts nobody has heard of."""

import re
from collections.abc import Callable, Mapping
from random import Random

from kubestill.domains.api import HELD
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.skills.runbook.signals import Signal
from kubestill.ground.seeds import held_out

_SAFE = "bcdfghjklmnpqrstvwxz2456789"  # the letters of generated names (k8s.io/apimachinery/pkg/util/rand)
_HEX = "0123456789abcdef"
_SHORT = 12  # characters: a name stands in every command of an answer
_BRIEF = 6
_ALERT = 34
LASTING = ("1m", "2m", "5m", "5m", "10m", "10m", "15m", "15m", "20m", "30m", "1h")
SEVERITIES = ("warning", "warning", "critical", "critical", "info", "page", "error")


def draw_values(signal: Signal, rng: Random, part: str) -> dict[str, str]:
    """Return a value for every label and setting of a signal."""
    words = Words(rng, part)
    values = {label: draw_label(label, words, signal.id, signal.subject) for label in signal.labels}
    for key, choices in (("threshold", signal.thresholds), ("window", signal.windows)):
        if choices:
            values[key] = rng.choice(choices)
    severity = "none" if signal.subject == "alerting" else rng.choice(SEVERITIES)  # Watchdog and its like alert nobody
    return values | {"for": rng.choice(LASTING), "severity": severity}


def draw_label(label: str, words: Words, *about: str) -> str:
    """Return a value for a label; `about` names the signal and the subject, where a label may mean something of its own."""
    known = (_LABELS[key] for one in (*about, "") if (key := (one, label)) in _LABELS)
    return next(known, _word)(words)


def as_spoken(values: Mapping[str, str], rng: Random) -> dict[str, str]:
    """Return values as people say them: at times `10 minutes` for `10m`."""
    if rng.random() < 0.5:
        return dict(values)
    said = {key: _spoken(values[key], rng) for key in ("for", "window") if key in values}
    return {**values, **said}


_UNITS = {"m": ("minutes", "min", "mins"), "h": ("hours", "h", "hours")}


def _spoken(duration: str, rng: Random) -> str:
    number, unit = duration[:-1], rng.choice(_UNITS[duration[-1]])
    if number == "1":
        return f"1 {unit.rstrip('s')}" if len(unit) > 1 else f"1{unit}"
    return f"{number} {unit}" if len(unit) > 1 else f"{number}{unit}"


def invented_name(signal: Signal, rng: Random, part: str) -> str:
    """Return a name for an alert of a signal; each name belongs to one part by its hash."""
    words = Words(rng, part)
    while True:
        name = _composed(rng.choice(signal.stems), rng, words)
        if len(name) <= _ALERT and held_out("alert", name) == (part == HELD):
            return name


def _composed(stem: str, rng: Random, words: Words) -> str:
    roll = rng.random()
    if roll < 0.4:
        stem = _camel(words.word()) + stem
    elif roll < 0.5:
        stem = _camel(words.name()) + stem
    if rng.random() < 0.15:
        stem += rng.choice(("Alert", "Alert", "Prod", "Staging"))  # a severity is drawn apart
    if rng.random() < 0.08:
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", rng.choice("_-"), stem).lower()
    return stem


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))


def _letters(rng: Random, count: int, alphabet: str = _SAFE) -> str:
    return "".join(rng.choice(alphabet) for _ in range(count))


def _pod(words: Words) -> str:
    rng, name, roll = words.rng, _short(words), words.rng.random()
    if roll < 0.6:
        return f"{name}-{_letters(rng, rng.choice((8, 9, 10)))}-{_letters(rng, 5)}"
    return f"{name}-{rng.choice((0, 0, 1, 2))}" if roll < 0.8 else f"{name}-{_letters(rng, 5)}" if roll < 0.95 else name


def _container(words: Words) -> str:
    return words.rng.choice(("app", "main", "server", "web", "worker")) if words.rng.random() < 0.2 else words.word()


def _short(words: Words) -> str:
    """Return a name that leaves room for what is generated behind it."""
    name = words.name()
    return name if len(name) <= _SHORT else words.word()


def _brief(words: Words) -> str:
    """Return a word of a few letters, for names that are long without it."""
    return next((word for _ in range(8) if len(word := words.word()) <= _BRIEF), "prod")


def _node(words: Words) -> str:
    rng = words.rng
    number = rng.randrange(1, 30)
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"{rng.choice(('worker', 'node', 'k8s-node', 'kube-worker'))}-{number:02d}",
        lambda: f"{words.word()}-{rng.choice(('worker', 'node', 'pool'))}-{number}",
        lambda: f"ip-10-{rng.randrange(256)}-{rng.randrange(256)}-{rng.randrange(256)}.ec2.internal",
        lambda: f"gke-{_brief(words)}-pool-{rng.randrange(1, 4)}-{_letters(rng, 8, _HEX)}-{_letters(rng, 4)}",
        lambda: f"aks-{_brief(words)}-{rng.randrange(10**7, 10**8)}-vmss{rng.randrange(20):06d}",
        lambda: f"{words.word()}{number}.{words.word()}.local",
        lambda: f"{words.word()}-{number}",
    )
    return rng.choice(forms)()


def _job(words: Words) -> str:
    rng = words.rng
    return f"{words.name()}-{rng.randrange(28_000_000, 29_500_000)}" if rng.random() < 0.5 else words.name()


def _volume(words: Words) -> str:
    parts = "-".join(_letters(words.rng, count, _HEX) for count in (8, 4, 4, 4, 12))
    return f"pvc-{parts}" if words.rng.random() < 0.7 else f"{words.word()}-pv-{words.rng.randrange(10)}"


def _claim(words: Words) -> str:
    rng = words.rng
    lead = rng.choice(("data", "storage", "db-data", "volume", "www"))
    return f"{lead}-{words.name()}-{rng.randrange(3)}" if rng.random() < 0.5 else words.name()


def _name(words: Words) -> str:
    return words.name() if words.rng.random() < 0.3 else _short(words)


def _word(words: Words) -> str:
    return words.word()


def _namespace(words: Words) -> str:
    name = words.namespace()
    return name if len(name) <= _SHORT else words.word()


def _monitoring(words: Words) -> str:
    return "monitoring" if words.rng.random() < 0.6 else _namespace(words)


def _prometheus(words: Words) -> str:
    return f"prometheus-{words.rng.choice(('k8s', 'main', words.word()))}-{words.rng.randrange(2)}"


def _alertmanager(words: Words) -> str:
    return f"alertmanager-{words.rng.choice(('main', words.word()))}-{words.rng.randrange(3)}"


def _address(port: int) -> Callable[[Words], str]:
    def draw(words: Words) -> str:
        rng = words.rng
        return f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}:{port}"

    return draw


def _one_of(text: str) -> Callable[[Words], str]:
    choices = tuple(text.split())
    return lambda words: words.rng.choice(choices)


# By signal or subject and label, where a label means something of its own there; with "", for all.
_LABELS: Mapping[tuple[str, str], Callable[[Words], str]] = (
    {
        ("", "namespace"): _namespace,
        ("", "pod"): _pod,
        ("", "container"): _container,
        ("", "node"): _node,
        ("", "job_name"): _job,
        ("", "persistentvolume"): _volume,
        ("", "persistentvolumeclaim"): _claim,
        ("", "mountpoint"): _one_of("/ / /var /var/lib/kubelet /var/lib/containerd /var/lib/containers /data /mnt/disks /mnt/data /srv"),
        ("", "device"): _one_of("eth0 eth1 ens5 enp3s0 bond0"),
        **{
            (one, "device"): _one_of("/dev/sda1 /dev/nvme0n1p1 /dev/vda1 /dev/mapper/vg0-data")
            for one in ("disk-filling", "disk-space", "inodes-filling", "inodes-low")
        },
        ("disk-io", "device"): _one_of("sda sdb sdc nvme0n1 nvme1n1 vda vdb xvda dm-0"),
        ("raid-degraded", "device"): _one_of("md0 md1 md2 md127"),
        ("raid-failure", "device"): _one_of("md0 md1 md2 md127"),
        ("", "condition"): _one_of("MemoryPressure DiskPressure PIDPressure"),
        ("", "eviction_signal"): _one_of("memory.available nodefs.available nodefs.inodesFree imagefs.available pid.available"),
        ("", "resource"): _one_of("requests.cpu requests.memory limits.cpu limits.memory pods requests.storage persistentvolumeclaims"),
        ("operator", "resource"): _one_of("ServiceMonitor PodMonitor PrometheusRule Probe"),
        ("operator-rejected", "controller"): _one_of("prometheus"),  # whose objects these are
        ("", "controller"): _one_of("prometheus alertmanager thanos prometheus-agent"),
        ("", "integration"): _one_of("slack pagerduty email opsgenie webhook msteams telegram"),
        ("", "verb"): _one_of("GET LIST POST PUT PATCH DELETE"),
        ("", "grpc_method"): _one_of("Range Put Txn DeleteRange Watch LeaseGrant"),
        ("etcd-slow", "grpc_method"): _one_of("Range Put Txn DeleteRange LeaseGrant Compact"),  # those that are unary
        ("", "to"): _address(53),
        ("", "instance"): _address(2379),
        ("apiserver", "instance"): _address(6443),
        ("scheduler", "instance"): _address(10259),
        ("controller-manager", "instance"): _address(10257),
        ("kube-proxy", "instance"): _address(10249),
        ("", "remote_name"): _name,
        ("", "master"): _one_of("bond0 bond1 team0"),
        ("node", "name"): _one_of("kubelet.service containerd.service crio.service chronyd.service sshd.service"),
        ("apiservice", "name"): _one_of(
            "v1beta1.metrics.k8s.io v1beta1.custom.metrics.k8s.io v1beta1.external.metrics.k8s.io v1.packages.operators.coreos.com"
        ),
        ("apiserver", "job"): _one_of("kubelet kube-scheduler kube-controller-manager kube-proxy kube-state-metrics"),
        ("prometheus", "namespace"): _monitoring,
        ("alertmanager", "namespace"): _monitoring,
        ("operator", "namespace"): _monitoring,
        ("prometheus", "pod"): _prometheus,
        ("alertmanager", "pod"): _alertmanager,
    }
    | {
        ("", label): _name
        for label in "deployment statefulset daemonset cronjob horizontalpodautoscaler poddisruptionbudget resourcequota".split()
    }
    | {("", label): _name for label in ("service", "ingress", "name", "job")}
)
