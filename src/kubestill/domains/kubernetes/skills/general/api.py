"""Topics about the API: where a field stands, what it is, which kinds have it, versions, scope, short names."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.kubectl.reference import Resource, reference
from kubestill.domains.kubernetes.schema import schemas
from kubestill.domains.kubernetes.skills.general.facts import facts
from kubestill.domains.kubernetes.skills.general.fields import ASKED, OLD, Field, asked_about, at, bare, meant, only_place
from kubestill.domains.kubernetes.skills.general.topic import Asked, Said, Solved, Topic, one, yes_or_no

# How often a kind is asked about, against 1 for each of the others.
_POPULAR = {"Pod": 8, "Deployment": 8, "StatefulSet": 4, "CronJob": 4, "Service": 5, "Ingress": 4, "HorizontalPodAutoscaler": 4}
_POPULAR |= {"Job": 3, "DaemonSet": 3, "NetworkPolicy": 3, "PersistentVolumeClaim": 3, "PodDisruptionBudget": 2}
_SENTENCE = re.compile(r"(.+?[a-z)`\"'][.])(?=\s+[A-Z\"']|\s*$)", re.DOTALL)
_RUN_ON = re.compile(r"[a-z] (?:If|This|The|When|Must|It) ")  # two sentences that a full stop should part
MEANING_CHARS = (25, 150)
_OPTIONAL = re.compile(r"[Dd]efaults? to|[Ii]s optional|[Oo]ptional\b|[Ii]f (?:not specified|unspecified|empty|not set|unset)")
_NOT_SO_OPTIONAL = ("image", "containers", "template", "selector", "schedule", "rules", "accessModes", "resources")  # validation asks more
_SAY_NOTHING = ("spec", "template", "kind", "apiVersion")  # what is said of them is said of any
_FEW = 4  # items of a list in an answer


def _kind(rng: Random) -> str:
    names, weights = _kinds()
    return rng.choices(names, weights)[0]


@cache
def _kinds() -> tuple[tuple[str, ...], tuple[int, ...]]:
    return tuple(ASKED), tuple(_POPULAR.get(kind, 1) for kind in ASKED)


def _choose(rng: Random, found: Sequence[Field]) -> Field:
    """Choose a field; one deep down is chosen less often than one near the top."""
    weights = [1.0 / (1 + field.path.count(".")) for field in found]
    return rng.choices(found, weights)[0]


def _some(rng: Random, wanted: str) -> tuple[str, Field]:
    """Return a kind and one of its fields that fits a kind of question; kinds that have none are passed over."""
    while True:
        kind = _kind(rng)
        found = _fitting(kind, wanted)
        if found:
            return kind, _choose(rng, found)


def any_field(rng: Random) -> tuple[str, Field]:
    """Return a kind and one of its fields."""
    return _some(rng, "any")


@cache
def _fitting(kind: str, wanted: str) -> tuple[Field, ...]:
    tests: Mapping[str, Callable[[Field], bool]] = {
        "any": lambda field: "." in field.path,
        "place": lambda field: any(meant(kind, name) is field for name in _names(field)) and "." in field.path,
        "type": lambda field: field.type != "any" and "." in field.path,
        "optional": lambda field: (
            not field.required and bool(_OPTIONAL.search(field.description)) and field.leaf not in _NOT_SO_OPTIONAL and not field.keys
        ),
        "required": lambda field: field.required and "." in field.path,
        "keys": lambda field: 2 <= len(field.keys) <= 8 and "." in field.path,
        "enum": lambda field: 2 <= len(field.enum) <= 6,
        "meaning": lambda field: bool(_meaning(field)) and any(meant(kind, name) is field for name in _names(field)),
        "needs": lambda field: 1 <= len(field.required_keys) <= 3 and len(field.keys) > len(field.required_keys),
    }
    return tuple(field for field in asked_about(kind) if tests[wanted](field))


def _names(field: Field) -> tuple[str, ...]:
    """Return its name, and its name with its parent's."""
    parts = bare(field.path).split(".")
    return (parts[-1], *([".".join(parts[-2:])] if len(parts) > 2 else []))


def _name_of_place(kind: str, field: Field) -> str:
    names = [name for name in _names(field) if meant(kind, name) is field]
    plain = field.leaf.islower() and field.holder != "spec"  # `server` says nothing without `nfs`
    return names[-1] if plain else names[0]


def _field_path(rng: Random, words: Words) -> Asked:  # noqa: ARG001 - as all draws
    kind, field = _some(rng, "place")
    return Asked({"kind": kind, "field": _name_of_place(kind, field)})


def _solve_place(said: Said) -> Solved:
    field = only_place(said["kind"], said["field"])
    return one(path=field.place, type=field.type)


def _field_type(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    kind, field = _some(rng, "type")
    return Asked({"kind": kind, "field": bare(field.path)})


def _known(said: Said) -> Field:
    found = at(said["kind"], said["field"])
    if found is None:
        raise ValueError(f"{said['kind']} has no field {said['field']}")
    return found


def _solve_type(said: Said) -> Solved:
    return one(type=_known(said).type)


def _required(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    kind, field = _some(rng, "required" if rng.random() < 0.5 else "optional")
    return Asked({"kind": kind, "field": bare(field.path)})


def _solve_required(said: Said) -> Solved:
    return yes_or_no(_known(said).required, field=said["field"], kind=said["kind"])


def _keys(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    kind, field = _some(rng, "keys")
    return Asked({"kind": kind, "field": bare(field.path)})


def _solve_keys(said: Said) -> Solved:
    return one(fields=", ".join(sorted(_known(said).keys)))


def _needs(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    kind, field = _some(rng, "needs")
    return Asked({"kind": kind, "field": bare(field.path)})


def _solve_needs(said: Said) -> Solved:
    return one(fields=", ".join(sorted(_known(said).required_keys)))


def _enum(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    kind, field = _some(rng, "enum")
    return Asked({"kind": kind, "field": bare(field.path)})


def _solve_enum(said: Said) -> Solved:
    return one(values=", ".join(sorted(_known(said).enum)))


def _meaning(field: Field) -> str:
    """Return the first sentence of a description, where it is neither too short nor too long to be an answer."""
    match = _SENTENCE.match(field.description.split("\n")[0].strip())
    text = match[1] if match else ""
    if field.leaf in _SAY_NOTHING or _RUN_ON.search(text):
        return ""
    return text if MEANING_CHARS[0] <= len(text) <= MEANING_CHARS[1] and "http" not in text else ""


def _field_meaning(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    kind, field = _some(rng, "meaning")
    return Asked({"kind": kind, "field": _name_of_place(kind, field)})


def _solve_meaning(said: Said) -> Solved:
    text = _meaning(only_place(said["kind"], said["field"]))
    if not text:
        raise ValueError("nothing short is known of it")
    return one(meaning=text)


@cache
def _holders() -> Mapping[str, tuple[str, ...]]:
    """Return the kinds that have a field of spec, for fields that few of all kinds have."""
    known = schemas()
    found: dict[str, set[str]] = {}
    for kind in known.kinds():
        spec = known.property(kind.api_version, kind.kind, ("spec",))
        for name in spec.keys if spec else ():
            found.setdefault(name, set()).add(kind.kind)
    return {name: tuple(sorted(kinds)) for name, kinds in found.items() if len(kinds) <= _FEW and kinds & set(ASKED) and name not in OLD}


def _kinds_with(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"field": f"spec.{rng.choice(tuple(_holders()))}"})


def _solve_kinds_with(said: Said) -> Solved:
    return one(kinds=", ".join(_holders()[said["field"].removeprefix("spec.")]))


@cache
def versions() -> Mapping[str, str]:
    """Return the stable apiVersion of each kind that one API group serves; of several the newest."""
    found: dict[str, set[tuple[str, str]]] = {}
    for kind in schemas().kinds():
        found.setdefault(kind.kind, set()).add((kind.group, kind.version))
    stable: dict[str, str] = {}
    for name, pairs in found.items():
        done = sorted(version for _, version in pairs if version[1:].isdigit())
        if done and len({group for group, _ in pairs}) == 1:
            group = next(iter(pairs))[0]
            stable[name] = f"{group}/{done[-1]}" if group else done[-1]
    return stable


def _api_version(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    kind = _kind(rng) if rng.random() < 0.6 else rng.choice(tuple(versions()))
    return Asked({"kind": kind})


def _solve_api_version(said: Said) -> Solved:
    return one(version=versions()[said["kind"]])


@cache
def resources() -> Mapping[str, Resource]:
    """Return the built-in resources by kind, where one group alone has the kind."""
    found: dict[str, list[Resource]] = {}
    for resource in reference().resources:
        found.setdefault(resource.kind, []).append(resource)
    return {kind: several[0] for kind, several in found.items() if len({one.name for one in several}) == 1}


def _namespaced(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    wanted = rng.random() < 0.5
    kinds = [kind for kind, resource in resources().items() if resource.namespaced == wanted and kind in versions()]
    known = [kind for kind in kinds if kind in ASKED]
    return Asked({"kind": rng.choice(known if rng.random() < 0.7 else kinds)})


def _solve_namespaced(said: Said) -> Solved:
    resource = resources()[said["kind"]]
    return yes_or_no(resource.namespaced, kind=said["kind"])


def _short(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"resource": rng.choice([one.plural for one in resources().values() if one.short])})


def _solve_short(said: Said) -> Solved:
    found = next((one for one in resources().values() if one.plural == said["resource"] and one.short), None)
    if found is None:
        raise ValueError(f"no short name of {said['resource']}")
    return one(short=", ".join(found.short))


def _long(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"short": rng.choice([short for one in resources().values() for short in one.short])})


def _solve_long(said: Said) -> Solved:
    found = next((one for one in resources().values() if said["short"] in one.short), None)
    if found is None:
        raise ValueError(f"{said['short']} is no short name")
    return one(resource=found.plural, kind=found.kind)


def _default(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    kind, path, _ = rng.choice(facts()["defaults"])
    return Asked({"kind": kind, "field": bare(path)})


def _solve_default(said: Said) -> Solved:
    for kind, path, value in facts()["defaults"]:
        if (kind, bare(path)) == (said["kind"], said["field"]):
            return one(value=value)
    raise ValueError(f"no default is known of {said['field']}")


_WORKLOADS = ("Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")


def _field_for(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    name, kinds = rng.choice(tuple(facts()["purposes"].items()))
    return Asked({"kind": rng.choice(kinds or _WORKLOADS), "field": name}, parts={"purpose": f"{name}/purpose"})


def _solve_for(said: Said) -> Solved:
    return one(path=only_place(said["kind"], said["field"]).place)


def _removed(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    old, kinds, *_ = rng.choice(facts()["removed"])
    return Asked({"version": old, "kind": rng.choice(kinds)})


def _solve_removed(said: Said) -> Solved:
    for old, kinds, release, new in facts()["removed"]:
        if old == said["version"] and said["kind"] in kinds:
            return Solved("replaced" if new else "gone", {"release": release, "new": new})
    raise ValueError(f"{said['version']} {said['kind']} was never removed")


TOPICS = (
    Topic("field-path", _field_path, _solve_place, {"is": "{path:path} ({type})"}, 3.0, closed=True),
    Topic("field-for", _field_for, _solve_for, {"is": "{path:path}"}, 2.0, closed=True),
    Topic("field-type", _field_type, _solve_type, {"is": "{type}"}, 1.5, closed=True),
    Topic(
        "field-required",
        _required,
        _solve_required,
        {"yes": "Yes: {field:path} is required in {kind:word}.", "no": "No: {field:path} is optional in {kind:word}."},
        1.0,
        closed=True,
    ),
    Topic("field-keys", _keys, _solve_keys, {"is": "{fields:set}"}, 1.0, closed=True),
    Topic("field-needs", _needs, _solve_needs, {"is": "{fields:set}"}, 0.8, closed=True),
    Topic("field-values", _enum, _solve_enum, {"is": "{values:set}"}, 1.2, closed=True),
    Topic("field-meaning", _field_meaning, _solve_meaning, {"is": "{meaning:meaning}"}, 2.0, closed=True),
    Topic("field-default", _default, _solve_default, {"is": "{value}"}, 1.2, closed=True),
    Topic("kinds-with", _kinds_with, _solve_kinds_with, {"is": "{kinds:set}"}, 1.0, closed=True),
    Topic("api-version", _api_version, _solve_api_version, {"is": "{version:word}"}, 1.2, closed=True),
    Topic(
        "namespaced",
        _namespaced,
        _solve_namespaced,
        {"yes": "Yes: {kind:word} is namespaced.", "no": "No: {kind:word} is cluster-scoped."},
        1.0,
        closed=True,
    ),
    Topic("short-name", _short, _solve_short, {"is": "{short:set}"}, 0.6, closed=True),
    Topic("short-for", _long, _solve_long, {"is": "{resource:word} (kind {kind:word})"}, 0.6, closed=True),
    Topic(
        "version-removed",
        _removed,
        _solve_removed,
        {"replaced": "Removed in {release:word}. Use {new:word}", "gone": "Removed in {release:word}. It has no successor"},
        1.2,
        closed=True,
    ),
)
