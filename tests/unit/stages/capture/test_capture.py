"""What is captured against Hugging Face's own log-probabilities; cut and resumed; and a server on loopback."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kubestill.domains.api import Sample
from kubestill.ground.errors import UserError
from kubestill.stages.capture import local, served
from kubestill.stages.capture.stage import STAGE, CaptureHow, CaptureWhat
from kubestill.tools.modeling.encoding import Encoding, Limits, encode_mix, shards_of
from kubestill.tools.signals import Signals, unpack
from support.toy_training import tiny
from unit.stages.training.test_distill import small, train
from unit.stages.training.test_distill import teacher as teacher
from unit.stages.training.test_training import job, mix, record

__all__ = ["mix", "small", "teacher", "tiny"]  # fixtures

WHAT = CaptureWhat(max_tokens=96, top_k=8)
HOW = CaptureHow(processes=1, batch_tokens=600)


def capture(mix, out, how=HOW, progress=None, **change):
    return STAGE.run(job(mix, out, WHAT.model_copy(update=change), how, progress))


@pytest.fixture(scope="module")
def whole(mix, teacher, tmp_path_factory):
    out = tmp_path_factory.mktemp("captured")
    return out, capture(mix, out, teacher=str(teacher))


def test_signals_are_what_hugging_face_says_of_the_same_tokens(mix, teacher, whole):
    out, done = whole
    signals, model = Signals(out), AutoModelForCausalLM.from_pretrained(teacher, dtype=torch.float32)
    encoded, _ = encode_mix(Encoding(teacher, Sample.from_record, Limits(96)), shards_of(mix), 1)
    assert signals.header.lessons["encoded"] == encoded.digest() and len(signals.lessons) == len(encoded.ends) == 240
    losses, count, variations = Counter(), Counter(), []
    for number in range(len(encoded.ends)):
        ids = torch.from_numpy(encoded.sample(number).astype(np.int64))[None]
        with torch.no_grad():
            logp = model(ids).logits[0, int(encoded.starts[number]) - 1 : -1].log_softmax(-1)
        own, records = ids[0, int(encoded.starts[number]) :], signals.of(number)
        top, form = unpack(signals.form, records), signals.form
        chosen = logp.gather(1, own[:, None])[:, 0].numpy()
        assert records["chosen"] == pytest.approx(chosen, abs=0.01)
        best, words = logp.topk(8)
        near = np.abs(top.logs - best.numpy()) < 2 * form.rounding + 1e-3
        assert near[(best > -15).numpy()].all() and (top.ids == words.numpy()).mean() > 0.95  # near-ties may change places
        decoded = torch.full_like(logp, 0.0)
        decoded[:] = torch.from_numpy(np.exp(top.rest) / (logp.shape[1] - 8))[:, None]
        decoded.scatter_(1, torch.from_numpy(top.ids), torch.from_numpy(np.exp(top.logs)))
        variations += ((logp.exp() - decoded).abs().sum(1) / 2).tolist()
        line = record(number * 2 if number < 120 else (number - 120) * 2 + 1)
        losses[line["kind"]] -= float(chosen.sum())
        count[line["kind"]] += len(own)
    figures = done.figures
    assert figures["tokens"] == sum(count.values()) == int(encoded.labels.sum()) and done.tally.kept == 240
    assert figures["bytes_per_token"] == (out / "signals-00000.npy").stat().st_size // figures["tokens"] == 8 * 3 + 5
    assert figures["mean_variation"] == pytest.approx(np.mean(variations), rel=0.02)
    assert figures["most_variation"] == pytest.approx(np.max(variations), rel=0.02)
    perplexity = {kind: np.exp(losses[kind] / count[kind]) for kind in count}
    assert signals.header.perplexity["kind"] == pytest.approx(perplexity, rel=0.005)
    assert figures["perplexity"] == pytest.approx({"toy": np.exp(sum(losses.values()) / sum(count.values()))}, rel=0.005)


def test_what_is_measured_lies_within_the_stated_bounds(whole):
    figures = whole[1].figures
    assert figures["mean_variation"] <= figures["bound_variation"] + figures["mean_rest"]
    assert figures["mean_divergence_nats"] >= 0 and 0 < figures["mean_entropy_nats"] < np.log(400)


def test_widths_spell_the_answers(mix, teacher, whole):
    signals = Signals(whole[0])
    tokenizer = AutoTokenizer.from_pretrained(teacher)
    for number in (0, 7):
        answer = record(2 * number)["answer"].encode()
        assert signals.of(number)["width"].sum() == len(answer) and signals.of(number)["width"][-1] == 0
        assert len(signals.of(number)) == len(tokenizer(answer.decode(), add_special_tokens=False)["input_ids"]) + 1


class Cut(Exception):
    pass


def test_a_cut_capture_goes_on_and_processes_change_nothing(mix, teacher, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "SHARD_TOKENS", 700)
    asked, make = [], local.make_shard

    def cut_at_the_second(work, lessons):
        asked.append(lessons.start)
        if len(asked) == 2:
            raise Cut
        return make(work, lessons)

    monkeypatch.setattr(local, "make_shard", cut_at_the_second)
    with pytest.raises(Cut):
        capture(mix, tmp_path / "cut", teacher=str(teacher))
    done = capture(mix, tmp_path / "cut", teacher=str(teacher))
    assert asked[0] == 0 and asked.count(0) == 1  # what stood was not asked again
    capture(mix, tmp_path / "two", CaptureHow(processes=2, batch_tokens=600), teacher=str(teacher))
    names = sorted(path.name for path in (tmp_path / "cut").glob("*.npy"))
    assert len(names) > 4
    for name in (*names, "signals.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert done.figures["tokens"] == whole[1].figures["tokens"]
    again, first = Signals(tmp_path / "cut"), Signals(whole[0])
    assert (again.many(range(240))["ids"] == first.many(range(240))["ids"]).mean() > 0.99  # batches differ by the rounding of sums


def test_a_stage_without_teacher_is_left_out_and_two_are_refused(teacher):
    assert not STAGE.wanted(CaptureWhat()) and STAGE.wanted(CaptureWhat(teacher="t")) and STAGE.wanted(CaptureWhat(base_url="http://h/v1"))
    with pytest.raises(UserError, match="both given"):
        STAGE.ready(CaptureWhat(teacher="t", base_url="http://h/v1"), None)
    with pytest.raises(UserError, match="no student 'nobody'"):
        STAGE.parts(CaptureWhat(teacher="nobody"))
    assert len(STAGE.parts(CaptureWhat(teacher=str(teacher)))["teacher"]) == 40


class Handler(BaseHTTPRequestHandler):
    """Answers as the toy's right answers are, three letters a token; some requests get something else."""

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = body["messages"][0]["content"]
        self.server.asked[request] += 1
        number = next(n for n in range(240) if record(n)["request"] == request)
        text, reason, words = record(number)["answer"], "stop", None
        if number % 8 == 4:
            text = text.replace("kind", "sort")
        if number % 8 == 2:
            text, reason = text[:9], "length"
        pieces = [text[start : start + 3] for start in range(0, len(text), 3)]
        if number % 8 == 6:
            words = [*pieces[:-2], "?"]
        content = [self.token(piece, place) for place, piece in enumerate(words or pieces)] + [self.token("<|im_end|>", 0)]
        choice = {"message": {"content": text}, "finish_reason": reason, "logprobs": {"content": content}}
        if self.server.silent:
            del choice["logprobs"]
        told = json.dumps({"choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def token(self, piece, place):
        top = [
            {"token": other, "logprob": log, "bytes": list(other.encode())} for other, log in ((piece, -0.1 - place / 100), ("zzz", -4.0))
        ]
        return top[0] | {"top_logprobs": top}


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        found.asked, found.silent = Counter(), False
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def url(server):
    return f"http://127.0.0.1:{server.server_port}/v1"


def test_a_servers_own_answers_become_a_mix_with_signals(mix, server, tmp_path):
    done = capture(mix, tmp_path / "out", base_url=url(server), model="t", requests=100)
    assert done.tally.came == 100 and done.tally.closed
    assert set(done.tally.dropped) == {"not passed", "cut", "tokens do not spell it"}
    taught = [json.loads(line) for line in (tmp_path / "out" / "train-00000.jsonl").read_text().splitlines()]
    assert len(taught) == done.tally.kept and all(sample["source"] == {"teacher": "t"} for sample in taught)
    signals = Signals(tmp_path / "out")
    words = json.loads((tmp_path / "out" / "words.json").read_text())
    for number, sample in enumerate(taught):
        records = signals.of(number)
        answer = record(int(sample["id"]))["answer"]
        assert sample["answer"] == answer and records["width"].tolist() == [*(len(answer[i : i + 3]) for i in range(0, len(answer), 3)), 0]
        assert records["chosen"] == pytest.approx([-0.1 - place / 100 for place in range(len(records) - 1)] + [-0.1], abs=1e-3)
        assert words[records["ids"][0, 0]] == answer[:3] and words[records["ids"][0, 1]] == "zzz"


def test_what_a_server_answered_is_not_asked_again(mix, server, tmp_path, monkeypatch):
    monkeypatch.setattr(served, "AT_ONCE", 10)
    first = capture(mix, tmp_path / "out", base_url=url(server), model="t", requests=20)
    asked = server.asked.total()
    again = capture(mix, tmp_path / "out", base_url=url(server), model="t", requests=30)
    assert server.asked.total() == asked + 10 and again.tally.came == first.tally.came + 10


def test_a_server_without_log_probabilities_is_one_sentence(mix, server, tmp_path):
    server.silent = True
    with pytest.raises(UserError, match="returns no log-probabilities"):
        capture(mix, tmp_path / "out", base_url=url(server), model="t", requests=5)


def test_a_student_learns_from_a_server(mix, server, tmp_path):
    from kubestill.stages.training.settings import DistillWhat

    capture(mix, tmp_path / "signals", base_url=url(server), model="t")
    across = DistillWhat(words="across", aligned=0.3, weight=1.0)
    points = train(mix, tmp_path / "out", tmp_path / "signals", objective="distill", distill=across, vocabulary_size=330, tokens=3_000)
    assert points[-1]["loss"] < points[0]["loss"] and 0.3 < points[-1]["aligned"] <= 1
    with pytest.raises(UserError, match="signals of a server"):
        train(mix, tmp_path / "same", tmp_path / "signals", objective="distill")


@pytest.mark.parametrize(
    "found",
    [
        {},
        [],
        {"choices": []},
        {"choices": [{"message": {"content": 3}}]},
        {"choices": [{"message": {"content": "a"}, "logprobs": {"content": [3]}}]},
    ],
)
def test_what_is_no_chat_completion_is_one_sentence(found):
    with pytest.raises(UserError, match="no chat completion"):
        served.read_reply(found, "here")
