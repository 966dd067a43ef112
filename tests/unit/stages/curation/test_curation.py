import json
from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from kubestill.domains.api import SUITE_SEED, Intent, Sample
from kubestill.domains.cron import domain
from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.records import read_records, write_records
from kubestill.ground.shards import read_shards
from kubestill.stages.curation.likeness import GRAM_WORDS, SHINGLE_WORDS, skeleton_key, text_key
from kubestill.stages.curation.splitting import ENOUGH, quotas
from kubestill.stages.curation.stage import STAGE, CurationWhat
from kubestill.stages.curation.suites import Suites


def sample(request, answer, name="x", road="procedural", source=None, skill="cron"):
    return Sample(name, skill, request, answer, (Intent("minutes", (), "0"),), "daily", road, (), source or {})


@pytest.fixture
def given(tmp_path):
    """Return the inputs of the stage, made of these samples."""

    def given(samples):
        folder = tmp_path / "samples"
        folder.mkdir(exist_ok=True)
        half = len(samples) // 2
        for number, some in enumerate((samples[:half], samples[half:])):
            write_records(folder / f"samples-{number:05d}.jsonl", (item.to_record() for item in some))
        (tmp_path / "documents").mkdir(exist_ok=True)
        return {
            "samples": Artifact("samples", "0" * 40, "synthesis", folder),
            "documents": Artifact("documents", "0" * 40, "corpus", tmp_path / "documents"),
        }

    return given


def many(count):
    return [sample(f"backup number {name} at 1:{name % 60:02d}", f"{name % 60} 1 {name % 28 + 1} * *", f"s{name}") for name in range(count)]


def test_nothing_vanishes_and_nothing_is_twice_there(run, given):
    samples = many(100) + many(50)
    done, artifact = run(STAGE, CurationWhat(near_cap=0, dev_samples=10, suite_samples=0), **given(samples))
    dev = [record["id"] for record in read_records(artifact.path / "dev.jsonl")]
    train = [record["id"] for record in read_shards(artifact.path, "train")]
    rejects = [record["id"] for record in read_records(artifact.path / "rejects.jsonl")]
    assert len(dev) == 10 and not set(dev) & set(train)
    assert sorted(dev + train + rejects) == sorted(item.id for item in samples)
    assert done.tally.dropped == {"same request": 50}


def test_train_is_shuffled_by_its_seed_alone(run, given):
    inputs, what = given(many(100)), CurationWhat(near_cap=0, suite_samples=0, dev_samples=0)
    orders = [
        [record["id"] for record in read_shards(run(STAGE, what, name=name, seed=seed, **inputs)[1].path, "train")]
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert orders[0] == orders[1] != orders[2] and sorted(orders[0]) == sorted(orders[2])
    assert orders[0] != sorted(orders[0])


LONG = "suits thirteen words: the answer to this question would give it away at once, truly"


class OneSuite:
    """Three questions, one of them with an answer long enough to be told apart by."""

    name, skill, needs_documents = "one", "cron", False

    def samples(self, documents, count, seed):
        asked = (("a certain question that is asked here", "short"), ("another one", LONG), ("run web-1 at 7, please", "run web-1 7"))
        return [sample(request, answer, f"q{place}") for place, (request, answer) in enumerate(asked)][:count]


@pytest.fixture
def one_suite(monkeypatch):
    monkeypatch.setattr(type(domain()), "suites", lambda self: {"one": OneSuite()})


def test_what_a_suite_asks_or_answers_is_never_trained_on_and_the_suite_is_told(run, given, one_suite):
    giveaways = [
        sample("A certain question\nthat is asked here", "x", "request"),
        sample("something else", LONG, "answer"),
        sample("run db-2 at 8, please", "run db-2 8", "template"),
        sample("many have this answer", "short", "short"),
        sample("run db-2 at 8, please", "run db-2 --now", "other shape"),
    ]
    done, artifact = run(STAGE, CurationWhat(near_cap=0, suite_samples=50, dev_samples=0), **given(giveaways + many(30)))
    assert done.tally.dropped == {"suite: same request": 1, "suite: same answer": 1, "suite: same template": 1}
    assert done.figures["suites"]["one"] == {"suite: same request": 1, "suite: same answer": 1, "suite: same template": 1, "similar": 0}
    rejects = {record["id"]: record["suite"] for record in read_records(artifact.path / "rejects.jsonl")}
    assert rejects == {"request": "one", "answer": "one", "template": "one"}
    assert {"short", "other shape"} <= {record["id"] for record in read_shards(artifact.path, "train")}


def test_a_real_suite_and_a_real_mix_share_no_request(run, given):
    asked = domain().suites()["cron"].samples((), 50, SUITE_SEED)
    giveaways = [asked[3], sample(asked[4].request.upper(), "1 2 3 4 5", "b")]
    done, artifact = run(STAGE, CurationWhat(near_cap=0, suite_samples=50, dev_samples=0), **given(giveaways + many(100)))
    assert done.tally.dropped["suite: same request"] == 2
    kept = list(read_shards(artifact.path, "train"))
    assert not {record["request"].lower() for record in kept} & {item.request.lower() for item in asked}


WORDS = [f"w{number}" for number in range(20)]


@pytest.fixture
def word_suite(monkeypatch):
    class WordSuite(OneSuite):
        def samples(self, documents, count, seed):
            return [sample(" ".join(WORDS), "answer", "words")]

    monkeypatch.setattr(type(domain()), "suites", lambda self: {"words": WordSuite()})


def test_thirteen_words_in_a_row_give_a_suite_away_and_twelve_do_not(run, given, word_suite):
    told = [f"please {' '.join(WORDS[2 : 2 + length]).upper()} thanks" for length in (GRAM_WORDS, GRAM_WORDS - 1)]
    samples = [sample(request, f"other {place}", f"s{place}") for place, request in enumerate(told)]
    done, artifact = run(STAGE, CurationWhat(suite_samples=1, dev_samples=0), **given(samples))
    assert done.tally.dropped == {f"suite: {GRAM_WORDS} words in a row": 1}
    assert [record["suite"] for record in read_records(artifact.path / "rejects.jsonl")] == ["words"]


def test_what_ten_units_say_in_the_same_words_is_a_common_phrase(run, given, word_suite):
    run_of_words = " ".join(WORDS[:GRAM_WORDS])
    for units, dropped in ((10, {f"suite: {GRAM_WORDS} words in a row": 20}), (11, {})):
        samples = [
            sample(f"{variant} {run_of_words} {unit} {variant}", f"a{unit}", f"s{unit}-{variant}", "reverse", {"page": f"page {unit}"})
            for unit in range(units)
            for variant in range(2)
        ]
        done, _ = run(STAGE, CurationWhat(near_cap=0, suite_samples=1, dev_samples=0), name=f"units-{units}", **given(samples + many(1)))
        assert done.tally.dropped == dropped


def test_a_long_answer_that_many_requests_have_gives_nothing_away(run, given, one_suite):
    for requests, dropped in ((10, {"suite: same answer": 10}), (11, {})):
        samples = [sample(f"{chr(97 + place)} is asked", LONG, f"s{place}") for place in range(requests)]
        done, _ = run(STAGE, CurationWhat(near_cap=0, suite_samples=3, dev_samples=0), name=f"asked-{requests}", **given(samples + many(1)))
        assert done.tally.dropped == dropped


def jaccard(first, second):
    one, two = (
        {tuple(words[at : at + SHINGLE_WORDS]) for at in range(max(1, len(words) - SHINGLE_WORDS + 1))} for words in (first, second)
    )
    return len(one & two) / len(one | two)


def test_similar_questions_are_those_that_every_pair_compared_says(run, given, monkeypatch):
    rng = Random(5)
    questions = [[f"w{rng.randrange(40)}" for _ in range(rng.randrange(2, 14))] for _ in range(60)]

    def changed(words):
        words = list(words)
        for _ in range(rng.randrange(3)):
            words[rng.randrange(len(words))] = f"x{rng.randrange(1000)}"
        return words + ["more"] * rng.randrange(2)

    requests = [changed(rng.choice(questions)) for _ in range(150)]

    class Many(OneSuite):
        def samples(self, documents, count, seed):
            return [sample(" ".join(words), "none", f"q{place}") for place, words in enumerate(questions)]

    monkeypatch.setattr(type(domain()), "suites", lambda self: {"many": Many()})
    samples = [sample(" ".join(words), f"a{place}", f"s{place}") for place, words in enumerate(requests)]
    _, artifact = run(STAGE, CurationWhat(near_cap=0, suite_samples=60, dev_samples=0), **given(samples))
    trained = [record["request"].split() for record in read_shards(artifact.path, "train")]
    expected = [f"q{place}" for place, words in enumerate(questions) if any(jaccard(words, other) >= 0.5 for other in trained)]
    assert json.loads((artifact.path / "similar.json").read_text()) == {"many": expected}
    assert 5 < len(expected) < 55


def test_alike_are_those_that_differ_in_what_they_copy():
    one = skeleton_key("a pod called web with 3 replicas", "name: web\nreplicas: 3")
    assert one == skeleton_key("a pod called api with 12 replicas", "name: api\nreplicas: 12")
    assert one != skeleton_key("a pod named web with 3 replicas", "name: web\nreplicas: 3")
    assert one != skeleton_key("a pod called web with 3 replicas", "name: web\nreplicas: 3\npaused: true")


def test_the_cap_bounds_how_many_are_alike(run, given):
    samples = [sample(f"at {n} past, every hour", f"{n} * * * *", f"s{n}") for n in range(60)]
    done, _ = run(STAGE, CurationWhat(near_cap=7, suite_samples=0, dev_samples=0), **given(samples))
    assert done.tally.kept <= 14 and done.tally.dropped == {"near duplicate": 60 - done.tally.kept}  # 1 and 2 digits alike: one skeleton


def test_weights_repeat_or_thin_a_road(run, given):
    samples = many(200) + [sample(f"real {n}", f"{n % 60} 2 * * {n % 7}", f"r{n}", "reverse") for n in range(100)]
    what = CurationWhat(near_cap=0, suite_samples=0, dev_samples=0, weights={"reverse": 2.5, "procedural": 0.25})
    done, artifact = run(STAGE, what, **given(samples))
    times = Counter(record["id"] for record in read_shards(artifact.path, "train"))
    real = [count for name, count in times.items() if name.startswith("r")]
    assert len(real) == 100 and set(real) == {2, 3} and 225 <= sum(real) <= 275
    assert 25 <= len(times) - 100 <= 75 and done.tally.dropped["weight"] == 200 - (len(times) - 100)


def test_kinds_can_be_left_out_for_an_ablation_and_are_counted(run, given):
    samples = [replace(one, kind=("check-flag", "check-field", "unchecked", "flag")[number % 4]) for number, one in enumerate(many(80))]
    what = CurationWhat(near_cap=0, suite_samples=0, dev_samples=0, without=("check-*", "fla"))
    done, artifact = run(STAGE, what, **given(samples))
    assert {record["kind"] for record in read_shards(artifact.path, "train")} == {"unchecked", "flag"}
    assert done.tally.closed and done.tally.dropped == {"left out by kind": 40} and done.tally.kept == 40


def test_a_mix_of_nothing_is_told(run, given):
    with pytest.raises(UserError, match="none of 0 samples is left"):
        run(STAGE, CurationWhat(), **given([]))


def real(count, unit_of, skill="cron", prefix="f"):
    """Samples of a real source: `unit_of` gives the provenance of each by its number."""
    return [
        sample(
            f"{skill} variant {place} of it, please",
            f"{place} {place % 24} * * {place % 7}",
            f"{prefix}{place}",
            "reverse",
            unit_of(place),
            skill,
        )
        for place in range(count)
    ]


@pytest.mark.parametrize(
    ("unit", "source"),
    [
        ("repository", lambda place: {"repository": f"a/{place // 5}", "path": f"f{place}"}),
        ("page", lambda place: {"repository": "a/b", "path": "all.jsonl", "page": f"p{place // 5}"}),
        ("path", lambda place: {"path": f"f{place // 5}"}),
    ],
)
def test_samples_of_one_unit_go_to_dev_together(run, given, unit, source):
    _, artifact = run(STAGE, CurationWhat(near_cap=0, suite_samples=0, dev_samples=20), **given(real(200, source)))
    dev = Counter(record["source"][unit] for record in read_records(artifact.path / "dev.jsonl"))
    train = {record["source"][unit] for record in read_shards(artifact.path, "train")}
    assert dict(dev) == dict.fromkeys(dev, 5) and len(dev) == 4 and not set(dev) & train


def test_where_there_is_one_repository_its_files_are_split(run, given):
    samples = real(150, lambda place: {"repository": "a/b", "path": f"f{place // 5}"})
    done, artifact = run(STAGE, CurationWhat(near_cap=0, suite_samples=0, dev_samples=15), **given(samples))
    dev = Counter(record["source"]["path"] for record in read_records(artifact.path / "dev.jsonl"))
    assert dict(dev) == dict.fromkeys(dev, 5) and done.figures["dev_by_unit"] == {"unit": 0, "part": 15, "row": 0}
    assert not set(dev) & {record["source"]["path"] for record in read_shards(artifact.path, "train")}


def test_a_family_of_invented_commands_goes_to_dev_as_a_whole(run, given):
    samples = [
        sample(
            f"do {n} the way {n % 80} is done by {n * 7}",
            f"kubectl do --flag-{chr(97 + n % 80 // 26)}{chr(97 + n % 26)}={n}",
            f"s{n}",
            skill="do",
        )
        for n in range(400)
    ]
    _, artifact = run(STAGE, CurationWhat(near_cap=0, suite_samples=0, dev_samples=400), **given(samples + many(3600)))
    families = [{record["answer"].split("=")[0] for record in records if record["skill"] == "do"} for records in read_both(artifact)]
    assert len(families[0]) >= 8 and not families[0] & families[1]


def read_both(artifact):
    return list(read_records(artifact.path / "dev.jsonl")), list(read_shards(artifact.path, "train"))


def test_dev_has_enough_of_every_skill_and_no_more_than_a_tenth_of_it(run, given):
    samples = many(3000) + real(300, lambda place: {"page": f"{place // 2}"}, "rare", "r") + real(50, lambda place: {}, "poor", "p")
    done, artifact = run(STAGE, CurationWhat(near_cap=0, suite_samples=0, dev_samples=100), **given(samples))
    assert done.figures["dev"] == 100 and done.figures["dev_by_skill"] == {"cron": 75, "poor": 5, "rare": ENOUGH}
    dev, train = read_both(artifact)
    assert Counter(record["skill"] for record in dev) == done.figures["dev_by_skill"]
    assert not {record["id"] for record in dev} & {record["id"] for record in train}


@pytest.mark.parametrize(
    ("weight", "count", "total", "expected"),
    [
        ([1.0, 1.0], [1000, 1000], 101, [51, 50]),
        ([9.0, 1.0], [1000, 1000], 100, [80, 20]),
        ([1.0, 0.0], [100, 0], 400, [10, 0]),
        ([5.0, 1.0], [5000, 150], 60, [45, 15]),
        ([], [], 10, []),
    ],
)
def test_places_in_dev_are_dealt_by_weight(weight, count, total, expected):
    assert quotas(weight, count, total) == expected


def test_a_skill_takes_the_share_of_the_mix_that_the_recipe_gives_it(run, given):
    samples = many(900) + real(100, lambda place: {}, "other", "o")
    shares = {}
    for cron in (0.9, 0.5, 0.0):
        what = CurationWhat(near_cap=0, suite_samples=0, dev_samples=0, skills={"cron": cron})
        done, artifact = run(STAGE, what, name=f"shares-{cron}", **given(samples))
        there = Counter(record["skill"] for record in read_shards(artifact.path, "train"))
        shares[cron] = there["cron"] / there.total()
        assert there == Counter({name: count for name, count in done.figures["train_by_skill"].items() if count})
        assert done.tally.dropped.get("share of its skill", 0) == 1000 - done.figures["train_distinct"]
        assert abs(there.total() - 1000) < 100
    assert shares[0.9] == 0.9 and abs(shares[0.5] - 0.5) < 0.05 and shares[0.0] == 0


@pytest.mark.parametrize(
    ("skills", "told"),
    [({"corn": 0.5}, "no such skill: 'corn'; did you mean 'cron'"), ({"cron": 1.5}, "from 0 to 1"), ({"cron": -0.1}, "from 0 to 1")],
)
def test_impossible_shares_are_told(skills, told):
    with pytest.raises(UserError, match=told):
        STAGE.ready(CurationWhat(skills=skills), domain())


def test_settings_that_can_be_meant_are_let_through():
    with pytest.raises(UserError, match="'reverse' is negative"):
        STAGE.ready(CurationWhat(weights={"reverse": -1}), domain())
    STAGE.ready(CurationWhat(skills={"cron": 1.0}, weights={"reverse": 0}), domain())


def test_the_shape_of_an_answer_is_its_keys_and_flags_whatever_their_order():
    ask = "web in shop with 3 replicas and the flag"
    same = [
        ("kubectl scale deployment web --replicas=3 -n shop", "kubectl scale deployment web -n shop --replicas=3"),
        ("spec:\n  replicas: 3\n  paused: true\n", "spec:\n  paused: true\n  replicas: 3\n"),
        ("a:\n- name: web\n  port: 1\n- name: shop\n  port: 2\n", "a:\n  - name: shop\n    port: 80\n  - name: web\n    port: 80\n"),
    ]
    for first, second in same:
        assert skeleton_key(ask, first) == skeleton_key(ask, second)
    assert skeleton_key(ask, "spec:\n  name: web\n") != skeleton_key(ask, "metadata:\n  name: web\n")
    assert skeleton_key(ask, "kubectl get pods -w") != skeleton_key(ask, "kubectl get pods -A")


def test_suites_know_a_question_whatever_its_case_and_spacing():
    suites = Suites()
    suites.add("s", sample("At Nine   please", "0 9 * * *"))
    assert suites.known(text_key("at nine please"), 0) == ("suite: same request", 0)
    assert suites.known(text_key("at ten please"), 0) == ("", 0)
