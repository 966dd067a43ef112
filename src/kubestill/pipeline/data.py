"""Samples as an artifact holds them: which artifact is meant, its records one by one, those that are wanted, some of them by chance."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Generic, TypeVar

from kubestill.ground.errors import UserError, near
from kubestill.ground.manifest import MANIFEST, Artifact, read_manifest
from kubestill.ground.records import read_records
from kubestill.ground.seeds import Seed
from kubestill.ground.store import Store

Record = dict[str, Any]
Item = TypeVar("Item")

# Kind of artifact -> its splits, each with the pattern of its files.
SPLITS: Mapping[str, Mapping[str, str]] = {
    "mix": {"train": "train-[0-9]*.jsonl", "dev": "dev.jsonl"},
    "samples": {"train": "samples-[0-9]*.jsonl"},
}
REJECTS, ANY = "rejects.jsonl", "any"


@dataclass(frozen=True)
class Wanted:
    """Which samples: an empty text stands for all."""

    skill: str = ""
    road: str = ""
    kind: str = ""
    text: str = ""  # stands in request or answer, in whatever case

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Say whether a sample (or what is known of a reject) is one of these."""
        named = all(
            not wish or record.get(name) == wish for name, wish in (("skill", self.skill), ("road", self.road), ("kind", self.kind))
        )
        said = f"{record.get('request', '')}\n{record.get('answer', '')}"
        return named and (not self.text or self.text.lower() in said.lower())


def find_data(store: Store, name: str = "") -> Artifact:
    """Return the artifact of samples or mix that is called `name` or lies there; without a name the one that was made last.

    Raises:
        UserError: there is none.
    """
    known = [artifact for artifact in store.all() if artifact.kind in SPLITS]
    if not name:
        if not known:
            raise UserError(str(store.workspace), "holds no samples and no mix yet", "make some with `kubestill run RECIPE`")
        return max(known, key=lambda artifact: ((artifact.path / MANIFEST).stat().st_mtime, artifact.kind))
    found = store.named(name) or read_manifest(Path(name))
    if found is None:
        mend = near(name, [artifact.name for artifact in known]) or "see `kubestill list artifacts`"
        raise UserError(name, f"is no whole artifact of {store.workspace}", mend)
    if found.kind not in SPLITS:
        raise UserError(name, f"is of the kind {found.kind!r}", f"give one of the kinds {' and '.join(SPLITS)}")
    return found


def read_split(artifact: Artifact, split: str) -> Iterator[Record]:
    """Yield the samples of a split, in their order."""
    for path in sorted(artifact.path.glob(SPLITS[artifact.kind][split])):
        yield from read_records(path)


def read_all(artifact: Artifact) -> Iterator[Record]:
    """Yield the samples of all splits."""
    for split in SPLITS[artifact.kind]:
        yield from read_split(artifact, split)


def read_rejects(artifact: Artifact, reason: str) -> Iterator[Record]:
    """Yield what was dropped for a reason (the beginning of its name will do), or for ANY.

    Raises:
        UserError: nothing was dropped for it.
    """
    dropped = list(artifact.tally.get("dropped", {}))
    if reason != ANY and not any(name.startswith(reason) for name in dropped):
        known = near(reason, dropped) or (f"reasons: {', '.join(dropped)}" if dropped else "nothing was dropped at all")
        raise UserError("--rejected", f"nothing was dropped for {reason!r}", known)
    rejects = read_records(artifact.path / REJECTS) if (artifact.path / REJECTS).exists() else iter(())
    return (record for record in rejects if reason == ANY or record["reason"].startswith(reason))


class Chance(Generic[Item]):
    """Keeps `count` of the items that come, each as likely as any other, with the memory of `count` (Vitter 1985, algorithm R)."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.came = count, 0
        self.rng: Random = Seed(seed).rng("data")
        self.kept: list[tuple[int, Item]] = []

    def add(self, item: Item) -> None:
        """Take one more, or not."""
        if len(self.kept) < self.count:
            self.kept.append((self.came, item))
        elif (place := self.rng.randrange(self.came + 1)) < self.count:
            self.kept[place] = (self.came, item)
        self.came += 1

    def items(self) -> list[Item]:
        """Return what was kept, in the order in which it came."""
        return [item for _, item in sorted(self.kept, key=lambda pair: pair[0])]


def some(items: Iterable[Item], count: int, seed: int) -> list[Item]:
    """Return `count` of the items by chance, in their order."""
    chance = Chance[Item](count, seed)
    for item in items:
        chance.add(item)
    return chance.items()


def pick(records: Iterable[Record], wanted: Wanted, count: int, seed: int) -> list[Record]:
    """Return `count` of the records that are wanted, by chance.

    Raises:
        UserError: none is; the message tells the nearest name that there is.
    """
    there: dict[str, set[str]] = {"skill": set(), "road": set(), "kind": set()}

    def held() -> Iterator[Record]:
        for record in records:
            for name, seen in there.items():
                seen.add(str(record.get(name, "")))
            if wanted.holds(record):
                yield record

    found = some(held(), count, seed)
    if not found:
        for name, seen in there.items():
            wish = getattr(wanted, name)
            if wish and wish not in seen:
                raise UserError(f"--{name}", f"there is no {name} {wish!r}", near(wish, seen) or f"known: {', '.join(sorted(seen))}")
        raise UserError("data show", "nothing is like that", "ask for less, or see `kubestill data stats`")
    return found


def domain_name(artifact: Artifact) -> str:
    """Return the domain whose samples these are."""
    return str(artifact.parts.get("domain", {}).get("name", ""))


def source_line(record: Mapping[str, Any]) -> str:
    """Return where a sample comes from, in one line; an empty text where it was invented."""
    source = record.get("source") or {}
    place = " ".join(str(source[name]) for name in ("repository", "page", "path") if source.get(name))
    rest = [str(source[name])[:12] for name in ("commit", "licence") if source.get(name)]
    return f"{place} ({', '.join(rest)})" if place and rest else place


def spelled(record: Mapping[str, Any]) -> str:
    """Return a record as JSON text in one spelling, to compare by."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
