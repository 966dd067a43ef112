"""Topics about how a cluster behaves: names and addresses, selectors, tolerations, QoS, images, exit codes, words of the trade."""

import re
from collections.abc import Mapping
from random import Random

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.domains.kubernetes.skills.general.facts import facts
from kubestill.domains.kubernetes.skills.general.topic import Asked, Said, Solved, Topic, one, yes_or_no

_SIGNALS = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV"}
_SIGNALS |= {13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM"}
FIRST_NODE_PORT, LAST_NODE_PORT = 30000, 32767  # kube-apiserver --service-node-port-range, its default
DEFAULT_REGISTRY, DEFAULT_TAG = "docker.io", "latest"
# The letters of generated names: consonants and digits that spell no words (apimachinery, util/rand).
_GENERATED = "bcdfghjklmnpqrstvwxz2456789"
_POD_OF_DEPLOYMENT = re.compile(r"(.+)-([bcdfghjklmnpqrstvwxz2456789]{8,10})-[bcdfghjklmnpqrstvwxz2456789]{5}\Z")


def _exit_code(rng: Random, words: Words) -> Asked:  # noqa: ARG001 - as all draws
    codes = [128 + number for number in _SIGNALS]
    return Asked({"code": str(rng.choice((*codes, 137, 137, 143, 139, *map(int, facts()["exits"]))))})


def _solve_exit(said: Said) -> Solved:
    if meaning := facts()["exits"].get(said["code"]):
        return Solved("meaning", {"meaning": meaning})
    number = int(said["code"]) - 128
    return Solved("signal", {"number": str(number), "signal": _SIGNALS[number]})


def _service(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"service": words.name(), "namespace": words.namespace()})


def _solve_service(said: Said) -> Solved:
    return one(name=f"{said['service']}.{said['namespace']}.svc.cluster.local")


def _member(rng: Random, words: Words) -> Asked:
    return Asked({"pod": f"{words.name()}-{rng.randrange(5)}", "service": words.name(), "namespace": words.namespace()})


def _solve_member(said: Said) -> Solved:
    return one(name=f"{said['pod']}.{said['service']}.{said['namespace']}.svc.cluster.local")


def _variable(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"service": words.name()})


def _solve_variable(said: Said) -> Solved:
    return one(name=f"{said['service'].upper().replace('-', '_')}_SERVICE_HOST")


def _account(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"account": words.name(), "namespace": words.namespace()})


def _solve_account(said: Said) -> Solved:
    return one(user=f"system:serviceaccount:{said['namespace']}:{said['account']}")


def _claim(rng: Random, words: Words) -> Asked:
    return Asked({"template": rng.choice(("data", "logs", "storage", words.word())), "pod": f"{words.name()}-{rng.randrange(6)}"})


def _order(rng: Random, words: Words) -> Asked:
    low = rng.randrange(2, 6)
    return Asked({"set": words.name(), "from": str(low + rng.randrange(1, 4)), "to": str(low)})


def _solve_order(said: Said) -> Solved:
    high, low = int(said["from"]), int(said["to"])
    if not low < high <= low + 20:
        raise ValueError("it does not shrink")
    return one(pods=", ".join(f"{said['set']}-{number}" for number in range(high - 1, low - 1, -1)))


def _resources(cpu: str, memory: str) -> str:
    return ",".join(filter(None, (f"cpu={cpu}" if cpu else "", f"memory={memory}" if memory else ""))) or "none"


def _qos(rng: Random, words: Words) -> Asked:
    cpu, memory, roll = words.cpu(), words.memory(), rng.random()
    if roll < 0.2:
        return Asked({"requests": "none", "limits": "none"})
    if roll < 0.5:
        return Asked({"requests": _resources(cpu, memory), "limits": _resources(cpu, memory)})
    if roll < 0.6:
        return Asked({"requests": "none", "limits": _resources(cpu, memory)})
    if roll < 0.8:
        return Asked({"requests": _resources(cpu, memory), "limits": rng.choice(("none", _resources("", memory)))})
    return Asked({"requests": _resources(cpu if rng.random() < 0.5 else "", "64Mi"), "limits": _resources("", memory)})


def _listed(text: str) -> dict[str, object]:
    pairs = (part.partition("=") for part in text.split(",") if part != "none")
    return {name: parse_quantity(value) for name, _, value in pairs}


def _solve_qos(said: Said) -> Solved:
    """Limits stand for requests that are not given; Guaranteed wants both of both, equal (kubernetes.io, "Pod QoS Classes")."""
    limits = _listed(said["limits"])
    requests = {**limits, **_listed(said["requests"])}
    if not requests:
        return one(qos="BestEffort")
    return one(qos="Guaranteed" if requests == limits and set(limits) == {"cpu", "memory"} else "Burstable")


def _term(rng: Random, key: str, value: str, holds: bool) -> str:
    others = [other for other in ("web", "db", "cache", "prod", "dev", "eu", "us", "blue") if other != value]
    wrong = rng.choice(others)
    if holds:
        return rng.choice((f"{key}={value}", f"{key}!={wrong}", f"{key} in ({wrong},{value})", f"{key} notin ({wrong})"))
    return rng.choice((f"{key}={wrong}", f"{key}!={value}", f"{key} in ({wrong})", f"{key} notin ({value},{wrong})"))


def _selector(rng: Random, words: Words) -> Asked:
    keys = rng.sample(("app", "tier", "env", "region", "track", "team"), 3)
    values = (words.word(), rng.choice(("web", "db", "cache")), rng.choice(("prod", "dev", "eu")))
    labels = dict(zip(keys[: rng.choice((1, 2, 2, 3))], values, strict=False))
    chosen = rng.sample(tuple(labels), rng.choice((1, min(2, len(labels)))))
    wrong = rng.choice(chosen) if rng.random() < 0.5 else ""
    terms = [_term(rng, key, labels[key], key != wrong) for key in chosen]
    return Asked({"selector": ",".join(terms), "labels": ",".join(f"{key}={value}" for key, value in labels.items())})


_TERM = re.compile(r"([\w./-]+) (in|notin) \(([^)]*)\)|([\w./-]+)(!=|==?)([\w.-]*)|(!?)([\w./-]+)")


def _holds(term: re.Match[str], labels: Mapping[str, str]) -> bool:
    """Say whether one term of a selector holds; what is not there is unequal to everything (apimachinery, labels.Requirement)."""
    if term[2]:
        inside = labels.get(term[1]) in term[3].split(",")
        return inside == (term[2] == "in")
    if term[5]:
        return (labels.get(term[4]) == term[6]) == (term[5] != "!=")
    return (term[8] in labels) != bool(term[7])


def _solve_selector(said: Said) -> Solved:
    labels = dict(pair.split("=", 1) for pair in said["labels"].split(","))
    for term in _TERM.finditer(said["selector"]):
        if not _holds(term, labels):
            return Solved("no", {"term": term[0]})
    return Solved("yes", {})


def _taint(rng: Random, words: Words) -> Asked:
    key, value = rng.choice(("gpu", "dedicated", "team", "spot", words.word())), rng.choice(("true", words.word()))
    effect = rng.choice(("NoSchedule", "NoExecute", "PreferNoSchedule"))
    other = rng.choice([one for one in ("NoSchedule", "NoExecute") if one != effect])
    toleration = rng.choice(
        (
            f"key={key}, operator=Exists",
            f"key={key}, operator=Equal, value={value}, effect={effect}",
            f"key={key}, operator=Exists, effect={effect}",
            "operator=Exists",
            f"key={key}, operator=Equal, value={value}, effect={other}",
            f"key={key}, operator=Equal, value={words.word()}, effect={effect}",
            f"key={words.word()}, operator=Exists",
            f"key={key}, operator=Exists, effect={other}",
        )
    )
    return Asked({"taint": f"{key}={value}:{effect}", "toleration": toleration})


def _solve_taint(said: Said) -> Solved:
    pair, _, effect = said["taint"].partition(":")
    key, _, value = pair.partition("=")
    given = dict(part.split("=", 1) for part in said["toleration"].split(", "))
    for name, right in (("effect", effect), ("key", key)):
        if given.get(name, right) != right:
            return Solved("no", {"part": name})
    if given.get("operator", "Equal") == "Equal" and given.get("value", "") != value:
        return Solved("no", {"part": "value"})
    return Solved("yes", {})


def image_parts(reference: str) -> tuple[str, str, str]:
    """Return registry, repository, and tag or digest, as Docker and containerd read a reference (distribution/reference)."""
    name, _, digest = reference.partition("@")
    first, slash, rest = name.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    registry, path = (first, rest) if is_host else (DEFAULT_REGISTRY, name)
    path, _, tag = path.partition(":")
    if registry == DEFAULT_REGISTRY and "/" not in path:
        path = f"library/{path}"
    return registry, path, digest or tag or DEFAULT_TAG


def _image(rng: Random, words: Words) -> Asked:
    image = words.image()
    if rng.random() < 0.15:
        first, slash, rest = image.partition("/")
        image = f"{first}:{rng.choice((5000, 8443, 443))}/{rest}" if slash and "." in first else image
    return Asked({"image": image})


def _solve_image(said: Said) -> Solved:
    registry, repository, version = image_parts(said["image"])
    return one(registry=registry, repository=repository, tag=version)


def _pull(rng: Random, words: Words) -> Asked:
    image = words.image()
    return Asked({"image": f"{image.rpartition(':')[0] or image}:latest" if rng.random() < 0.3 else image})


def _solve_pull(said: Said) -> Solved:
    return one(policy="Always" if "@" not in said["image"] and image_parts(said["image"])[2] == DEFAULT_TAG else "IfNotPresent")


def _owner(rng: Random, words: Words) -> Asked:
    digits = ("".join(rng.choice(_GENERATED) for _ in range(count)) for count in (rng.choice((9, 10)), 5))
    return Asked({"pod": "-".join((words.name(), *digits))})


def _solve_owner(said: Said) -> Solved:
    match = _POD_OF_DEPLOYMENT.match(said["pod"])
    if match is None:
        raise ValueError("no pod of a Deployment has such a name")
    return one(deployment=match[1], set=f"{match[1]}-{match[2]}")


def _node_port(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    inside = rng.randrange(FIRST_NODE_PORT, LAST_NODE_PORT + 1)
    return Asked(
        {"port": str(inside if rng.random() < 0.5 else rng.choice((80, 443, 8080, 29999, 32768, 40000, rng.randrange(1024, 65000))))}
    )


def _solve_node_port(said: Said) -> Solved:
    return yes_or_no(FIRST_NODE_PORT <= int(said["port"]) <= LAST_NODE_PORT, port=said["port"])


def _name(rng: Random, words: Words) -> Asked:
    name = words.name()
    spoiled = (
        name.replace("-", "_") + "_1",
        name.capitalize(),
        f"-{name}",
        f"{name}-",
        name.upper(),
        f"{name}.{words.word()}",
        f"my {name}",
    )
    return Asked({"name": name if rng.random() < 0.5 else rng.choice(spoiled)})


def _solve_name(said: Said) -> Solved:
    return yes_or_no(not formats.dns_label(said["name"]), name=said["name"])


def _word(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"word": rng.choice(tuple(facts()["words"]))})


def _solve_word(said: Said) -> Solved:
    return one(meaning=facts()["words"][said["word"]])


TOPICS = (
    Topic(
        "exit-code",
        _exit_code,
        _solve_exit,
        {"signal": "{signal:word} (128 + {number:number})", "meaning": "{meaning:meaning}"},
        closed=True,
    ),
    Topic("service-dns", _service, _solve_service, {"is": "{name:word}"}),
    Topic("member-dns", _member, _solve_member, {"is": "{name:word}"}, 0.6),
    Topic("service-variable", _variable, _solve_variable, {"is": "{name:word}"}, 0.5),
    Topic("account-user", _account, _solve_account, {"is": "{user:word}"}, 0.6),
    Topic("claim-name", _claim, lambda said: one(name=f"{said['template']}-{said['pod']}"), {"is": "{name:word}"}, 0.6),
    Topic("scale-order", _order, _solve_order, {"is": "{pods}"}, 0.6),
    Topic("qos", _qos, _solve_qos, {"is": "{qos:word}"}),
    Topic("selector", _selector, _solve_selector, {"yes": "Yes: every term holds.", "no": "No: {term} does not hold."}, 1.2),
    Topic("toleration", _taint, _solve_taint, {"yes": "Yes: it tolerates the taint.", "no": "No: the {part:word} differs."}),
    Topic("image", _image, _solve_image, {"is": "registry {registry:word}, repository {repository:word}, tag {tag:word}"}),
    Topic("pull-policy", _pull, _solve_pull, {"is": "{policy:word}"}, 0.6),
    Topic("owner", _owner, _solve_owner, {"is": "Deployment {deployment:word} (ReplicaSet {set:word})"}, 0.8),
    Topic(
        "node-port",
        _node_port,
        _solve_node_port,
        {"yes": "Yes: {port:number} is between 30000 and 32767.", "no": "No: {port:number} is not between 30000 and 32767."},
        0.5,
    ),
    Topic(
        "name",
        _name,
        _solve_name,
        {"yes": "Yes: {name} is a valid DNS label.", "no": "No: {name} is no DNS label: lower-case letters, digits and hyphens only."},
        0.7,
    ),
    Topic("word", _word, _solve_word, {"is": "{meaning:meaning}"}, 2.0, closed=True),
)
