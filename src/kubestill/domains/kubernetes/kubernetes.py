"""The domain object: what stages and serving get when a recipe names `kubernetes`."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubestill.domains.api import MANIFESTS, TASK, Document, Drop, English, Intent, Skill, Suite
from kubestill.domains.kubernetes import answers
from kubestill.domains.kubernetes.checks.table import rules
from kubestill.domains.kubernetes.definitions import KIND, custom_kinds
from kubestill.domains.kubernetes.manifests import Manifest, read
from kubestill.domains.kubernetes.schema import DEFAULT_VERSION, Enums, Schemas, schemas, versions
from kubestill.domains.kubernetes.subject import Subject
from kubestill.ground.errors import UserError
from kubestill.ground.seeds import stable_hash
from kubestill.tools.checks.api import Check, Finding, Verdict
from kubestill.tools.grammar.api import Guide

if TYPE_CHECKING:
    from kubestill.domains.kubernetes.cluster import Connection, Pulled
    from kubestill.domains.kubernetes.fixes import Mended
    from kubestill.domains.kubernetes.grammars.editing import Editing
    from kubestill.domains.kubernetes.placing import Placed


class Kubernetes:
    """Kubernetes manifests of one cluster version."""

    name = "kubernetes"

    def __init__(self, version: str = DEFAULT_VERSION) -> None:
        """Choose the cluster version.

        Raises:
            UserError: there are no schemas of that version.
        """
        if version not in versions():
            raise UserError("domain.version", f"no schemas of Kubernetes {version!r}", f"use one of {', '.join(versions())}")
        self.version = version
        self.schemas: Schemas | None = None  # other than the published ones
        self.policies: tuple[Check[Subject], ...] = ()
        self.cluster: Connection | None = None

    @property
    def known(self) -> Schemas:
        """The schemas to judge by: the version's published ones, unless definitions were learned."""
        return self.schemas or schemas(self.version)

    def use_cluster(self, kubeconfig: Path | None, context: str, namespace: str = "") -> None:
        """Have what passes here tried on a cluster, too, in a dry run; `namespace`: of objects that name none, "": the context's.

        Raises:
            UserError: no cluster answers, or it lets nobody in.
            Unavailable: the package kubernetes is not installed.
        """
        from kubestill.domains.kubernetes.cluster import connect

        self.cluster = connect(kubeconfig, context)
        self.cluster.namespace = namespace or self.cluster.namespace

    def try_on_cluster(self, one: answers.DocumentVerdict) -> answers.DocumentVerdict:
        """Add what the cluster says of a document that passed here."""
        if self.cluster is None or one.manifest is None or one.verdict.failed_on:
            return one
        from kubestill.domains.kubernetes.cluster import dry_run

        return replace(one, verdict=Verdict((*one.verdict.results, dry_run(self.cluster, one.manifest))))

    def learn_definitions(self, texts: Iterable[tuple[str, bytes]], enums: Enums | None = None) -> int:
        """Judge custom resources by the CustomResourceDefinitions in files (name, content); return how many kinds they define.

        `enums`: the values that string fields of built-in kinds may have, where a cluster has told.

        Raises:
            UserError: a file holds no definition, cannot be read as YAML, or a definition lacks what it needs.
        """
        found = []
        for where, text in texts:
            reading = read(text)
            objects = [manifest.object for manifest in reading.manifests]
            kinds = [kind for one in objects if one.get("kind") == KIND for kind in custom_kinds(one, where)]
            if not kinds:
                problem = reading.findings[0].message if reading.findings else f"holds no {KIND}"
                raise UserError(where, problem, "give the files that define your custom resources, or folders of them")
            found += kinds
        self.schemas = Schemas(self.version, found, enums)
        return len(found)

    def ask_policies(self, names: Sequence[str]) -> None:
        """Ask more of valid manifests than validity: sets such as `pod-security/restricted` and `best-practice`.

        Raises:
            UserError: no set has one of the names.
        """
        if names:
            from kubestill.domains.kubernetes.policies import policy_set  # not needed, so not loaded, for validity

            self.policies = policy_set(names, self.version)

    def identity(self) -> Mapping[str, Any]:
        """Return what shapes samples and verdicts."""
        from kubestill.domains.kubernetes.phrasing.lines import digest
        from kubestill.domains.kubernetes.skills.table import skill_tables
        from kubestill.domains.kubernetes.vocabulary import english, vocabulary

        checks = {check.code: check.version for check in rules()}
        words = f"{stable_hash(*(' '.join(sorted(one)) for one in (vocabulary(), english().plain, english().namesakes))):016x}"
        skills = {name: skill.version for name, skill in self.skills().items()}
        told = {"checks": checks, "phrases": digest(), "tables": skill_tables(), "skills": skills, "words": words}
        return {"name": self.name, "version": self.version, **told}

    def vocabulary(self) -> frozenset[str]:
        """Return kinds, resources, verbs, field names and enum values."""
        from kubestill.domains.kubernetes.vocabulary import vocabulary

        return vocabulary()

    def english(self) -> English:
        """Return plain words, fields' names written together, and words that things are called by as well."""
        from kubestill.domains.kubernetes.vocabulary import english

        return english()

    def forms(self) -> Mapping[str, str]:
        """Return the forms of knowledge that can be read."""
        from kubestill.domains.kubernetes.sources.table import FORMS

        return FORMS

    def documents(self, path: Path, form: str = MANIFESTS) -> Iterator[Document | Drop]:
        """Read a folder, a git clone or a file of one form of knowledge."""
        from kubestill.domains.kubernetes.sources.table import SOURCES

        found: Iterator[Document | Drop] = SOURCES.load(form, "sources")(path)
        return found

    def skills(self) -> Mapping[str, Skill]:
        """Return the skills by name, writing manifests first."""
        from kubestill.domains.kubernetes.skills.table import SKILLS  # 30 ms that a check need not wait for

        return {name: SKILLS.load(name)() for name in SKILLS}

    def suites(self) -> Mapping[str, Suite]:
        """Return the suites by name."""
        from kubestill.domains.kubernetes.suites import SUITES

        return SUITES

    def guide(self, kinds: Sequence[str] = (), skill: str = "") -> Guide:
        """Return what leads an answer: to the notes of a student that writes them, and from there to what its task's grammar allows.

        Raises:
            UserError: the schemas know no kind of a name, or there is no such skill.
        """
        from kubestill.domains.kubernetes.grammars.tasks import task_guide  # not needed, so not loaded, for a check

        return task_guide(self.known, kinds, skill)

    def editing(self, text: str, document: int = 0) -> "Editing":
        """Return the change of one object of a file's text, counted from 0."""
        from kubestill.domains.kubernetes.grammars.editing import Editing
        from kubestill.domains.kubernetes.grammars.guide import manifest_guide

        return Editing(text, document, self.known, manifest_guide(self.known))

    def understood(self, notes: str) -> Sequence[Intent] | None:
        """Return the statements of a student's notes; None where they cannot be read."""
        from kubestill.domains.kubernetes.intents.notes import read_several
        from kubestill.domains.kubernetes.skills.notes import read_task_notes

        try:
            return read_task_notes(notes) if notes.startswith(f"{TASK}: ") else read_several(notes)
        except ValueError:
            return None

    def unsaid(self, intents: Sequence[Intent], request: str) -> Sequence[Intent]:
        """Return the names, numbers and bare kinds of which the request says nothing."""
        from kubestill.domains.kubernetes.intents.said import unsaid

        return unsaid(intents, request)

    def judge(self, answer: str, intents: Sequence[Intent] | None = None, skill: str = "") -> Verdict:
        """Run the checks of a skill on an answer (of a manifest: form, syntax, schema, rules) and, with `intents`, whether each holds."""
        from kubestill.domains.kubernetes.skills.manifest.judging import judge
        from kubestill.domains.kubernetes.skills.table import SKILLS

        if skill and skill != next(iter(SKILLS)):
            found: Verdict = SKILLS.load(skill, "skill")().judge(answer, intents)
            return found
        return judge(answer, intents, self.known)

    def check_text(self, text: str | bytes, where: str, before: int = 0) -> list[answers.DocumentVerdict]:
        """Judge every document of a file, or of a part of it that has `before` lines before it."""
        return answers.check_text(text, where, self.known, self.policies, before)

    def objects(self, text: str | bytes) -> tuple[Manifest, ...]:
        """Return the objects of a file, unjudged."""
        return read(text).manifests

    def judge_set(
        self, members: Sequence[tuple[Manifest, str]], closed: bool = False, namespaces: Collection[str] = ()
    ) -> list[tuple[int, Finding]]:
        """Return what is wrong between objects (each with its file), with the index of the one that a finding belongs to.

        `closed`: they are all that the cluster will hold, and what is not among them is missing. `namespaces`: those that the
        cluster has already, if they are known.
        """
        from kubestill.domains.kubernetes.relations import Member, judge_set  # not needed, so not loaded, for one object

        return judge_set([Member(manifest, file=file) for manifest, file in members], closed=closed, namespaces=namespaces)

    def judge_homes(self, members: Sequence[tuple[Manifest, str]], namespaces: Collection[str]) -> list[tuple[int, Finding]]:
        """Return which objects live in none of the cluster's namespaces, and in none that another of them makes, with the index of each."""
        from kubestill.domains.kubernetes.relations import Member, judge_homes  # not needed, so not loaded, where none are known

        return judge_homes([Member(manifest, file=file) for manifest, file in members], namespaces)

    def judge_places(self, members: Sequence[Manifest], namespace: str) -> list[tuple[int, Finding]]:
        """Return which objects name another namespace, with the index of each."""
        from kubestill.domains.kubernetes.placing import judge_places  # not needed, so not loaded, where no namespace is meant

        return judge_places(members, namespace)

    def judge_updates(self, olds: Sequence[Manifest], news: Sequence[Manifest]) -> list[tuple[int, Finding]]:
        """Return why objects could not replace those that are there, with the index of the new one."""
        if not olds:
            return []
        from kubestill.domains.kubernetes.updates import judge_update, pair  # not needed, so not loaded, without old objects

        return [(index, finding) for index, old in pair(olds, news) for finding in judge_update(old.object, news[index], self.version)]

    def mend(self, text: str, where: str) -> "Mended":
        """Mend the findings of a file's text whose remedy is certain; all else of it stays as it stands."""
        from kubestill.domains.kubernetes.fixes import mend

        return mend(text, self.known, where)

    def place(self, text: str, namespace: str, context: str = "") -> "Placed":
        """Put manifests or commands into a namespace, commands also at a context, where they do not say so themselves."""
        from kubestill.domains.kubernetes.placing import place  # not needed, so not loaded, for a check

        return place(text, namespace, context)

    def diff(self, path: str, before: str, after: str) -> str:
        """Return the difference of two texts of a file, as git prints it."""
        from kubestill.domains.kubernetes.fixes import diff

        return diff(path, before, after)

    def explain(self, name: str) -> Mapping[str, Any]:
        """Return what a kind or a field is; of "" the versions and all kinds.

        Raises:
            UserError: there is no such kind or field; the message names the nearest.
        """
        from kubestill.domains.kubernetes.explaining import explain  # not needed, so not loaded, for a check

        return explain(self.known, name)

    def check_command(self, text: str) -> tuple[str, Verdict]:
        """Judge a text of kubectl commands; return what it would do to the cluster (reads, changes, destroys ...) and the verdict."""
        from kubestill.domains.kubernetes.kubectl.check import check_parsed  # not needed, so not loaded, for manifests
        from kubestill.domains.kubernetes.kubectl.parse import parse

        parsed = parse(text)
        return parsed.effect.value, check_parsed(parsed)


def documented() -> tuple[Any, ...]:
    """Return every rule, relation, rule of updates and policy: what `explain` and `list checks` tell of."""
    from kubestill.domains.kubernetes.policies.table import CHECKS, load
    from kubestill.domains.kubernetes.relations.table import relations
    from kubestill.domains.kubernetes.updates.table import rules as update_rules

    return (*rules(), *relations(), *update_rules(), *(load(code) for code in CHECKS))


def pull_schemas(kubeconfig: Path | None, context: str, folder: Path) -> "Pulled":
    """Keep the schemas and definitions of a cluster in a folder of its own below `folder`.

    Raises:
        UserError: no cluster answers, or it lets nobody in.
        Unavailable: the package kubernetes is not installed.
    """
    from kubestill.domains.kubernetes.cluster import connect, pull

    return pull(connect(kubeconfig, context), folder)


def kept_schemas(kubeconfig: Path | None, context: str, folder: Path) -> str:
    """Return the name by which the schemas of a context's cluster are kept below `folder`, "" where they are not. The cluster is not asked.

    Raises:
        UserError: there is no kubeconfig, it cannot be used, or it has no such context.
        Unavailable: the package kubernetes is not installed.
    """
    from kubestill.domains.kubernetes.cluster import kept

    return kept(kubeconfig, context, folder)


def pulled(folder: Path, name: str) -> tuple[str, tuple[tuple[str, bytes], ...], Enums, tuple[str, ...]]:
    """Return the version of a cluster whose schemas were pulled, its definitions of custom resources, the values it allows, its namespaces.

    Raises:
        UserError: there is none of that name.
    """
    from kubestill.domains.kubernetes.cluster import find_pulled, pulled_definitions, pulled_enums

    found = find_pulled(folder, name)
    return found.version, tuple(pulled_definitions(found.folder)), pulled_enums(found.folder), found.namespaces


def domain(version: str = DEFAULT_VERSION) -> Kubernetes:
    """Return the domain for a cluster version such as "1.36"."""
    return Kubernetes(version)
