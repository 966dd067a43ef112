import pytest

from kubestill.domains.api import HELD_OUT_REPOSITORIES, Document
from kubestill.ground.errors import Unavailable, UserError
from kubestill.ground.records import read_records
from kubestill.ground.seeds import held_out
from kubestill.ground.shards import read_shards
from kubestill.stages.corpus.likeness import Alike, exact_key, runs
from kubestill.stages.corpus.stage import STAGE, CorpusWhat

ENGLISH = (
    "The pods of this node are started when the scheduler has found a place for each of them, and the kubelet then reports how they are."
)
GERMAN = (
    "Ein Pod ist die kleinste Einheit, die in Kubernetes erstellt und verwaltet werden kann, und der Kubelet sorgt dafür, dass er läuft."
)


def test_each_content_is_kept_once_and_the_rest_is_counted(run, tmp_path):
    source = tmp_path / "repo"
    source.mkdir()
    (source / "crontab").write_text("0 5 * * * a\n0 5 * * * b\n0 6 * * * c\n0 5 * * MON d\nrubbish\n")
    done, artifact = run(STAGE, CorpusWhat(sources=(("crontabs", str(source)),)))
    assert [record["text"] for record in read_shards(artifact.path, "documents")] == ["0 5 * * *", "0 5 * * MON"]
    assert (done.tally.came, done.tally.kept) == (5, 2)
    assert done.tally.dropped == {"exact duplicate": 1, "near duplicate": 1, "not a cron expression": 1}
    assert done.figures["units"] == 2 and done.figures["split_by"] == {"crontabs": "document"}  # its only file would be held out
    assert done.figures["forms"]["crontabs"] == {
        "documents": 2, "characters": 20, "licences": {"unknown": 2},
        "dropped": {"exact duplicate": 1, "near duplicate": 1, "not a cron expression": 1},
    }  # fmt: skip
    rejects = list(read_records(artifact.path / "rejects.jsonl"))
    assert [reject["reason"] for reject in rejects] == ["exact duplicate", "near duplicate"]  # a line that is no document has no name


def test_no_sources_give_an_empty_corpus(run):
    done, artifact = run(STAGE)
    assert done.tally.came == 0 and not list(artifact.path.iterdir())


@pytest.mark.parametrize(
    ("content", "found"),
    [(None, "no such file"), ("", "found nothing"), ("rubbish\n", r"1 entry, none usable \(not a cron expression \(1\)\)")],
)
def test_a_source_that_gives_nothing_is_told(run, tmp_path, content, found):
    source = tmp_path / "lines.cron"
    if content is not None:
        source.write_text(content)
    with pytest.raises(UserError, match=found) as error:
        run(STAGE, CorpusWhat(sources=(("crontabs", str(source)),)))
    assert str(source) in str(error.value)


def test_comments_do_not_make_a_document_another_one_and_values_do():
    assert exact_key("a: 1\n\n# why\nb: 2  # so\n") == exact_key("a: 1\nb: 2")
    assert exact_key("a: 1") != exact_key("a: 2")
    assert runs("b: 2\na: 1") == runs("a: 10\nb: 7  # so")
    assert runs("a: 1") != runs("b: 1")
    assert runs(" " * 300_000 + "x") == {"x"}


def jaccard(one, other):
    a, b = runs(one), runs(other)
    return len(a & b) / len(a | b)


def test_alike_is_what_the_true_share_of_common_runs_says():
    page = [f"line {chr(97 + number % 26) * (number + 1)} of the page" for number in range(60)]
    for changed in range(0, 30):
        other = [*(f"another {line}" for line in page[:changed]), *page[changed:]]
        truth, alike = jaccard("\n".join(page), "\n".join(other)), Alike(0.8, 1)
        assert not alike.one_too_many("\n".join(page))
        if abs(truth - 0.8) > 0.12:  # three and a half errors of the estimate
            assert alike.one_too_many("\n".join(other)) == (truth > 0.8)


def test_so_many_of_a_group_are_kept_and_no_chain_forms():
    alike = Alike(0.9, 2)
    assert [alike.one_too_many(f"replicas: {number}\nname: shop\n") for number in range(4)] == [False, False, True, True]
    assert not alike.one_too_many("replicas: 1\nname: till\n")


def test_near_duplicates_are_looked_for_within_a_kind(corpus):
    role = "rules:\n- resources: [pods]\n  verbs: [get]\n"
    documents = [{"text": role, "kind": "Role"}, {"text": role + "# two", "kind": "ClusterRole"}, {"text": role + "- x: 1", "kind": "Role"}]
    done, kept, _ = corpus({"manifests": documents}, near_threshold=0.7)
    assert [one["kind"] for one in kept] == ["Role"] and done.tally.dropped == {"exact duplicate": 1, "near duplicate": 1}
    _, kept, _ = corpus({"manifests": [documents[0], {**documents[2], "kind": "ClusterRole"}], "alerts": [role]}, near_threshold=0.7)
    assert [one["kind"] for one in kept] == ["Role", "ClusterRole", "thing"]
    _, kept, _ = corpus({"manifests": [documents[0], documents[2]]}, near_duplicates=0)
    assert len(kept) == 2


def test_prose_is_english_and_of_a_length_and_facts_are_not_asked(corpus):
    texts = [ENGLISH, GERMAN, "# AlphaGate\n\nEnables alpha.\n", "```\n" + ENGLISH + "\n```\n", ENGLISH + " more words" * 200]
    done, kept, _ = corpus({"pages": texts, "commands": [GERMAN, "get"]}, max_words=300)
    assert [(one["form"], one["text"]) for one in kept] == [("pages", ENGLISH), ("commands", GERMAN), ("commands", "get")]
    assert done.figures["forms"]["pages"]["dropped"] == {"prose too short": 2, "not English": 1, "prose too long": 1}


def test_only_allowed_licences_stay_and_every_licence_is_counted(corpus):
    documents = [
        {"text": f"word-{name} " * 9, "source": {"licence": name} if name else {}} for number, name in enumerate(["MIT", "GPL", ""])
    ]
    done, kept, _ = corpus({"manifests": documents})
    assert len(kept) == 3 and done.figures["forms"]["manifests"]["licences"] == {"GPL": 1, "MIT": 1, "unknown": 1}
    done, kept, _ = corpus({"manifests": documents}, licences=("MIT", "Apache-2.0"))
    assert [one["source"] for one in kept] == [{"licence": "MIT"}] and done.tally.dropped == {"licence GPL": 1, "licence unknown": 1}


def test_without_the_package_the_error_says_how_to_get_it(corpus, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"pip install 'kubestill\[data\]'"):
        corpus({"manifests": ["a"]})
    monkeypatch.undo()
    corpus({"manifests": ["a"]}, near_duplicates=0)


def test_a_filter_that_leaves_nothing_of_a_form_is_told(corpus):
    with pytest.raises(UserError, match=r"sources\.manifests: none of 2 is kept: licence unknown \(2\); .*corpus\.licences") as error:
        corpus({"manifests": ["one", "two"], "commands": [{"text": "get", "source": {"licence": "MIT"}}]}, licences=("MIT",))
    assert '"unknown"' in error.value.mend
    done, _, _ = corpus({"manifests": ["one", "two"]}, licences=("MIT", "unknown"))
    assert done.tally.kept == 2


def is_held(unit):
    return held_out("repository", unit, HELD_OUT_REPOSITORIES)


HELD = next(name for name in map(str, range(100)) if is_held(name))
FREE = [name for name in map(str, range(100)) if not is_held(name)]


def units(kept):
    return [Document(**record).unit for record in kept]


def manifests(repository, files, each=1, page=None):
    source = {"repository": repository} | ({"page": page} if page else {})
    return [{"text": f"{repository} {f} {n}", "source": {**source, "path": f"{f}.yaml"}} for f in range(files) for n in range(each)]


@pytest.mark.parametrize("repository", [HELD, FREE[0]])
def test_a_lone_repository_is_split_by_file(corpus, repository):
    done, kept, _ = corpus({"manifests": manifests(repository, 60, 2)}, near_duplicates=0)
    found = units(kept)
    assert found == [record["source"]["path"] for record in kept] and 0 < sum(map(is_held, found)) < 40
    assert done.figures["split_by"] == {"manifests": "file"} and done.figures["units"] == 60
    assert {record["source"]["repository"] for record in kept} == {repository}


def test_many_repositories_are_split_by_repository_unless_most_would_be_held_out(corpus):
    free = [one for name in FREE[:3] for one in manifests(name, 10)]
    done, kept, _ = corpus({"manifests": free + manifests(HELD, 10)}, near_duplicates=0)
    assert set(units(kept)) == {*FREE[:3], HELD} and "split_by" not in done.figures
    done, kept, _ = corpus({"manifests": free + manifests(HELD, 30)}, near_duplicates=0)
    assert done.figures["split_by"] == {"manifests": "file"} and sum(map(is_held, units(kept))) < 20


def test_a_lone_file_that_is_held_out_is_split_by_document_and_pages_stay(corpus):
    lines = [{"text": f"line {number}", "source": {"path": HELD}} for number in range(100)]
    runbooks = [{"text": f"page {number}", "source": {"repository": "a", "path": "b", "page": HELD}} for number in range(3)]
    done, kept, _ = corpus({"manifests": lines, "alerts": runbooks}, near_duplicates=0)
    found = units(kept)
    assert done.figures["split_by"] == {"manifests": "document"} and sum(map(is_held, found[:100])) < 34
    assert found[100:] == [HELD] * 3 and found[:100] == [record["id"] for record in kept[:100]]


def test_what_a_reader_says_names_the_form(corpus, tmp_path, monkeypatch):
    def refuse(self, path, form):
        raise UserError(f"sources: {path}", "cannot be read", "give another")

    monkeypatch.setattr("tests.unit.stages.corpus.conftest.Lines.documents", refuse)
    with pytest.raises(UserError, match=r"^sources\.pages: .*pages\.jsonl: cannot be read; give another$"):
        corpus({"pages": ["a"]})
