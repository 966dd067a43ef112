"""The codec of teacher signals against dense distributions, and what a cut or foreign file is told."""

import json

import numpy as np
import pytest

from kubestill.ground.errors import UserError
from kubestill.tools.signals import (
    LESSON,
    Form,
    Header,
    Signals,
    Top,
    pack,
    read_header,
    shard_figures,
    unpack,
    write_header,
    write_shard,
)


def dense(count, vocabulary, sharpness, seed=0):
    """Log-probabilities [N,V], from flat to nearly certain."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, vocabulary)) * np.linspace(0.1, sharpness, count)[:, None]
    return logits - np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True)) - logits.max(1, keepdims=True)


def top(logp, kept):
    ids = np.argsort(-logp, 1)[:, :kept]
    logs = np.take_along_axis(logp, ids, 1)
    rest = np.log(np.maximum(1 - np.exp(logs).sum(1), 0), where=np.exp(logs).sum(1) < 1, out=np.full(len(logs), -np.inf))
    return Top(ids, logs.astype(np.float32), rest.astype(np.float32))


def masses(found):
    return np.exp(np.concatenate([found.logs, found.rest[:, None]], 1).astype(np.float64))


@pytest.mark.parametrize("codec", ["steps", "half"])
@pytest.mark.parametrize(("kept", "vocabulary"), [(1, 300), (16, 300), (300, 300), (8, 70_000)])
def test_decoded_masses_are_within_the_stated_bounds_of_the_true_ones(codec, kept, vocabulary):
    form, logp = Form(vocabulary, kept, codec), dense(40, vocabulary, 12.0)
    told = top(logp, kept)
    zeros = np.zeros(len(logp))
    found = unpack(form, pack(form, told, zeros, zeros))
    q, p = masses(told), masses(found)
    q /= q.sum(1, keepdims=True)
    assert (found.ids == told.ids).all()
    assert p.sum(1) == pytest.approx(1, abs=1e-5)
    assert 0.5 * np.abs(q - p).sum(1).max() <= form.bound_variation
    kl = np.where(q > 0, q * np.log(np.maximum(q, 1e-300) / p), 0).sum(1)
    assert kl.max() <= form.bound_divergence
    # Dense again, the rest spread evenly: no farther than the rest's mass beyond that.
    whole = np.repeat(p[:, -1:] / max(vocabulary - kept, 1), vocabulary, 1)
    np.put_along_axis(whole, found.ids, p[:, :-1], 1)
    assert (0.5 * np.abs(np.exp(logp) - whole).sum(1) <= form.bound_variation + q[:, -1] + 1e-9).all()


def test_the_bounds_are_near_what_an_adversary_reaches():
    """Two masses, one rounded up and the other down: the stated bounds are no idle ones."""
    form, worst = Form(300, 2), 0.0
    for q in np.linspace(0.3, 0.7, 400):
        told = Top(np.array([[0, 1]]), np.log([[q, 1 - q]]).astype(np.float32), np.array([-np.inf], np.float32))
        p = masses(unpack(form, pack(form, told, np.zeros(1), np.zeros(1))))[0]
        worst = max(worst, abs(p[0] - q))
    assert form.bound_variation / 3 < worst <= form.bound_variation


def test_a_record_takes_what_it_says():
    assert Form(4096, 16).bytes_per_token == 16 * (2 + 1) + 1 + 2 + 2
    assert Form(151_936, 16, "half").bytes_per_token == 16 * (4 + 2) + 2 + 2 + 2


def written(folder, shards=((3, 2), (4,))):
    """A folder of two shards; token t of lesson l is recognised by its width."""
    form, number = Form(300, 4), 0
    for place, counts in enumerate(shards):
        parts, lessons = [], np.zeros(len(counts), LESSON)
        for row, count in enumerate(counts):
            told = top(dense(count, 300, 3.0, number), 4)
            parts.append(pack(form, told, told.logs[:, 0], np.arange(count) + 100 * number))
            lessons[row] = (number, count, 7)
            number += 1
        write_shard(folder, place, np.concatenate(parts), lessons, {"tokens": sum(counts)})
    write_header(folder, Header({"name": "t"}, form, {"encoded": "d"}, tuple(map(sum, shards))))
    return form


def test_lessons_are_found_over_the_borders_of_shards(tmp_path):
    form = written(tmp_path)
    found = Signals(tmp_path)
    assert found.form == form and found.header.lessons == {"encoded": "d"}
    assert found.of(1)["width"].tolist() == [100, 101]
    assert found.many([2, 0])["width"].tolist() == [200, 201, 202, 203, 0, 1, 2]
    assert shard_figures(tmp_path, 1) == {"tokens": 4} and shard_figures(tmp_path, 2) is None
    assert not list(tmp_path.glob("*.part"))


def cut(path):
    path.write_bytes(path.read_bytes()[:-3])


def grown(path):
    path.write_bytes(path.read_bytes() + b"more")


def foreign(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(5, np.float32))


def pickled(path):
    with path.open("wb") as file:
        np.save(file, np.array([{}], dtype=object), allow_pickle=True)


@pytest.mark.parametrize("spoil", [cut, grown, foreign, pickled, lambda path: path.write_text("no"), lambda path: path.unlink()])
@pytest.mark.parametrize("name", ["signals-00001.npy", "lessons-00000.npy"])
def test_a_cut_or_foreign_array_is_one_sentence(tmp_path, spoil, name):
    written(tmp_path)
    spoil(tmp_path / name)
    with pytest.raises(UserError, match="capture them again"):
        Signals(tmp_path)


def test_shards_that_do_not_fit_the_header_are_one_sentence(tmp_path):
    written(tmp_path)
    (tmp_path / "signals-00000.npy").write_bytes((tmp_path / "signals-00001.npy").read_bytes())
    with pytest.raises(UserError, match="shard 0 has 4 tokens, signals"):
        Signals(tmp_path)


@pytest.mark.parametrize("change", [{"version": 9}, {"form": {"kept": 1}}, {"shards": 3}, {"strange": 1}])
def test_a_foreign_header_is_one_sentence(tmp_path, change):
    written(tmp_path)
    record = json.loads((tmp_path / "signals.json").read_text()) | change
    (tmp_path / "signals.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="capture them again"):
        read_header(tmp_path)


def test_a_folder_without_header_was_never_finished(tmp_path):
    written(tmp_path)
    (tmp_path / "signals.json").unlink()
    with pytest.raises(UserError, match="to its end"):
        Signals(tmp_path)
