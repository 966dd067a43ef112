"""What `list`, `show`, `diff` and `explain` print: records of runs, artifacts, recipes, tables and checks."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kubestill.ground.errors import UserError, near
from kubestill.ground.manifest import MANIFEST
from kubestill.ground.stage import makers
from kubestill.ground.store import Store
from kubestill.pipeline.run import FAILURE, REPORT
from kubestill.pipeline.table import CHECKS, DOMAINS, OTHER_CODES, OTHER_MEANINGS, STAGES
from kubestill.tools.checks.api import Check
from kubestill.tools.engines.table import ENGINES

Record = dict[str, Any]
MISSING = "(not there)"


def artifacts(store: Store) -> list[Record]:
    """Return every whole artifact, and every unfinished one with `whole` false."""
    whole = [{"artifact": found.name, "whole": True, "seconds": found.seconds, "file_bytes": _size(found.path)} for found in store.all()]
    cut = [
        {"artifact": f"{path.parent.name}/{path.name}", "whole": False, "seconds": None, "file_bytes": _size(path)}
        for path in store.unfinished()
    ]
    return whole + cut


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def runs(store: Store) -> list[Record]:
    """Return every run, oldest first, with its state: finished, failed or cut."""
    found = sorted(path for path in store.runs.glob("*") if path.is_dir() and not path.is_symlink())
    return [{"run": path.name, "state": _state(path)} for path in found]


def _state(run: Path) -> str:
    if (run / REPORT).exists():
        return "finished"
    return "failed" if (run / FAILURE).exists() else "cut"


def stages(_: Store) -> list[Record]:
    """Return the stages in the order of the work."""
    found = [STAGES.load(name) for name in STAGES]
    return [{"stage": s.name, "version": s.version, "reads": sorted(makers(s, list(STAGES)).values()), "makes": s.output} for s in found]


def domains(_: Store) -> list[Record]:
    """Return the domains with their skills."""
    return [{"domain": name, "skills": sorted(DOMAINS.load(name)().skills())} for name in DOMAINS]


def suites(_: Store) -> list[Record]:
    """Return the suites of every domain."""
    found = ((name, DOMAINS.load(name)().suites()) for name in DOMAINS)
    return [{"suite": suite, "domain": name, "needs_documents": known[suite].needs_documents} for name, known in found for suite in known]


def engines(_: Store) -> list[Record]:
    """Return the engines by name."""
    return [{"engine": name} for name in ENGINES]


def checks(_: Store) -> list[Record]:
    """Return the checks of every domain."""
    return [
        {"code": check.code, "domain": domain, "tier": check.tier.name.lower(), "looks_for": _sentence(check)}
        for domain, check in every_check()
    ]


LISTS: Mapping[str, Callable[[Store], list[Record]]] = {
    "artifacts": artifacts,
    "runs": runs,
    "stages": stages,
    "domains": domains,
    "suites": suites,
    "checks": checks,
    "engines": engines,
}


def every_check() -> Iterator[tuple[str, Check[Any]]]:
    """Yield every check with the name of its domain."""
    for domain in CHECKS:
        found = CHECKS.load(domain)
        for check in found() if callable(found) else found:
            yield domain, check


def _sentence(check: Check[Any]) -> str:
    return (type(check).__doc__ or "").strip().partition("\n")[0]


def explain(code: str) -> Record:
    """Return the documentation of a check: what it looks for, its remedy, bad and good examples.

    Raises:
        UserError: no check has this code.
    """
    known = {check.code: (domain, check) for domain, check in every_check()}
    for domain in OTHER_CODES:
        if code.upper() not in known and code.upper() in OTHER_CODES.load(domain)():
            return {"code": code.upper(), "domain": domain, **_parts(OTHER_MEANINGS.load(domain)(code.upper()).partition("\n")[2])}
    if code.upper() not in known:
        raise UserError(code, "no check has this code", near(code.upper(), known) or "`kubestill list checks` shows them")
    domain, check = known[code.upper()]
    return {
        "code": check.code,
        "domain": domain,
        "version": check.version,
        "tier": check.tier.name.lower(),
        "looks_for": " ".join((type(check).__doc__ or "").split()),
        "remedy": check.remedy,
        "bad": list(check.bad),
        "good": list(check.good),
    }


def _parts(meaning: str) -> Record:
    """Take a meaning apart: a sentence, and perhaps `Remedy: ...` and examples below the lines `Bad:` and `Good:`."""
    meaning, _, good = meaning.partition("\n\nGood:\n")
    meaning, _, bad = meaning.partition("\n\nBad:\n")
    looks_for, _, remedy = meaning.partition("\nRemedy: ")
    told = {"looks_for": " ".join(looks_for.split()), "remedy": " ".join(remedy.split())}
    examples = {"bad": [bad] if bad else [], "good": [good] if good else []}
    return {name: found for name, found in {**told, **examples}.items() if found}


def show(store: Store, name: str) -> Record:
    """Return the report of a run (or why there is none), or the manifest of an artifact.

    Raises:
        UserError: there is no such run or artifact.
    """
    for run in (store.runs / name, Path(name)):
        for file in (REPORT, FAILURE):
            if (run / file).is_file():
                return _read(run / file)
    folder = store.workspace / "artifacts" / name
    for place in (folder, Path(name)):
        if (place / MANIFEST).is_file():
            return _read(place / MANIFEST)
    known = [record["run"] for record in runs(store)] + [record["artifact"] for record in artifacts(store)] + ["latest"]
    mend = near(name, known) or "see `kubestill list runs` and `kubestill list artifacts`"
    raise UserError(name, f"is no finished run and no whole artifact of {store.workspace}", mend)


def _read(path: Path) -> Record:
    found: Record = json.loads(path.read_text(encoding="utf-8"))
    return found


def differences(store: Store, first: str, second: str) -> list[Record]:
    """Return what differs between two runs (settings, scores) or two artifacts (all that entered their keys, their figures).

    Raises:
        UserError: one of them is not there.
    """
    one, two = (dict(_leaves(_told(show(store, name)))) for name in (first, second))
    names = [name for name in {**one, **two} if one.get(name, MISSING) != two.get(name, MISSING)]
    return [{"name": name, "first": one.get(name, MISSING), "second": two.get(name, MISSING)} for name in names]


def _told(record: Record) -> Record:
    """Keep what a comparison is about: settings and scores of a run; parts, count and figures of an artifact."""
    if "recipe" in record:
        import tomllib

        scores = {name: {key: suite[key] for key in ("passed", "total", "failed_on")} for name, suite in record["suites"].items()}
        return {"recipe": tomllib.loads(record["recipe"]), "suites": scores, "seconds_total": record["seconds_total"]}
    return {name: record[name] for name in ("parts", "tally", "figures", "seconds") if name in record} or record


def _leaves(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            yield from _leaves(value, name)
        else:
            yield name, value
