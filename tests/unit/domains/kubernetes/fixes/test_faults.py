"""Adversaries: sound manifests with planted faults, recorded verdicts of an API server, and texts that no one wrote."""

import gzip
import json
import random
import re
from pathlib import Path

import pytest

from kubestill.domains.kubernetes.answers import check_text
from kubestill.domains.kubernetes.checks.table import rules
from kubestill.domains.kubernetes.fixes import mend
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.printing import dump

SHARED = Path(__file__).parents[6] / "shared" / "data"
SOUND = sorted({dump(read(text).manifests[0].object) for rule in rules() for text in rule.good if "\n---" not in text})
LABELS = "".join(f'    {name}: "{value}"\n' for name, value in (("a", "1"), ("version", "1.10"), ("on", "yes"), ("off", "true")))


@pytest.fixture(scope="module")
def recorded():
    """Texts of real manifests by the verdict of a real API server; none where the data is not here."""
    found = {}
    if SHARED.exists():
        with gzip.open(SHARED / "manifests.jsonl.gz", "rt") as lines:
            texts = {record["sha256_16"]: record["text"] for record in map(json.loads, lines)}
        with gzip.open(SHARED / "api-server-manifests.jsonl.gz", "rt") as lines:
            for record in map(json.loads, lines):
                found.setdefault(record["verdict"], []).append(texts[record["sha256_16"]])
    return found


def findings(text):
    return [finding for one in check_text(text, "") for finding in one.verdict.findings]


def objects(text):
    return [manifest.object for manifest in read(text).manifests]


def swap(rng, word):
    place = rng.randrange(1, len(word) - 1)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


# What is looked for (its group is replaced), what stands there then, and how much of it must come back at least.
PLANTS = {
    "letters swapped": (r"(?m)^[ -]*(?!apiVersion|metadata)([A-Za-z]{5,}):", swap, 0.8),
    "snake case": (r"(?m)^ +[ -]*([a-z]+[A-Z][A-Za-z]+):", lambda _, word: re.sub("[A-Z]", lambda one: "_" + one[0].lower(), word), 0.9),
    "quoted": (r"(?m): ([0-9]+|true|false)$", lambda _, word: f'"{word}"', 0.9),
    "unquoted": (r'(?m): ("(?:[0-9.]+|true|yes|on)")$', lambda _, word: word[1:-1], 0.9),
    "lower case": (r"(?m): ([A-Z][A-Za-z]+)$", lambda _, word: word.lower(), 0.5),
    "twice": (r"(?m)(^ *[a-zA-Z]+: [^\n|>&*]+\n)", lambda _, line: line * 2, 0.9),
}


def planted(rng, text, pattern, change):
    matches = list(re.finditer(pattern, text))
    if not matches:
        return text
    match = rng.choice(matches)
    return text[: match.start(1)] + change(rng, match[1]) + text[match.end(1) :]


@pytest.mark.parametrize("fault", PLANTS)
def test_a_planted_fault_is_undone_or_left_and_never_turned_into_something_else(fault, recorded):
    pattern, change, share = PLANTS[fault]
    rng, undone, faulty = random.Random(f"{fault} 5"), 0, 0
    for text in [*SOUND[::2], *recorded.get("accepted", ())[7::140]]:
        sound = text.replace("metadata:\n", f"metadata:\n  annotations:\n{LABELS}", 1) if fault == "unquoted" else text
        spoilt = planted(rng, sound, pattern, change)
        if spoilt == sound or not any(one.severity == "error" for one in findings(spoilt)):
            continue
        mended = mend(spoilt).text
        faulty += 1
        undone += mended == sound
        assert mended == spoilt or objects(mended) == objects(sound), (spoilt, mended)
        assert mend(mended).text == mended
    assert faulty > 5 and undone >= faulty * share, (undone, faulty)


def test_noise_is_mended_to_something_that_stays_and_brings_no_new_kind_of_document():
    rng = random.Random(6)
    for _ in range(150):
        text = list(rng.choice(SOUND))
        for _ in range(rng.randrange(1, 5)):
            place = rng.randrange(len(text))
            text[place : place + rng.randrange(3)] = rng.choice(
                ["\t", "\r\n", "'", '"', "{", "- ", ": ", "&a ", "*a", "#", "|\n", "\u2028", "é", "---\n", "\ufeff"]
            )
        noise = "".join(text)
        mended = mend(noise)
        assert mend(mended.text).text == mended.text, noise
        assert (mended.text == noise) is (not mended.edits)
        assert len(objects(mended.text)) >= len(objects(noise))


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x]\n"
        + "".join(f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}{', *' + ('a' if n == 0 else f'b{n - 1}')}]\n" for n in range(40)),
        "[" * 5000,
        "{" * 300 + "}" * 300,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {? [a] : b}\n",
        "apiVersion: v1\nkind: Pod\n<<: {metadata: {name: a}}\nspc: {}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n...\napiVersion: v1\nkind: pod\n",
        "\ufeff\ufeffapiVersion: v1\nkind: pod\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: \ud800\nmetadata: {name: a}\n",
        "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {" + ", ".join(f"k{n}: x, k{n}: y" for n in range(50)) + "}\n",
    ],
    ids=lambda text: text[:20].replace("\n", " "),
)
def test_hostile_texts_are_left_as_they_are(text):
    assert mend(text).text == text


def test_hundreds_of_faults_are_mended_in_one_go():
    sound = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n" + "".join(
        f'  k{number}: "{number}"\n' for number in range(300)
    )
    mended = mend(sound.replace('"', ""))
    assert mended.text == sound and [edit.line for edit in mended.edits] == list(range(6, 306))


def test_what_a_real_server_accepts_stays_byte_for_byte(recorded):
    """All 7,867 were tried (docs/log); here every ninth, and with line ends of Windows."""
    if not recorded:
        pytest.skip("../shared/data is not here")
    sample = recorded["accepted"][4::9][:800]
    assert len(sample) == 800
    for number, text in enumerate(sample):
        asked = text.replace("\n", "\r\n") if number % 4 == 0 else text
        assert mend(asked).text == asked


def test_what_a_real_server_rejects_gets_no_worse(recorded):
    if not recorded:
        pytest.skip("../shared/data is not here")
    whole = 0
    for text in recorded["rejected"][::2]:
        mended = mend(text)
        errors = [finding for finding in findings(mended.text) if finding.severity == "error"]
        if mended.edits:
            whole += not errors
            kept = set(text.split("\n")) - set(mended.text.split("\n"))
            assert len(kept) <= len(mended.edits) + 8  # a dropped block of lines at the most
    assert whole >= 8
