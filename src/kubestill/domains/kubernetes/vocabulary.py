"""Words of the field: what a request says with them is a meaning to understand, not a name to copy."""

import json
import re
from functools import cache
from importlib import resources

from kubestill.domains.api import English
from kubestill.domains.kubernetes.drawing.others import RESOURCES, VERBS
from kubestill.domains.kubernetes.intents.kinds import DEFAULTS, KINDS
from kubestill.domains.kubernetes.intents.order import IDIOM
from kubestill.domains.kubernetes.kubectl.reference import reference
from kubestill.domains.kubernetes.schema import DEFAULT_VERSION
from kubestill.domains.kubernetes.skills.kubectl.kinds import kinds

_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Written the same by everybody: nobody's own words, though an answer repeats them.
_FIXED = frozenset(
    "m k g t mi gi ki ti true false yes no on off view rbac k8s helm.sh/chart app.kubernetes.io/name app.kubernetes.io/instance "
    "app.kubernetes.io/version app.kubernetes.io/component app.kubernetes.io/part-of app.kubernetes.io/managed-by "
    "kubernetes.io/hostname kubernetes.io/os kubernetes.io/arch".split()
)
_SINGLE = re.compile(r"[A-Za-z]{2,}\Z")


@cache
def vocabulary() -> frozenset[str]:
    """Return kinds, API groups, resources, verbs, fields, enum values, common labels, and kubectl's words; of camelCase also the parts."""
    text = resources.files("kubestill.domains.kubernetes").joinpath(f"data/enums-{DEFAULT_VERSION}.json").read_text("utf-8")
    enums = [value for fields in json.loads(text).values() for values in fields.values() for value in values]
    names = [resource.split(".")[0] for resource in RESOURCES]
    values = [str(value) for value in DEFAULTS.values()]
    plurals = [f"{kind}s" for kind in KINDS]
    verbs = [verb for several in VERBS for verb in several]
    words = [*KINDS, *plurals, *names, *verbs, *IDIOM, *enums, *values]
    groups = {spec.api_version.split("/")[0] for spec in KINDS.values() if "." in spec.api_version}
    humps = [hump for word in words for hump in _HUMPS.findall(word)]
    return frozenset(word.lower() for word in (*words, *humps) if _SINGLE.match(word)) | groups | _FIXED | _commands()


@cache
def english() -> English:
    """Return words that people say in requests and that name nothing, fields' names written together, which few say; and namesakes."""
    data = resources.files("kubestill.domains.kubernetes").joinpath("data")
    return English(*(frozenset(data.joinpath(name).read_text("utf-8").split()) for name in ("english.txt", "namesakes.txt")))


def _commands() -> frozenset[str]:
    """Return the words of kubectl's commands and flags, both as they stand and in their parts, and the short names of resources."""
    known = reference()
    flags = {name for command in known.commands.values() for name in command.flags}
    words = [word for name in (*known.commands, *flags) for word in (*name.split(), *name.replace("-", " ").split())]
    allowed = [value for command in known.commands.values() for flag in command.flags.values() for value in flag.allowed]
    short = [name for resource in known.resources for name in (*resource.short, resource.plural)]
    said = [word for kind in kinds().values() for name in (*kind.said_one, *kind.said_many) for word in name.split()]
    compounds = {f"--{name}" for name in flags} | {name for name in words if "-" in name}
    return frozenset(word.lower() for word in (*words, *allowed, *short, *said, "kubectl") if _SINGLE.match(word)) | compounds
