from collections import Counter

import pytest

from kubestill.domains.api import SUITE_SEED, Intent, Sample
from kubestill.domains.cron import domain
from kubestill.ground.errors import UserError
from kubestill.ground.manifest import Artifact
from kubestill.ground.records import read_records, write_records
from kubestill.ground.shards import read_shards
from kubestill.stages.curation.likeness import GRAM_WORDS, Contamination, grams, skeleton_key, text_key
from kubestill.stages.curation.stage import STAGE, CurationWhat


def sample(request, answer, name="x", road="procedural", source=None):
    return Sample(name, "cron", request, answer, (Intent("minutes", (), "0"),), "daily", road, (), source or {})


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


def test_what_a_suite_asks_or_answers_is_never_trained_on(run, given):
    asked = domain().suites()["cron"].samples((), 50, SUITE_SEED)
    giveaways = [asked[3], sample(asked[4].request.upper(), "1 2 3 4 5", "b"), sample("something else", asked[5].answer, "c")]
    done, artifact = run(STAGE, CurationWhat(near_cap=0, suite_samples=50, dev_samples=0), **given(giveaways + many(100)))
    assert done.tally.dropped.pop("suite: same request") == 2
    assert done.tally.dropped.pop("suite: same answer") >= 1
    kept = list(read_shards(artifact.path, "train"))
    assert not {record["request"].lower() for record in kept} & {item.request.lower() for item in asked}
    assert not {record["answer"] for record in kept} & {item.answer for item in asked}


def test_thirteen_words_in_a_row_give_a_suite_away_and_twelve_do_not():
    words = [f"w{number}" for number in range(20)]
    suites = Contamination()
    suites.add(sample(" ".join(words), "answer"))
    for length, reason in ((GRAM_WORDS, f"suite: {GRAM_WORDS} words in a row"), (GRAM_WORDS - 1, "")):
        request = "please " + " ".join(words[2 : 2 + length]).upper() + " thanks"
        assert suites.reason(request, "other", text_key(request)) == reason
    assert not list(grams("short request"))


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


def test_a_mix_of_nothing_is_told(run, given):
    with pytest.raises(UserError, match="none of 0 samples is left"):
        run(STAGE, CurationWhat(), **given([]))


def test_samples_of_one_file_go_to_dev_together(run, given):
    samples = [
        sample(f"variant {v} of file {f}", f"{v} {f % 24} * * {f % 7}", f"f{f}-{v}", "reverse", {"repository": "a/b", "path": f"f{f}"})
        for f in range(30)
        for v in range(5)
    ]
    _, artifact = run(STAGE, CurationWhat(near_cap=0, suite_samples=0, dev_samples=15), **given(samples))
    dev = Counter(record["source"]["path"] for record in read_records(artifact.path / "dev.jsonl"))
    train = {record["source"]["path"] for record in read_shards(artifact.path, "train")}
    assert dict(dev) == dict.fromkeys(dev, 5) and len(dev) == 3 and not set(dev) & train
