"""A small valid object of a custom kind, drawn from the schema of its definition; and what of that schema it takes to judge it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.intents.tree import Obj

Schema = Mapping[str, Any]
MAX_DEPTH = 4  # of fields below spec: nobody spells out more in a request
MAX_LEAVES = 9


class Undrawable(ValueError):
    """Nothing that the schema asks for could be drawn: a pattern that no word fits, or a field of any shape."""


def draw_spec(schema: Schema, words: Words) -> Obj:
    """Return a spec: what is required, and some of what may be there.

    Raises:
        Undrawable: a required field cannot be drawn.
    """
    found = _Drawing(words).mapping(schema, "spec", 0)
    if not found:
        raise Undrawable("the spec has no field that can be drawn")
    return found


class _Drawing:
    def __init__(self, words: Words) -> None:
        self.words, self.rng = words, words.rng
        self.leaves = 0

    def mapping(self, schema: Schema, name: str, depth: int) -> Obj:
        """Return an object: its required fields, and optional ones the more the less deep it stands."""
        properties = schema.get("properties") or {}
        required = [key for key in properties if key in (schema.get("required") or ())]
        if name == "selector" and "matchLabels" in properties:
            required.append("matchLabels")  # without it everything is selected, which nobody asks for
        found: Obj = {}
        for key in required:
            found[key] = self.value(properties[key], key, depth + 1, name)
        free = [key for key in properties if key not in found and _simple(properties[key], key, depth)]
        wanted = self.rng.randint(1, 4) if depth == 0 else self.rng.choice((0, 0, 1, 2)) if found else self.rng.randint(1, 2)
        for key in self.rng.sample(free, min(len(free), wanted)):
            if self.leaves >= MAX_LEAVES:
                break
            try:
                found[key] = self.value(properties[key], key, depth + 1, name)
            except Undrawable:
                continue
        return {key: found[key] for key in properties if key in found}

    def value(self, schema: Schema, name: str, depth: int, parent: str) -> Any:
        """Return a value of a field."""
        kind = schema.get("type")
        if kind == "object" and schema.get("properties"):
            if depth > MAX_DEPTH:
                raise Undrawable(name)
            found = self.mapping(schema, name, depth)
            if not found:
                raise Undrawable(name)
            return found
        if kind == "object" and name in _LABELS and isinstance(schema.get("additionalProperties"), Mapping):
            self.leaves += 1
            return {self.rng.choice(("app", "team", "tier", "release", "component")): self.words.word()}
        if kind == "array":
            return self._list(schema, name, depth, parent)
        self.leaves += 1
        if "enum" in schema:
            return self.rng.choice([value for value in schema["enum"] if value != ""] or list(schema["enum"]))
        if schema.get("x-kubernetes-int-or-string"):
            return self.words.port() if "port" in name.lower() else self.rng.randint(1, 9)
        if kind == "boolean":
            return self.rng.random() < 0.7
        if kind in ("integer", "number"):
            return self._number(schema, name)
        if kind == "string":
            return self._text(schema, name, parent)
        raise Undrawable(name)

    def _list(self, schema: Schema, name: str, depth: int, parent: str) -> list[Any]:
        items = schema.get("items") or {}
        if items.get("type") == "object":
            return [self.value(items, name, depth, parent)]
        few = max(int(schema.get("minItems", 1)), 1)
        most = min(int(schema.get("maxItems", 3)), 3)
        wanted = max(few, self.rng.choice((1, 1, 2))) if most > 1 else few
        found: list[Any] = []
        for _ in range(4 * wanted):
            one = self.value(items, _singular(name), depth, parent)
            if one not in found:
                found.append(one)
            if len(found) == wanted:
                return found
        if len(found) < few:
            raise Undrawable(name)
        return found

    def _number(self, schema: Schema, name: str) -> int:
        low, high = schema.get("minimum"), schema.get("maximum")
        if "port" in name.lower() and (low is None or low <= 1024):
            return self.words.port()
        low = 1 if low is None else int(low) + bool(schema.get("exclusiveMinimum"))
        high = max(low, 60) if high is None else int(high)
        return self.rng.randint(low, min(high, low + 60))

    def _text(self, schema: Schema, name: str, parent: str) -> str:
        if known := next((values for test, values in _BY_PLACE if re.search(test, f"{parent}.{name}")), None):
            return self.rng.choice(known)
        for candidate in _candidates(self.words, name, parent, str(schema.get("format", "")), str(schema.get("pattern", ""))):
            if _fits(candidate, schema):
                return candidate
        raise Undrawable(name)


def _singular(name: str) -> str:
    if name.endswith(("sses", "ies")):
        return name[:-2] if name.endswith("sses") else f"{name[:-3]}y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


# Optional fields that nobody asks for in a sentence, or whose values mean nothing unless they fit what stands elsewhere.
_UNASKED = frozenset(
    "affinity securityContext containers initContainers volumes volumeMounts topologySpreadConstraints podMetadata hostAliases "
    "matchExpressions relabelings metricRelabelings writeRelabelConfigs dnsConfig managedResource size mode literalSubject "
    "excludedFromEnforcement sampleAgeLimit externalLabels additionalScrapeConfigs headers params addresses tolerations "
    "optional persistentVolumeClaimRetentionPolicy".split()
)
_TELLING = frozenset(
    "kind group operator type protocol role action effect".split()
)  # of these only a list of values says what may stand there
_LABELS = frozenset(("matchLabels", "labels"))


def _simple(schema: Schema, name: str, depth: int) -> bool:
    """Say whether an optional field is one that people ask for in a sentence: no free-form maps, nothing deep."""
    kind = schema.get("type")
    if schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-embedded-resource") or name in _UNASKED:
        return False
    if name in _TELLING and "enum" not in schema:
        return False
    if kind == "object":
        return (bool(schema.get("properties")) and depth < MAX_DEPTH - 2) or name in _LABELS
    if kind == "array":
        items = schema.get("items") or {}
        return items.get("type") in ("string", "integer") or (bool(items.get("properties")) and depth < 2)
    return kind in ("string", "integer", "boolean") or bool(schema.get("x-kubernetes-int-or-string"))


def _fits(text: str, schema: Schema) -> bool:
    if not int(schema.get("minLength", 0)) <= len(text) <= int(schema.get("maxLength", 60)):
        return False
    try:
        return re.search(schema.get("pattern", ""), text) is not None
    except re.error:
        return False


# What a required field holds that the schema leaves open and its users know.
_BY_PLACE: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"issuerRef\.kind$", ("Issuer", "ClusterIssuer")),
    (r"issuerRef\.group$", ("cert-manager.io",)),
    (r"listeners\.protocol$", ("HTTP", "HTTPS", "TCP")),
    (r"from\.group$", ("gateway.networking.k8s.io",)),
    (r"from\.kind$", ("HTTPRoute", "GRPCRoute", "TCPRoute")),
    (r"to\.group$", ("",)),
    (r"to\.kind$", ("Service", "Secret")),
    (r"targetRefs?\.kind$|backendRefs?\.kind$", ("Service",)),
    (r"targetRefs?\.group$|backendRefs?\.group$", ("",)),
    (r"parentRefs?\.kind$", ("Gateway",)),
    (r"Refs?\.kind$", ("ConfigMap",)),
    (r"Refs?\.group$", ("",)),
    (r"wellKnownCACertificates$", ("System",)),
)
_BY_NAME: tuple[tuple[str, str], ...] = (
    (r"timeinterval|scheduler", ""),  # names of other things
    (r"image$", "image"),
    (r"host|domain|dnsname|servername|commonname|zone$", "host"),
    (r"^duration$|^renewbefore$", "long"),
    (r"duration|interval|timeout|retention$|delay|period|backoff|lookback", "duration"),
    (r"email", "email"),
    (r"url|uri|endpoint|issuer$|server$", "url"),
    (r"path|dir$|directory", "path"),
    (r"size|storage|memory|limit$", "size"),
    (r"version$", "version"),
    (r"cidr", "cidr"),
    (r"ip$|address$", "ip"),
    (r"key$", "key"),
    (r"schedule$|cron", "schedule"),
    (r"namespace", "namespace"),
    (r"time$|date$", "date"),
)


def _candidates(words: Words, name: str, parent: str, form: str, pattern: str) -> Iterator[str]:
    """Yield texts that a field may hold, the likeliest first: by its format, by its name, by what else its pattern may take."""
    rng = words.rng
    draws: dict[str, Callable[[], str]] = {
        "host": words.host,
        "duration": lambda: rng.choice(("5s", "10s", "15s", "30s", "45s", "1m", "2m", "5m", "10m", "1h", "6h", "24h")),
        "long": lambda: rng.choice(("2160h", "720h")) if name == "duration" else rng.choice(("360h", "240h", "168h")),
        "email": lambda: f"{words.word()}@{words.host()}",
        "url": lambda: f"https://{words.host()}/{words.word()}",
        "path": words.path,
        "image": words.image,
        "size": lambda: words.memory(),
        "version": lambda: f"v{rng.randint(1, 3)}.{rng.randint(0, 30)}.{rng.randint(0, 9)}",
        "cidr": lambda: f"10.{rng.randrange(256)}.0.0/16",
        "ip": lambda: f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
        "key": lambda: rng.choice(
            ("tls.crt", "ca.crt") if re.search("ca|cert|tls", parent.lower()) else ("token", "password", words.word())
        ),
        "schedule": words.schedule,
        "namespace": words.namespace,
        "date": lambda: f"20{rng.randint(26, 29)}-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}T00:00:00Z",
    }
    formats = {"hostname": "host", "duration": "duration", "email": "email", "uri": "url", "ipv4": "ip", "date-time": "date"}
    meant = formats.get(form) or next((what for test, what in _BY_NAME if re.search(test, name.lower())), "")
    if meant:
        yield draws[meant]()
    yield words.name() if name.lower().endswith(("name", "ref")) or rng.random() < 0.4 else words.word()
    if pattern:
        yield f"{words.host()}/{words.word()}"
        for what in draws:
            yield draws[what]()
        yield words.word().capitalize()
        yield words.word().upper()
        yield str(rng.randint(1, 99))


def slice_of(schema: Schema, value: Any) -> dict[str, Any]:
    """Return what a schema says of the fields that a value has, and of their neighbours no more than that they exist."""
    kept = {key: part for key, part in schema.items() if key in _KEPT}
    if isinstance(value, Mapping) and schema.get("properties"):
        parts = schema["properties"]
        kept["properties"] = {key: slice_of(part, value[key]) if key in value else _OPEN for key, part in parts.items()}
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        kept["items"] = slice_of(schema["items"], value[0]) if len(value) == 1 and isinstance(value[0], Mapping) else _bare(schema["items"])
    elif "additionalProperties" in schema:
        kept["additionalProperties"] = schema["additionalProperties"]
    return kept


_OPEN: dict[str, Any] = {}  # says nothing, and so lets everything pass
_KEPT = frozenset(
    "type enum pattern minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems required format "
    "x-kubernetes-int-or-string x-kubernetes-preserve-unknown-fields nullable default".split()
)


def _bare(schema: Schema) -> dict[str, Any]:
    """Return a schema without what it says to people."""
    kept = {key: part for key, part in schema.items() if key in _KEPT}
    if schema.get("properties"):
        kept["properties"] = {key: _bare(part) for key, part in schema["properties"].items()}
    if isinstance(schema.get("items"), Mapping):
        kept["items"] = _bare(schema["items"])
    if isinstance(schema.get("additionalProperties"), Mapping | bool):
        more = schema["additionalProperties"]
        kept["additionalProperties"] = _bare(more) if isinstance(more, Mapping) else more
    return kept


_HUMPS = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")


def humanised(path: Sequence[str], dotted: bool = False) -> str:
    """Return the name of a field as words or, where `dotted`, as it stands: `issuer ref name`, `issuerRef.name`.

    A part that ends in `[]` is a list of which there is one item: `listener port`.
    """
    if dotted:
        return ".".join(part.replace("[]", "[0]") for part in path)
    return " ".join(_words(_singular(part[:-2]) if part.endswith("[]") else part) for part in path)


def _words(name: str) -> str:
    found = _HUMPS.findall(name)
    return " ".join(word if word.rstrip("s").isupper() and len(word) > 1 else word.lower() for word in found) or name
