"""The rules of kinds from the schemas at hand, kept in memory and on disk: what was written once is not written again."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from importlib import metadata, resources
from weakref import WeakKeyDictionary

from kubestill.domains.kubernetes.definitions import Kind
from kubestill.domains.kubernetes.grammars.rules import Rules, Writer
from kubestill.domains.kubernetes.schema import DEFAULT_VERSION, Enums, Schemas
from kubestill.ground.records import write_text
from kubestill.ground.settings import read_settings

RULES_VERSION = 4  # of what rules.py writes for the same schema; a test holds it against the digests of three kinds
FOLDER = "grammars"
_Named = tuple[Rules, tuple[str, ...]]  # with the names of the kinds' objects
_KEPT: WeakKeyDictionary[Schemas, dict[tuple[tuple[Kind, ...], bool], _Named]] = WeakKeyDictionary()
_DIGESTS: WeakKeyDictionary[Schemas, str] = WeakKeyDictionary()


def rules_of(schemas: Schemas, kinds: tuple[Kind, ...], idiom: bool) -> _Named:
    """Return the rules of some kinds, with the names of their objects.

    Raises:
        UserError: a definition is nested too deeply or has too many fields.
    """
    kept = _KEPT.setdefault(schemas, {})
    if (kinds, idiom) not in kept:
        kept[kinds, idiom] = _from_disk(schemas, kinds, idiom)
    return kept[kinds, idiom]


def _from_disk(schemas: Schemas, kinds: tuple[Kind, ...], idiom: bool) -> _Named:
    """Read rules that an earlier process wrote; a file that cannot be read is written anew, a folder that cannot be written is left."""
    asked = json.dumps([RULES_VERSION, _digest(schemas), kinds, idiom])
    path = read_settings().cache / FOLDER / f"{sha256(asked.encode()).hexdigest()[:32]}.json"
    try:
        return _decoded(path.read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        found = write_rules(schemas, kinds, idiom)
    try:
        write_text(path, json.dumps({**asdict(found[0]), "roots": found[1]}))
    except OSError:
        return found
    return found


def _decoded(text: str) -> _Named:
    record = json.loads(text)
    maps = tuple((str(name), str(key), str(value), tuple(map(int, levels))) for name, key, value, levels in record["maps"])
    choices = tuple((str(name), tuple(map(str, words))) for name, words in record["choices"])
    rules = Rules(str(record["text"]), tuple(map(str, record["slots"])), maps, choices, int(record["deepest"]))
    return rules, tuple(map(str, record["roots"]))


def write_rules(schemas: Schemas, kinds: Sequence[Kind], idiom: bool) -> _Named:
    """Write the rules of some kinds anew."""
    writer = Writer(schemas.definitions, enums_of(schemas), idiom)
    roots = tuple(writer.kind(kind.api_version, kind.kind, schemas.names[kind]) for kind in kinds)
    return writer.rules(), roots


def enums_of(schemas: Schemas) -> Enums:
    """Return the values of string fields: those that the schemas know, else those of the usual version.

    A server of another version may take a few more or fewer; without a list a small model writes what no server takes.
    """
    return schemas.enums or _usual_enums()


def _usual_enums() -> Enums:
    text = resources.files("kubestill.domains.kubernetes").joinpath(f"data/enums-{DEFAULT_VERSION}.json").read_text("utf-8")
    enums: Enums = json.loads(text)
    return enums


def _digest(schemas: Schemas) -> str:
    """Return what tells these schemas from others: the version, the package they come from, custom kinds and enums."""
    if schemas not in _DIGESTS:
        custom = [[*one.kind, one.written] for one in schemas.customs]
        told = json.dumps(
            [schemas.version, metadata.version("kubernetes-validate"), custom, enums_of(schemas)], sort_keys=True, default=str
        )
        _DIGESTS[schemas] = sha256(told.encode()).hexdigest()
    return _DIGESTS[schemas]
