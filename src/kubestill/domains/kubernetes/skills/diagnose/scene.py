"""The situation that a fault stands in: its values by name, each drawn when it is first spoken of."""

import json
import re
from collections.abc import Mapping
from random import Random

from kubestill.domains.kubernetes.skills.diagnose.values import DRAWS, after_due, stem

DEFAULT = "default"
_PLACE = re.compile(r"\{([A-Za-z][a-z_]*\d?)\}")
_SETTLED = re.compile(r"\{([a-z]+)=(\w+)\}")
_OWNERS = ("deployment",) * 6 + ("statefulset", "daemonset", "pod")
_DEPTH = 3  # what a cause gives may itself have places
_MOST_TRIES = 20
# What a view shows tells who made the pod.
_HINTS = (
    ("replicaset-controller", "deployment"),
    ("Deployment/", "deployment"),
    ("job-controller", "job"),
    ("daemonset-controller", "daemonset"),
    ("statefulset-controller", "statefulset"),
    ("apply -f", "pod"),
    ("$ run ", "pod"),
)


class Scene:
    """Values by name; a name that ends in a digit is another value of the same sort (`port2`), and never an equal one."""

    def __init__(self, rng: Random, part: str, given: Mapping[str, str]) -> None:
        self.rng, self.part, self.given = rng, part, given  # `given`: what the cause says itself, its exit code, its image
        self.values: dict[str, str] = {}
        named = "named" in given or "namespace" in given or rng.random() < 0.6  # else everything is in `default`
        self.named = named and "unplaced" not in given  # of kinds that are in no namespace
        self.prompt = rng.choice(("$ ", "$ ", "$ ", "# ", "> ", "~ $ ", "", "")) if rng.random() < 0.6 else None  # None: outputs only
        self.owner = rng.choice(given["owner"].split("|") if "owner" in given else _OWNERS)
        self.now = rng.randrange(330 * 86_400)  # seconds since the start of the year
        self.lasted = 0  # seconds since what the view shows began
        self.restarts = rng.choice((2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 23, 41))
        if "when_due" in given:
            self.now = after_due(self)

    def __getitem__(self, name: str) -> str:
        if name not in self.values:
            given = self.given.get(name)
            self.values[name] = self._fresh(name) if given is None else self.fill(self.rng.choice(given.split("|")))
        return self.values[name]

    def fill(self, text: str) -> str:
        """Return a template with its `{name}`s filled in; braces around anything else stay."""
        for _ in range(_DEPTH):
            if "{" not in text:
                break
            text = _PLACE.sub(self._value, text)
        return text

    def settle(self, text: str) -> str:
        """Return a template in which `{port=5432}` has said what the value is: a program that is named has a port of its own."""
        self.values |= {match[1]: match[2] for match in _SETTLED.finditer(text)}
        return _SETTLED.sub(r"{\1}", text)

    def own(self, view: str) -> None:
        """Let what a view shows decide who made the pod."""
        if "owner" not in self.given:
            self.owner = next((owner for hint, owner in _HINTS if hint in view), self.owner)

    @property
    def flag(self) -> str:
        """Return the namespace flag of a command that was pasted."""
        return f" -n {self['namespace']}" if self.named else ""

    def _value(self, match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("quoted_"):
            return json.dumps(self.fill(self[name.removeprefix("quoted_")]))[1:-1]
        if name[0].isupper():
            return self[name.lower()].capitalize()
        return self[name] if stem(name) in DRAWS or name in self.given or name in self.values else match[0]

    def _fresh(self, name: str) -> str:
        draw, sort = DRAWS[stem(name)], stem(name)
        taken = {value for other, value in self.values.items() if stem(other) == sort}
        for _ in range(_MOST_TRIES):
            if (value := draw(self)) not in taken:
                break
        return value
