"""Drafts against plain counting, on texts of other repositories, and files that are cut, changed or of another vocabulary."""

import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest
import yaml

import kubestill
from kubestill.domains.kubernetes.printing import dump
from kubestill.ground.errors import UserError
from kubestill.ground.records import read_records
from kubestill.ground.seeds import held_out
from kubestill.tools.grammar.drafts import LONGEST, Drafts, _Own

VOCABULARY = "v" * 32
MANIFESTS = Path(__file__).resolve().parents[5] / "shared/data/manifests.jsonl.gz"


def texts(seed: int, count: int = 60) -> list[list[int]]:
    """Walks on a small random graph: some followers certain, some not."""
    rng = random.Random(seed)
    follows = {node: rng.choices(range(40), k=rng.choice([1, 1, 3])) for node in range(40)}
    found = []
    for _ in range(count):
        walk = [rng.randrange(40)]
        while len(walk) < 30:
            walk.append(rng.choice(follows[walk[-1]]))
        found.append(walk)
    return found


def counted(found: list[list[int]]) -> dict[tuple[int, ...], Counter[int]]:
    table: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for text in found:
        for place in range(1, len(text)):
            for length in range(1, min(LONGEST, place) + 1):
                table[tuple(text[place - length : place])][text[place]] += 1
    return table


@pytest.mark.parametrize("seed", range(5))
def test_a_follower_is_the_most_frequent_one_of_the_longest_context(seed):
    """Against plain counting; where two followers are as frequent, either is right."""
    learned = texts(seed)
    drafts, table = Drafts.learn(learned, VOCABULARY), counted(learned)
    checked = 0
    for text in texts(seed)[:20] + texts(seed + 100)[:5]:
        for place in range(1, len(text)):
            context = tuple(text[max(0, place - LONGEST) : place])
            longest = next((context[-n:] for n in range(len(context), 0, -1) if sum(table[context[-n:]].values()) >= 2), None)
            if longest is None:
                continue
            follower, chance = drafts._follower(context)
            most = max(table[longest].values())
            assert table[longest][follower] == most, (longest, table[longest], follower)
            share = most / (sum(table[longest].values()) + 0.5)
            assert abs(chance / 255 - share**2) <= 0.11
            checked += 1
    assert checked > 300


def test_what_is_certain_is_proposed_and_what_is_not_is_left():
    drafts = Drafts.learn([[1, 2, 3, 4, 5, 6]] * 40 + [[7, 8], [7, 9], [7, 10], [7, 11]], VOCABULARY)
    assert drafts.propose([1, 2]) == [3, 4, 5, 6] and drafts.propose([1, 2], limit=2) == [3, 4]
    assert drafts.propose([7]) == [] and drafts.propose([99]) == [] and drafts.propose([]) == []


def test_the_text_at_hand_is_repeated():
    drafts = Drafts.empty(VOCABULARY)
    request = [70_000, 5, 6, 7, 8, 9, 10, 3]
    assert drafts.propose([*request, 5, 6, 7], limit=3) == [8, 9, 10]
    assert drafts.propose([1, 2, 3]) == []
    assert drafts.propose([0x01010101, 0x01010101, 0x01010101])[:1] == [0x01010101]  # not at a place within a number


@pytest.mark.parametrize("seed", range(20))
def test_the_place_in_the_text_at_hand_is_the_last_one_of_the_longest_agreement(seed):
    rng = random.Random(seed)
    tokens = [rng.choice([0, 1, 256, 65536]) for _ in range(rng.randint(2, 40))]
    lengths = range(min(LONGEST, len(tokens) - 1), 1, -1)
    wanted = next((p + n for n in lengths for p in range(len(tokens) - n - 1, -1, -1) if tokens[p : p + n] == tokens[-n:]), -1)
    assert _Own(tokens)._place == wanted


def test_a_table_comes_back_from_its_file_and_is_kept_small(tmp_path):
    learned = texts(3, 300)
    drafts, path = Drafts.learn(learned, VOCABULARY), tmp_path / "drafts.bin"
    drafts.save(path)
    again = Drafts.load(path, VOCABULARY)
    assert [again.propose(text[:9]) for text in learned] == [drafts.propose(text[:9]) for text in learned]
    assert len(Drafts.learn(learned, VOCABULARY, most=50).contexts) <= 50 < len(drafts.contexts)
    assert path.stat().st_size < 9 * len(drafts.contexts) + 100 and list(tmp_path.iterdir()) == [path]
    empty = tmp_path / "empty.bin"
    Drafts.learn([], VOCABULARY).save(empty)
    assert Drafts.load(empty, VOCABULARY).propose([1, 2, 3]) == []


def test_a_file_that_is_cut_changed_or_for_another_vocabulary_is_refused(tmp_path):
    path = tmp_path / "drafts.bin"
    Drafts.learn(texts(1), VOCABULARY).save(path)
    whole = path.read_bytes()
    with pytest.raises(UserError, match="another vocabulary"):
        Drafts.load(path, "w" * 32)
    rng = random.Random(5)
    for _ in range(40):
        place = rng.randrange(len(whole))
        bad = whole[:place] if rng.random() < 0.5 else whole[:place] + bytes([whole[place] ^ 1 << rng.randrange(8)]) + whole[place + 1 :]
        path.write_bytes(bad)
        with pytest.raises(UserError, match="drafts"):
            Drafts.load(path, VOCABULARY)


def accepted(drafts: Drafts, found: list[list[int]]) -> float:
    """Return how many drafted tokens hold in a pass, where the text is what a model writes."""
    passes = held = 0
    for text in found:
        place = 1
        while place < len(text):
            guess = drafts.propose(text[:place], 8)
            right = next((n for n, token in enumerate(guess) if text[place + n : place + n + 1] != [token]), len(guess))
            passes, held, place = passes + 1, held + right, place + right + 1
    return held / passes


@pytest.mark.skipif(not MANIFESTS.exists(), reason="no ../shared/data here")
def test_manifests_of_other_repositories_are_guessed():
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(kubestill.__file__).parent / "models/kubernetes-base/tokenizer.json"))
    parts: dict[bool, list[list[int]]] = {True: [], False: []}
    for number, row in enumerate(read_records(MANIFESTS)):
        if number % 40 == 0 and len(row["text"]) < 3000:
            text = dump(yaml.load(row["text"], Loader=yaml.CSafeLoader))
            parts[held_out("repository", row["repo"])].append(tokenizer.encode(text).ids)
    drafts = Drafts.learn(parts[False], VOCABULARY)
    held = accepted(drafts, parts[True])
    assert len(parts[True]) > 30 and held > 1.3 * accepted(Drafts.empty(VOCABULARY), parts[True]) and held > 0.5
