"""What stands between braces in commands and phrases: drawn values, as a command writes them and as people say them."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.phrasing.values import count_text
from kubestill.domains.kubernetes.skills.kubectl import vocabulary
from kubestill.domains.kubernetes.skills.kubectl.kinds import Kind, kinds, kinds_with

_HEX = "bcdfghjklmnpqrstvwxz2456789"  # the letters of the names that controllers make (apimachinery util/rand)


@dataclass(frozen=True, slots=True)
class Slot:
    """A drawn value. `written` holds its spellings in a command and `said` those in a request, "" being the usual one.

    A value with a `kind` is an object, whose usual saying is a phrase of its own: "the deployment web".
    """

    written: Mapping[str, str]
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kind: Kind | None = None
    inside: bool = True  # a namespace; False: --namespace means nothing beside it
    abbreviated: bool = False  # the last way to say it is a short one, for people in a hurry

    def spoken(self, aspect: str) -> Sequence[str]:
        """Return the ways to say an aspect: those of its own, or as it is written."""
        return self.said.get(aspect) or (self.written[aspect],)


# Objects by what is done to them: the traits that their kinds need.
_OBJECTS = {
    "object": "inside hand",
    "anything": "hand",
    "labelled": "labels",
    "rollable": "rolls",
    "scalable": "scales",
    "autoscalable": "autoscales",
    "running": "runs hand",
    "logged": "logs !pod inside",
    "forwarded": "forwards inside",
    "exposed": "exposes hand inside logs",
    "eventful": "inside hand",
    "holder": "data",
}
# Words that a reader takes for the kind of an object, or for what it is like: "the account service account", "our primary deployment".
_KINDS = frozenset(
    "pod pods service services account accounts deployment deploy job jobs cronjob config configs secret secrets node nodes role roles "
    "namespace volume claim ingress event events user users group groups image images container sidecar context cluster label labels token "
    "log logs metrics port command file files status settings resource resources snapshot lease quota".split()
)
_QUALITIES = frozenset(
    "primary secondary internal public private stable legacy main core nightly daily test demo staging preview canary release live "
    "controller operator scheduler manager worker".split()
)
_PLACES = ("ns", "team", "value")  # of which nobody says more than the word: "the staging namespace"
_LISTS = {"many": "inside", "manyanything": "hand", "manyhand": "inside hand", "manyrolls": "rolls", "manyscales": "scales"}


def draw_slot(name: str, words: Words) -> Slot:
    """Draw the value of a slot; digits at the end of its name only tell several of one sort apart.

    Raises:
        KeyError: there is no such slot.
    """
    sort = name.rstrip("0123456789")
    if sort in vocabulary.CHOICES:
        return _choice(words.rng, vocabulary.CHOICES[sort])
    unclear = _KINDS if sort in _PLACES else _KINDS | _QUALITIES
    while (slot := _drawn(sort, words)).written.get("name", slot.written.get("")) in unclear:
        pass
    return slot


def _drawn(sort: str, words: Words) -> Slot:
    if sort in _OBJECTS:
        return _object(words.rng.choice(kinds_with(_OBJECTS[sort])), words)
    if sort in _LISTS:
        return _several(words.rng.choice(kinds_with(_LISTS[sort])))
    if sort in kinds():
        return _object(kinds()[sort], words)
    return _DRAWN[sort](words)


def _object(kind: Kind, words: Words) -> Slot:
    name = _NAMES.get(kind.one, Words.name)(words)
    written = {"": f"{kind.one} {name}", "slash": f"{kind.one}/{name}", "name": name, "type": kind.one, "many": kind.many}
    return Slot(written, {"type": kind.said_one, "many": kind.said_many}, kind, "inside" in kind.traits)


def _several(kind: Kind) -> Slot:
    return Slot({"": kind.many, "one": kind.one}, {"": kind.said_many, "one": kind.said_one}, None, "inside" in kind.traits, True)


def _choice(rng: Random, rows: Sequence[str]) -> Slot:
    """Draw a row of a closed vocabulary: `written = said | said`, or `written = said = second aspect`."""
    written, *said = rng.choice(rows).split(" = ")
    ways = tuple(said[0].split(" | ")) if said else (written,)
    return Slot({"": written, **({"second": said[1]} if len(said) > 1 else {})}, {"": ways})


def _plain(draw: Callable[[Words], str]) -> Callable[[Words], Slot]:
    def drawn(words: Words) -> Slot:
        return Slot({"": draw(words)})

    return drawn


def _pod_name(words: Words) -> str:
    """Return a pod's name: with the hash of a deployment, the number of a stateful set, or made by hand."""
    rng, roll = words.rng, words.rng.random()
    if roll < 0.25:
        head = "".join(rng.choice(_HEX) for _ in range(rng.choice((9, 10))))
        return f"{words.name()}-{head}-{''.join(rng.choice(_HEX) for _ in range(5))}"
    return f"{words.name()}-{rng.randrange(4)}" if roll < 0.5 else words.name()


def _node_name(words: Words) -> str:
    rng, roll = words.rng, words.rng.random()
    if roll < 0.15:
        return f"ip-10-{rng.randrange(256)}-{rng.randrange(256)}-{rng.randrange(256)}"
    head = rng.choice(("node", "worker", "worker", "node", "gpu", "pool", "master", "k8s", words.word(), words.word()))
    return f"{head}-{words.word()}-{rng.randrange(1, 20)}" if roll < 0.4 else f"{head}-{rng.randrange(1, 60):0{rng.choice((1, 2))}}"


def _crd_name(words: Words) -> str:
    return f"{words.word()}s.{words.word()}.{words.rng.choice(('io', 'dev', 'com', 'example.com'))}"


_NAMES: Mapping[str, Callable[[Words], str]] = {
    "pod": _pod_name,
    "node": _node_name,
    "crd": _crd_name,
    "namespace": lambda words: words.name() if words.rng.random() < 0.5 else words.word(),
    "apiservice": lambda words: f"v1.{words.word()}.{words.rng.choice(('io', 'dev', 'example.com'))}",
}


def _label(words: Words) -> Slot:
    key, value = words.label()
    return Slot({"": f"{key}={value}", "key": key, "value": value})


def _count(words: Words) -> Slot:
    rng = words.rng
    number = rng.choice((2, 3, 3, 4, 5, 6, 8, 10, 12, 15, 20, rng.randrange(2, 60)))
    return Slot({"": str(number)}, {"": (count_text(number, rng),)})


def _number(low: int, high: int) -> Callable[[Words], Slot]:
    def drawn(words: Words) -> Slot:
        return Slot({"": str(words.rng.randrange(low, high))})

    return drawn


def _bounds(words: Words) -> Slot:
    """Draw a least and a greatest number."""
    rng = words.rng
    low = rng.choice((1, 1, 2, 2, 3, 4, 5))
    high = low + rng.choice((1, 2, 3, 4, 5, 7, 8, 10, 15))
    return Slot({"low": str(low), "high": str(high)}, {"low": (count_text(low, rng),), "high": (count_text(high, rng),)})


_UNITS = {"s": ("s", " seconds", " sec", "s"), "m": ("m", " minutes", " min", " minutes"), "h": ("h", " hours", " hours", " hrs")}
_ONE = {"s": "second", "m": "minute", "h": "hour"}


def _span(*choices: str) -> Callable[[Words], Slot]:
    """Draw a duration such as 10m; people say "10 minutes"."""

    def drawn(words: Words) -> Slot:
        text = words.rng.choice(choices)
        number, unit = text[:-1], text[-1]
        ways = [f"{number}{one}" for one in _UNITS[unit]] if number != "1" else [f"1{unit}", f"1 {_ONE[unit]}", f"1 {_ONE[unit]}"]
        seconds = int(number) * {"s": 1, "m": 60, "h": 3600}[unit]
        return Slot({"": text, "seconds": str(seconds)}, {"": tuple(ways)})

    return drawn


def _file(words: Words) -> Slot:
    rng = words.rng
    folder = rng.choice(("", "", "", "k8s/", "manifests/", f"{words.word()}/", "deploy/", "./"))
    return Slot({"": f"{folder}{words.name()}.{rng.choice(('yaml', 'yaml', 'yaml', 'yml', 'json'))}"})


def _folder(words: Words) -> Slot:
    rng = words.rng
    head = rng.choice(("k8s", "manifests", "deploy", "overlays", "base", words.word(), "config", "./k8s", "infra"))
    return Slot({"": head if rng.random() < 0.35 else f"{head}/{words.name()}"})


def _url(words: Words) -> Slot:
    return Slot({"": f"https://{words.host()}/{words.word()}/{words.name()}.yaml"})


def _copied(words: Words) -> Slot:
    """A file here and in a container: the same name on both sides, or another one of the same ending."""
    rng = words.rng
    ending = rng.choice(("log", "txt", "json", "conf", "tar.gz", "sql", "csv", "yaml", "dump", "hprof"))
    name, path = f"{words.word()}.{ending}", words.path()
    far = name if rng.random() < 0.7 else f"{words.word()}.{ending}"
    return Slot({"local": rng.choice((name, f"./{name}", f"/tmp/{name}", f"{words.word()}/{name}")), "remote": f"{path}/{far}"})


def _container_file(*endings: str) -> Callable[[Words], Slot]:
    def drawn(words: Words) -> Slot:
        folder = words.rng.choice(("", "", "certs/", f"{words.word()}/", "./", "/tmp/"))
        return Slot({"": f"{folder}{words.word()}.{words.rng.choice(endings)}"})

    return drawn


def _quoted(text: str) -> Slot:
    """Return a text that the shell must not read: quoted in the command, as it stands or in quotation marks in the request."""
    return Slot({"": shlex.quote(text) if shlex.quote(text) != text else text}, {"": (text, f'"{text}"')})


def _variable(words: Words) -> Slot:
    name, value = words.variable(), words.text()
    quoted = shlex.quote(value)
    return Slot({"": f"{name}={quoted}", "name": name, "value": quoted}, {"": (f"{name}={value}",), "value": (value,)})


def _literal(words: Words) -> Slot:
    key, value = words.key(), words.text()
    return Slot({"": f"{key}={shlex.quote(value)}", "key": key}, {"": (f"{key}={value}",), "value": (value,)})


def _secret_literal(words: Words) -> Slot:
    key, value = words.rng.choice(("username", "password", "token", "api-key", words.word(), words.variable())), words.secret()
    return Slot({"": f"{key}={value}", "key": key, "value": value})


def _annotation(words: Words) -> Slot:
    rng = words.rng
    key = rng.choice(("description", "owner", "contact", "note", f"{words.host()}/{words.word()}", words.word()))
    value = words.word() if rng.random() < 0.6 else f"{words.word()} {rng.choice(('owned by', 'managed by', 'for', 'see'))} {words.word()}"
    return Slot({"": f"{key}={shlex.quote(value)}", "key": key, "value": value}, {"value": (value if " " not in value else f'"{value}"',)})


def _resources(words: Words) -> Slot:
    cpu, memory = words.cpu(), words.memory()
    return Slot({"": f"cpu={cpu},memory={memory}", "cpu": cpu, "memory": memory})


_CPUS = ("50m", "100m", "200m", "250m", "500m", "750m", "1", "1500m", "2", "4", "8")
_MEMORIES = ("64Mi", "128Mi", "256Mi", "384Mi", "512Mi", "768Mi", "1Gi", "1536Mi", "2Gi", "4Gi", "8Gi", "16Gi")


def _budget(words: Words) -> Slot:
    """Draw limits with requests below them: the API server refuses others."""
    (cpu, most_cpu), (memory, most_memory) = (_ordered(words.rng, steps) for steps in (_CPUS, _MEMORIES))
    asked = {"requests": f"cpu={cpu},memory={memory}", "askedcpu": cpu, "askedmemory": memory}
    most = {"limits": f"cpu={most_cpu},memory={most_memory}", "mostcpu": most_cpu, "mostmemory": most_memory}
    return Slot(asked | most)


def _ordered(rng: Random, steps: Sequence[str]) -> tuple[str, str]:
    low, high = sorted(rng.choices(range(len(steps)), k=2))
    return steps[low], steps[high]


def _ports(words: Words) -> Slot:
    """Draw two different ports."""
    one, other = words.port(), words.port()
    while other == one:
        other = words.port()
    return Slot({"": f"{one}:{other}", "one": str(one), "other": str(other)})


def _command(words: Words) -> Slot:
    """Draw a short command to run in a container."""
    rng = words.rng
    text = rng.choice(
        (
            f"ls {words.path()}",
            f"cat {words.path()}/{words.word()}.conf",
            "env",
            "ps aux",
            "df -h",
            "date",
            f"curl localhost:{words.port()}{words.url_path()}",
            f"nslookup {words.name()}",
            f"tail -n {rng.choice((20, 50, 100))} /var/log/{words.word()}.log",
            f"du -sh {words.path()}",
            "cat /etc/resolv.conf",
            f"head -n {rng.choice((5, 10, 20))} {words.path()}/{words.word()}.csv",
            f"./{words.word()}.sh",
            "whoami",
            "printenv",
            f"nc -zv {words.name()} {words.port()}",
            f"wget -qO- {words.name()}:{words.port()}",
            "id",
            "uname -a",
            f"python {words.word()}.py",
        )
    )
    return Slot({"": text}, {"": (text, text, f"`{text}`", f"'{text}'", f'"{text}"')})


def _context(words: Words) -> Slot:
    rng = words.rng
    text = rng.choice((words.name(), f"{words.word()}-cluster", rng.choice(("prod", "staging", "dev")) + f"-{words.word()}", words.word()))
    return Slot({"": text})


def _grants(words: Words) -> Slot:
    """Draw verbs on resources."""
    rng = words.rng
    verbs = rng.choice(vocabulary.VERB_SETS)
    resources = rng.choice(vocabulary.RESOURCE_SETS)
    listed = [verbs, resources]
    said = [_listing(item.split(",")) for item in listed]
    return Slot({"verbs": verbs, "resources": resources}, {"verbs": said[0], "resources": said[1]})


def _listing(items: Sequence[str]) -> tuple[str, ...]:
    if len(items) == 1:
        return (items[0],)
    return (", ".join(items[:-1]) + " and " + items[-1], ", ".join(items), ", ".join(items[:-1]) + f" and {items[-1]}", ",".join(items))


def _account(words: Words) -> Slot:
    namespace, name = words.namespace(), words.name()
    return Slot(
        {"": f"{namespace}:{name}", "namespace": namespace, "name": name, "user": f"system:serviceaccount:{namespace}:{name}"},
    )


def _hard(words: Words) -> Slot:
    rng = words.rng
    parts = rng.sample(
        [
            ("pods", str(rng.choice((5, 10, 20, 50, 100)))),
            ("requests.cpu", words.cpu()),
            ("limits.memory", words.memory()),
            ("services", str(rng.choice((5, 10, 20)))),
            ("secrets", str(rng.choice((10, 20, 50)))),
            ("configmaps", str(rng.choice((10, 20)))),
            ("persistentvolumeclaims", str(rng.choice((4, 5, 10)))),
        ],
        rng.choice((1, 2, 2, 3)),
    )
    return Slot({"": ",".join(f"{key}={value}" for key, value in parts)}, {"": _listing([f"{key}={value}" for key, value in parts])})


def _rule(words: Words) -> Slot:
    host, path, service, port = words.host(), words.rng.choice(("/", "/", words.url_path())), words.name(), str(words.port())
    return Slot({"": f"'{host}{path}*={service}:{port}'", "host": host, "path": path, "service": service, "port": port})


def _exact(words: Words) -> Slot:
    """Draw a rule of an ingress whose path is exact."""
    host, path, service, port = words.host(), words.url_path(), words.name(), str(words.port())
    return Slot({"": f"{host}{path}={service}:{port}", "host": host, "path": path, "service": service, "port": port})


def _cause(words: Words) -> Slot:
    """Draw why something was rolled out."""
    rng = words.rng
    heads = ("upgrade to", "fix", "rollback of", "new config for", "enable", "switch to", "bump")
    return Slot({"": f"{rng.choice(heads)} {words.word() if rng.random() < 0.6 else words.tag()}"})


_DRAWN: Mapping[str, Callable[[Words], Slot]] = {
    "label": _label,
    "labelkey": _plain(lambda words: words.label()[0]),
    "value": _plain(Words.word),
    "name": _plain(Words.name),
    "word": _plain(Words.word),
    "ns": _plain(Words.namespace),
    "team": _plain(_NAMES["namespace"]),
    "container": _plain(lambda words: words.name() if words.rng.random() < 0.3 else words.word()),
    "image": _plain(Words.image),
    "host": _plain(Words.host),
    "port": _plain(lambda words: str(words.port())),
    "ports": _ports,
    "count": _count,
    "bounds": _bounds,
    "percent": _number(40, 95),
    "revision": _number(1, 40),
    "lines": _plain(lambda words: str(words.rng.choice((10, 20, 50, 50, 100, 100, 200, 500, words.rng.randrange(5, 400))))),
    "since": _span("30s", "1m", "5m", "10m", "15m", "30m", "45m", "1h", "2h", "3h", "6h", "12h", "24h", "90s", "20m"),
    "timeout": _span("30s", "60s", "90s", "120s", "2m", "3m", "5m", "10m", "45s", "300s"),
    "lifetime": _span("10m", "1h", "2h", "8h", "12h", "24h", "30m"),
    "grace": _plain(lambda words: str(words.rng.choice((5, 10, 15, 20, 30, 45, 60, 90, 120, 300)))),
    "file": _file,
    "folder": _folder,
    "url": _url,
    "copied": _copied,
    "cert": _container_file("crt"),
    "keyfile": _container_file("key"),
    "envfile": _container_file("env"),
    "datafile": _container_file("conf"),
    "rawfile": _container_file("json", "txt", "pem", "conf", "yaml", "p12"),
    "schedule": lambda words: _quoted(words.schedule()),
    "variable": _variable,
    "literal": _literal,
    "secretliteral": _secret_literal,
    "envname": _plain(Words.variable),
    "annotation": _annotation,
    "resources": _resources,
    "budget": _budget,
    "cpu": _plain(Words.cpu),
    "memory": _plain(Words.memory),
    "command": _command,
    "context": _context,
    "user": _plain(lambda words: words.name() if words.rng.random() < 0.4 else f"{words.word()}@{words.host()}"),
    "group": _plain(Words.name),
    "grants": _grants,
    "account": _account,
    "hard": _hard,
    "rule": _rule,
    "password": _plain(Words.secret),
    "priority": _plain(lambda words: str(words.rng.choice((100, 500, 1000, 5000, 10000, 100000, 1000000)))),
    "urlpath": _plain(lambda words: words.rng.choice(("/metrics", "/healthz", "/logs/", f"/{words.word()}/*", "/version"))),
    "server": _plain(lambda words: f"https://{words.host()}:6443"),
    "configpath": _plain(lambda words: f"{words.rng.choice(('~/.kube/', './', '/etc/kubernetes/', ''))}{words.word()}.kubeconfig"),
    "cause": _cause,
    "exact": _exact,
    "nodeport": _number(30000, 32768),
    "atleast": _plain(lambda words: words.rng.choice(("1", "2", "3", "50%", "25%", "30%", "4", "80%"))),
}
