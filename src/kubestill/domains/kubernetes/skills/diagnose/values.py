"""How each sort of value is drawn: names, images, addresses, ports, times. A literal table of small functions."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Protocol

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.skills.diagnose.schedules import dues

_HASH = "bcdfghjklmnpqrstvwxz2456789"  # apimachinery/pkg/util/rand: no vowels, so that no words come out
_TEMPLATE_HASH = "456789bcdf"  # what the digits of a pod template's hash become (rand.SafeEncodeString)
_HEX = "0123456789abcdef"
_YEAR = datetime(2026, 1, 4, 6, 0, tzinfo=UTC)
_DIGITS = "0123456789"
_HTTP, _LEAST_PORT, _NO_HTTP = 80, 1024, (8443, 5432, 6379, 27017, 3306, 50051, 4317)
_PROTOCOLS = ("dns", "ntp", "ldap", "sso", "oauth")


class Drawn(Protocol):
    """What a value may depend on: the generator, the part, and the values that were drawn before."""

    rng: Random
    part: str
    owner: str
    named: bool
    now: int
    restarts: int

    def __getitem__(self, name: str) -> str:
        """Return a value by its name."""
        ...


Draw = Callable[[Drawn], str]


def stem(name: str) -> str:
    """Return the sort of a value: its name without the digit that tells it from others of the sort."""
    return name.rstrip(_DIGITS)


def human(seconds: int) -> str:
    """Return a duration as kubectl shows ages (apimachinery/pkg/util/duration, HumanDuration)."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    return _two(days, "d", hours % 24, "h") if days < 8 else f"{days}d"


def _two(large: int, unit: str, small: int, small_unit: str) -> str:
    return f"{large}{unit}" + (f"{small}{small_unit}" if small else "")


def letters(rng: Random, count: int, alphabet: str = _HASH) -> str:
    """Return that many random letters."""
    return "".join(rng.choice(alphabet) for _ in range(count))


def generated(scene: Drawn) -> str:
    """Return the name of some other Deployment's pod."""
    return f"{words(scene).name()}-{letters(scene.rng, 10, _TEMPLATE_HASH)}-{letters(scene.rng, 5)}"


def stamp(scene: Drawn, ago: int = 0) -> datetime:
    """Return the time so many seconds ago."""
    return _YEAR + timedelta(seconds=scene.now - ago)


def long_time(when: datetime) -> str:
    """Return a time as kubectl describe prints it."""
    return when.strftime("%a, %d %b %Y %H:%M:%S +0000")


def zulu(when: datetime) -> str:
    """Return a time as objects hold it."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def words(scene: Drawn) -> Words:
    """Return the vocabulary of the scene's part."""
    return Words(scene.rng, scene.part)


def _name(scene: Drawn) -> str:
    return words(scene).name()


def _app(scene: Drawn) -> str:
    """Return the name of a workload: with no number at its end, so that none reads like the name of a pod."""
    while (name := _name(scene))[-1].isdigit():
        pass
    return name


def _service(scene: Drawn) -> str:
    while (name := _name(scene)) in _PROTOCOLS:  # `dns cannot be resolved` would speak of something else
        pass
    return name


def _word(scene: Drawn) -> str:
    return words(scene).word()


def _namespace(scene: Drawn) -> str:
    while scene.named:
        if (name := words(scene).namespace()) != "default":
            return name
    return "default"


def _elsewhere(scene: Drawn) -> str:
    while (name := words(scene).namespace()) == "default":
        pass
    return name


def _pod(scene: Drawn) -> str:
    rng, name = scene.rng, scene["app"]
    if scene.owner == "deployment":
        return f"{scene['replicaset']}-{letters(rng, 5)}"
    if scene.owner == "statefulset":
        return f"{name}-{rng.randrange(3)}"
    return name if scene.owner == "pod" else f"{scene['job'] if scene.owner == 'job' else name}-{letters(rng, 5)}"


def _container(scene: Drawn) -> str:
    """Return the name of a container: never the one of its pod, which a paste must show by itself."""
    if scene.rng.random() < 0.55 and scene.owner != "pod":
        return scene["app"]
    while (name := _word(scene)) == scene["pod"]:
        pass
    return name


def _node(scene: Drawn) -> str:
    rng, word = scene.rng, _word(scene)
    number = rng.randrange(1, 30)
    return rng.choice(
        (
            f"{word}-{number}",
            f"{word}-worker-{number}",
            f"node-{word}-{number:02}",
            f"{word}-pool-{letters(rng, 5)}",
            f"k8s-{word}-{number}",
        )
    )


def _image(scene: Drawn) -> str:
    while ":" not in (image := words(scene).image()).rpartition("/")[2]:
        pass
    return image


def _full_image(scene: Drawn) -> str:
    """Return the image with what the runtime adds to it (distribution/reference, normalize.go)."""
    image = scene["image"]
    head = image.partition("/")[0]
    if "/" not in image:
        return f"docker.io/library/{image}"
    return image if "." in head or ":" in head else f"docker.io/{image}"


def _remote(scene: Drawn) -> str:
    """Return the part of an image that must be lower case: all after the registry (distribution/reference, splitDockerDomain)."""
    path = scene["image"].rpartition(":")[0]
    head, slash, rest = path.partition("/")
    return rest if slash and "." in head else f"library/{path}"


def _pulled(scene: Drawn) -> str:
    rng, image = scene.rng, scene["image"]
    seconds, size = f"{rng.randrange(1, 9)}.{rng.randrange(100, 1000)}s", rng.randrange(10**7, 10**9)
    return rng.choice(
        (
            f'Container image "{image}" already present on machine',
            f'Container image "{image}" already present on machine and can be accessed by the pod',
            f'Successfully pulled image "{image}" in {seconds} ({seconds} including waiting). Image size: {size} bytes.',
        )
    )


def _killing(scene: Drawn) -> str:
    if scene["probe"] == "readiness":
        return ""
    return f"!N Killing kubelet | Container {scene['container']} failed liveness probe, will be restarted"


def _uid(scene: Drawn) -> str:
    return "-".join(letters(scene.rng, count, _HEX) for count in (8, 4, 4, 4, 12))


def _address(first: int, *seconds: int) -> Draw:
    def draw(scene: Drawn) -> str:
        rng = scene.rng
        return f"{first}.{rng.choice(seconds)}.{rng.randrange(256)}.{rng.randrange(2, 255)}"

    return draw


def _cluster_ip(scene: Drawn) -> str:
    """Return the address of a Service: MicroK8s gives them 256, the others 65,536."""
    network, rng = scene["services"], scene.rng
    if not network.endswith(".0"):
        return f"{network}.{rng.randrange(11, 255)}"
    return f"{network.removesuffix('.0')}.{rng.randrange(1, 256)}.{rng.randrange(2, 255)}"


def _server(scene: Drawn) -> str:
    return _address(10, 0, 1, 20, 77)(scene) if scene.rng.random() < 0.5 else words(scene).host()


def _file(scene: Drawn) -> str:
    word = _word(scene)
    kinds = ("yaml", "yml", "json", "conf", "toml", "ini", "properties")
    return f"{scene.rng.choice(('/etc', '/app', '/config', '/opt', '/etc/' + word, '/app/config'))}/{word}.{scene.rng.choice(kinds)}"


def _program(scene: Drawn) -> str:
    word = _word(scene)
    return scene.rng.choice((f"/app/{word}", f"/usr/local/bin/{word}", f"/{word}.sh", f"./{word}", f"/bin/{word}"))


def _script(scene: Drawn) -> str:
    word = _word(scene)
    return scene.rng.choice((f"/app/{word}.sh", f"/{word}.sh", f"/usr/local/bin/{word}", f"/scripts/{word}.sh", f"/opt/{word}/run"))


def _folder(scene: Drawn) -> str:
    return scene.rng.choice(("/data", "/var/lib", "/mnt", "/srv")) + f"/{_word(scene)}"


def _manifest(scene: Drawn) -> str:
    word = _word(scene)
    return scene.rng.choice((f"{word}.yaml", f"k8s/{word}.yaml", f"{word}.yml", f"deploy/{word}.yaml", f"{word}.yaml"))


def _variable(scene: Drawn) -> str:
    while "_" not in (name := words(scene).variable()):
        pass
    return name


def _path(scene: Drawn) -> str:
    while (path := words(scene).url_path()) == "/":
        pass
    return path


def _limit(scene: Drawn) -> str:
    return scene.rng.choice((f"{scene.rng.randrange(2, 60) * 16}Mi", f"{scene.rng.randrange(1, 9)}Gi"))


def _user(scene: Drawn) -> str:
    word = _word(scene)
    return scene.rng.choice((word, word, f"dev-{word}", f"{word}-ro"))


def _port(scene: Drawn) -> str:
    """Return a port that speaks plain HTTP: no port of a database, of TLS or of gRPC, and none that is no one's."""
    while (port := words(scene).port()) in _NO_HTTP or (port < _LEAST_PORT and port != _HTTP):
        pass
    return str(port)


def _klog(scene: Drawn) -> str:
    return f"{stamp(scene).strftime('%m%d')} {stamp(scene).strftime('%H:%M:%S')}.{scene.rng.randrange(10**5, 10**6)}"


def after_due(scene: Drawn) -> int:
    """Return a present that lies shortly after the last time at which the CronJob was due."""
    late = int((stamp(scene) - next(dues(scene["schedule"], stamp(scene)))).total_seconds())
    return scene.now - late + scene.rng.randrange(min(20, late), min(late, 900) + 1)


def _ran(scene: Drawn) -> datetime | None:
    """Return when the CronJob last ran: some runs were left out since; None where that was before it was made."""
    return _since_made(scene, next(islice(dues(scene["schedule"], stamp(scene)), int(scene["skipped"]), None), None))


def _since_made(scene: Drawn, time: datetime | None) -> datetime | None:
    """Return a time at which a CronJob was due, or None where that was before it was made."""
    oldest = stamp(scene) - timedelta(days=int(scene["days"].rstrip("d")) - 1)
    return time if time and time > oldest else None


def _ago(scene: Drawn, time: datetime | None) -> str:
    return human(int((stamp(scene) - time).total_seconds())) if time else "<none>"


def _active(scene: Drawn) -> str:
    """Return the number in the name of a Job that a CronJob made: the minutes of the time for which it was made."""
    return str(int((_ran(scene) or stamp(scene, 86_400)).timestamp()) // 60)


def _lately(scene: Drawn) -> str:
    """Return how long ago the healthy CronJob beside it ran."""
    return _ago(scene, _since_made(scene, next(dues(scene["schedule2"], stamp(scene)), None)))


def _other_path(scene: Drawn) -> str:
    """Return a path that no rule for the path serves: it is not below it."""
    while (path := _path(scene)).startswith(scene["path"].rstrip("/")):
        pass
    return path


def _number(low: int, high: int) -> Draw:
    return lambda scene: str(scene.rng.randrange(low, high))


def _unlike(name: str) -> Draw:
    """Return how another value of a sort is drawn that an answer speaks of: what is noted has no digit in its name."""

    def draw(scene: Drawn) -> str:
        while (value := DRAWS[name](scene)) == scene[name]:
            pass
        return value

    return draw


def _one(*values: str) -> Draw:
    return lambda scene: scene.rng.choice(values)


def _time(write: Callable[[datetime], str], least: int, most: int) -> Draw:
    return lambda scene: write(stamp(scene, scene.rng.randrange(least, most)))


_NAMES = (
    "configmap secret claim volume ingress quota policy class budget context autoscaler binding networkpolicy cronjob job account name"
).split()

DRAWS: Mapping[str, Draw] = {
    **dict.fromkeys(_NAMES, _name),
    "app": _app,
    "init": lambda scene: scene.rng.choice(("init-", "wait-for-", "migrate-", "setup-", "")) + _word(scene),
    "word": _word,
    "service": _service,
    "hookspace": _elsewhere,
    "namespace": _namespace,
    "namespace_or_none": lambda scene: scene["namespace"] if scene.named else "",
    "deployment": lambda scene: scene["app"],
    "statefulset": lambda scene: scene["app"],
    "daemonset": lambda scene: scene["app"],
    "replicaset": lambda scene: f"{scene['app']}-{letters(scene.rng, scene.rng.choice((9, 10, 10)), _TEMPLATE_HASH)}",
    "pod": _pod,
    "otherpod": lambda scene: f"{scene['app']}-{letters(scene.rng, 10, _TEMPLATE_HASH)}-{letters(scene.rng, 5)}",
    "container": _container,
    "image": _image,
    "full_image": _full_image,
    "repository": lambda scene: scene["image"].rpartition(":")[0],
    "full_repository": lambda scene: scene["full_image"].rpartition(":")[0],
    "pulled_from": lambda scene: scene["full_image"].partition("/")[0].replace("docker.io", "registry-1.docker.io"),
    "pulled_path": lambda scene: scene["full_image"].partition("/")[2].rpartition(":")[0],
    "remote": _remote,
    "tag": lambda scene: scene["image"].rpartition(":")[2],
    "version": lambda scene: words(scene).tag(),
    "pulled": _pulled,
    "killing": _killing,
    "ready": lambda scene: "1/1" if scene["probe"] == "liveness" else "0/1",  # until it is killed
    "r": lambda scene: "" if scene["probe"] == "readiness" else "r",
    "node": _node,
    "uid": _uid,
    "pvc": lambda scene: f"pvc-{_uid(scene)}",
    "sha": lambda scene: letters(scene.rng, 64, _HEX),
    "five": lambda scene: letters(scene.rng, 5),
    "pods": _one("10.42", "10.244", "10.1", "10.128"),  # the networks of one cluster: what stands together lies in the same
    "services": _one("10.96.0", "10.43.0", "10.100.0", "172.20.0", "10.152.183"),
    "ip": lambda scene: f"{scene['pods']}.{scene.rng.randrange(256)}.{scene.rng.randrange(2, 255)}",
    "clusterip": _cluster_ip,
    "server_ip": _address(10, 0, 20, 77, 5),
    "address": _address(10, 0, 20, 77, 5),
    "resolver": _one("127.0.0.53", "169.254.169.253", "10.0.0.2", "192.168.0.1"),  # of a node: it does not ask the cluster's DNS server
    "generated": lambda scene: f"{letters(scene.rng, 10, _TEMPLATE_HASH)}-{letters(scene.rng, 5)}",
    "dns": lambda scene: f"{scene['services']}.10",
    "server": _server,
    "dialled": lambda scene: scene["server"] if scene["server"][-1].isdigit() else scene["server_ip"],
    "host": lambda scene: words(scene).host(),
    "registry": lambda scene: words(scene).host(),
    "port": _port,
    "otherport": _unlike("port"),
    "otherpath": _other_path,
    "otherkey": _unlike("key"),
    "nodeport": _number(30_000, 32_768),
    "path": _path,
    "file": _file,
    "program": _program,
    "script": _script,
    "folder": _folder,
    "manifest": _manifest,
    "variable": _variable,
    "key": lambda scene: words(scene).key(),
    "limit": _limit,
    "millis": lambda scene: f"{scene.rng.randrange(2, 80) * 50}m",
    "storage": lambda scene: f"{scene.rng.randrange(1, 90)}Gi",
    "user": _user,
    "driver": lambda scene: f"{_word(scene)}.csi.{_word(scene)}.{scene.rng.choice(('io', 'com'))}",
    "validating": lambda scene: f"{scene.rng.choice(('validate', 'validation', 'vpod'))}.{_word(scene)}.{_word(scene)}.io",
    "mutating": lambda scene: f"{scene.rng.choice(('mutate', 'mutation', 'mpod'))}.{_word(scene)}.{_word(scene)}.io",
    "tagged": _one("latest"),
    "finalizer": lambda scene: f"{_word(scene)}.io/{scene.rng.choice(('finalizer', 'cleanup', 'protection'))}",
    "taint": lambda scene: scene.rng.choice((f"{_word(scene)}.io/dedicated", "dedicated", f"{_word(scene)}-only", "workload", "team")),
    "label": _one("app", "app", "app", "app", "app.kubernetes.io/name", "app.kubernetes.io/name", "component", "name", "k8s-app"),
    "value": _word,
    "schedule": lambda scene: words(scene).schedule(),
    "skipped": _number(1, 4),
    "ran": lambda scene: _ago(scene, _ran(scene)),
    "lately": _lately,
    "active": _active,
    "due": lambda scene: long_time(next(dues(scene["schedule"], stamp(scene)))),
    "restarts": lambda scene: str(scene.restarts),
    "few": _number(2, 6),
    "some": _number(3, 10),
    "many": _number(11, 60),
    "seconds": _one("1", "2", "3", "5"),
    "period": _one("5", "10", "15", "20"),
    "delay": _one("0", "0", "5", "10", "15", "30"),
    "failures": _one("3", "3", "5", "6"),
    "probe": _one("liveness", "readiness"),
    "accessmode": _one("RWO"),
    "age": lambda scene: human(scene.rng.randrange(40, 700)),
    "old": lambda scene: human(scene.rng.choice((3600, 86_400)) * scene.rng.randrange(3, 70)),
    "klog": _klog,
    "hours": lambda scene: f"{scene.rng.randrange(8, 48)}h",
    "days": lambda scene: f"{scene.rng.randrange(8, 90)}d",
    "rfc": _time(long_time, 20, 60),
    "earlier": _time(long_time, 120, 340),  # no more than five minutes before: nodes report so often
    "settled": _time(long_time, 90_000, 250_000),
    "silent": _time(zulu, 100, 400),
    "present": lambda scene: zulu(stamp(scene)),
    "zulu": _time(zulu, 30, 3000),
    "past": _time(zulu, 90_000, 3_000_000),
}
