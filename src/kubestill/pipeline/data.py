"""Samples and documents as an artifact holds them: which is meant, its records one by one, those that are wanted, some by chance."""

import errno
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
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
    "documents": {"": "documents-[0-9]*.jsonl"},
}
SAMPLES = ("mix", "samples")  # kinds of artifact that hold samples
REJECTS, ANY = "rejects.jsonl", "any"


@dataclass(frozen=True)
class Wanted:
    """Which samples: an empty text stands for all."""

    skill: str = ""
    road: str = ""
    kind: str = ""
    text: str = ""  # stands in request or answer, or in a document, in whatever case

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Say whether a sample (or what is known of a reject) is one of these."""
        named = all(
            not wish or record.get(name) == wish for name, wish in (("skill", self.skill), ("road", self.road), ("kind", self.kind))
        )
        said = "\n".join(str(record.get(name, "")) for name in ("request", "answer", "text"))
        return named and (not self.text or self.text.lower() in said.lower())


def find_data(store: Store, name: str = "", kinds: Collection[str] = SAMPLES) -> Artifact:
    """Return the artifact of one of the kinds that is called `name` or lies there; without a name the one of samples that was made last.

    Raises:
        UserError: there is none.
    """
    known = [artifact for artifact in store.all() if artifact.kind in (kinds if name else SAMPLES)]
    if not name:
        if not known:
            raise UserError(str(store.workspace), "holds no samples and no mix yet", "make some with `kubestill run RECIPE`")
        return max(known, key=lambda artifact: ((artifact.path / MANIFEST).stat().st_mtime, artifact.kind))
    found = store.named(name) or read_manifest(Path(name))
    if found is None:
        mend = near(name, [artifact.name for artifact in known]) or "see `kubestill list artifacts`"
        raise UserError(name, f"is no whole artifact of {store.workspace}", mend)
    if found.kind not in kinds:
        raise UserError(name, f"is of the kind {found.kind!r}", f"give one of the kinds {' and '.join(kinds)}")
    return found


def lineage(store: Store, artifact: Artifact) -> list[Artifact]:
    """Return the artifact and those that it was made from, as far as they stand."""
    by_key = {known.key: known for known in store.all()}
    found = {artifact.key: artifact}
    for one in (todo := [artifact]):
        parents = [by_key[key] for key in one.parts.get("inputs", {}).values() if key in by_key and key not in found]
        found |= {parent.key: parent for parent in parents}
        todo += parents
    return list(found.values())


def make_folder(folder: Path, where: str) -> None:
    """Make a folder that somebody asked for.

    Raises:
        UserError: it cannot be made, or nothing may be written there.
    """
    mend = "give a place where you may write"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:  # told by the command line
            raise
        raise UserError(where, f"the folder {folder} cannot be made ({error.strerror})", mend) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(where, f"nothing may be written into {folder}", mend)


def read_split(artifact: Artifact, split: str) -> Iterator[Record]:
    """Yield the samples of a split, in their order."""
    for path in sorted(artifact.path.glob(SPLITS[artifact.kind][split])):
        yield from read_records(path)


def read_all(artifact: Artifact) -> Iterator[Record]:
    """Yield the samples of all splits."""
    for split in SPLITS[artifact.kind]:
        yield from read_split(artifact, split)


def read_rejects(artifacts: Sequence[Artifact], reason: str) -> Iterator[Record]:
    """Yield what was dropped for a reason (the beginning of its name will do), or for ANY; of several artifacts each reject names its own.

    Raises:
        UserError: nothing was dropped for it, or nothing is written down of what was.
    """
    dropped = list(dict.fromkeys(name for artifact in artifacts for name in artifact.tally.get("dropped", {})))
    if not any(reason == ANY or name.startswith(reason) for name in dropped):
        known = near(reason, dropped) or (f"reasons: {', '.join(dropped)}" if dropped else "nothing was dropped at all")
        raise UserError("--rejected", f"nothing was dropped for {reason!r}", known)

    def rejects() -> Iterator[Record]:
        for artifact in artifacts:
            named = {"artifact": artifact.name} if len(artifacts) > 1 else {}
            for record in read_records(artifact.path / REJECTS) if (artifact.path / REJECTS).exists() else ():
                if reason == ANY or record["reason"].startswith(reason):
                    yield {**record, **named}

    found = rejects()
    first = next(found, None)
    if first is None:
        raise UserError("--rejected", "what was dropped so never became a document: only its number is known", "see `kubestill show`")
    return chain((first,), found)


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
                known = sorted(seen - {""})
                mend = near(wish, known) or (f"known: {', '.join(known)}" if known else f"these have no {name}: leave it out")
                raise UserError(f"--{name}", f"there is no {name} {wish!r}", mend)
        raise UserError("data show", "nothing is like that", "ask for less, or see `kubestill data stats`")
    return found


def domain_name(artifact: Artifact) -> str:
    """Return the domain whose samples these are."""
    return str(artifact.parts.get("domain", {}).get("name", ""))


def source_line(record: Mapping[str, Any]) -> str:
    """Return where a sample comes from and who wrote it, in one line; an empty text where it was invented."""
    source = record.get("source") or {}
    place = " ".join(str(source[name]) for name in ("repository", "page", "path") if source.get(name))
    rest = ", ".join(str(source[name])[:12] for name in ("commit", "licence") if source.get(name))
    told = [f"from {place}" + (f" ({rest})" if rest else "")] if place else []
    if source.get("teacher"):
        told.append(f"written by {source['teacher']} ({source.get('prompt', '')}) over {source.get('origin', '')}")
    return ", ".join(told)


def spelled(record: Mapping[str, Any]) -> str:
    """Return a record as JSON text in one spelling, to compare by."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
