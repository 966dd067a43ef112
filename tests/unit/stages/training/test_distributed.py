"""Ranks that torchrun would start learn what one process learns, whole or by rows; what dies ends all, and another number goes on."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kubestill.ground.errors import KubestillError, UserError
from kubestill.ground.settings import read_settings
from kubestill.stages.training import distributed, watch
from kubestill.stages.training.objectives.sft import Sft
from kubestill.stages.training.settings import TrainingHow
from kubestill.stages.training.stage import STAGE
from kubestill.tools.modeling import presets
from kubestill.tools.modeling.foreign import ForeignBody
from kubestill.tools.modeling.layout import Layout
from kubestill.tools.modeling.network import StudentBody
from support.toy_training import TINY, Cut, CutAfter
from unit.stages.training import test_training as toy
from unit.stages.training.test_training import HOW, WHAT, curve, job
from unit.tools.engines.test_pretrained import write_model

mix = toy.mix
MUON = WHAT.model_copy(update={"tokens": 1_500, "dev_every_tokens": 1_500, "dev_samples": 2})
ADAMW = MUON.model_copy(update={"optimizer": "adamw", "rest_rate": 0.003, "tokens_per_step": 384, "blocks": 3, "weight_decay": 0.1})
FOREIGN = ADAMW.model_copy(update={"max_tokens": 128, "curriculum": 0.0, "keep": "best"})
TESTS = Path(__file__).parents[3]
RANK = "import sys; sys.path.insert(0, sys.argv[1]); from unit.stages.training import test_distributed as t; t.take_part(*sys.argv[2:])"


def settings(name, base):
    whats = {"muon": MUON, "adamw": ADAMW, "foreign": FOREIGN.model_copy(update={"base": base})}
    return whats[name.split("-")[0]], HOW.model_copy(update={"strategy": "fsdp" if name == "foreign-rows" else "ddp"})


def take_part(mix, out, base, names):
    """What each rank does; the second one dies at its fourth block of the last training."""
    presets.PRESETS["tiny"], watch.CURVE_POINTS = TINY, 10_000
    if read_settings().rank == 1:
        dies_in(len(names.split()))
    try:
        with distributed.joined() as leads:
            for name in names.split() if leads else ():
                what, how = settings(name, base)
                STAGE.run(job(Path(mix), Path(out) / name, what, how))
    except KubestillError as error:  # as the command line does
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def dies_in(training):
    make, loss, left = Sft.__init__, Sft.loss, [training, 4]

    def counted(self, seat):
        left[0] -= 1
        make(self, seat)

    def dying(self, block):
        left[1] -= not left[0]
        return loss(self, block) if left[1] else os._exit(9)

    Sft.__init__, Sft.loss = counted, dying


def launch(*given):
    """Run two ranks, and return the exit code and what each said on stderr."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = [{"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"} for rank in range(2)]
    common = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen([sys.executable, "-c", RANK, str(TESTS), *map(str, given)], env=common | place, stderr=subprocess.PIPE, text=True)
        for place in places
    ]
    told = [process.communicate()[1] for process in started]
    return [process.returncode for process in started], told


@pytest.fixture(scope="module")
def alone(mix, tmp_path_factory):
    """What processes of one memory make of the same settings, and a run of one that was cut."""
    out, base = tmp_path_factory.mktemp("alone"), str(write_model(tmp_path_factory.mktemp("base"), "qwen2"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "tiny", TINY)
        patch.setattr(watch, "CURVE_POINTS", 10_000)
        patch.setattr(watch, "PROGRESS_SECONDS", -1.0)
        for name, processes in (("muon", 2), ("adamw", 1), ("foreign", 1)):
            STAGE.run(job(mix, out / name, settings(name, base)[0], HOW.model_copy(update={"processes": processes})))
        with pytest.raises(Cut):
            STAGE.run(job(mix, out / "adamw-cut", ADAMW, HOW, CutAfter(2)))
    return out, base


@pytest.fixture(scope="module")
def ranks(mix, alone, tmp_path_factory):
    """The same of two ranks, of which one dies in the last training; what the first one said of that."""
    out = tmp_path_factory.mktemp("ranks")
    (alone[0] / "adamw-cut").rename(out / "adamw-resumed")
    codes, told = launch(mix, out, alone[1], "muon adamw-resumed foreign-rows adamw-died")
    assert codes == [1, 9], told
    (out / "told").write_text(told[0])
    return out


def weights(folder):
    return load_file(folder / "model.safetensors")


def same_trajectory(one, other):
    """Losses to the last digit of the curve, weights to the rounding of sums (1.2e-7 at most here; Adam may enlarge it)."""
    first, second = curve(one), curve(other)
    assert [point["step"] for point in first] == [point["step"] for point in second] and len(first) > 3
    assert max(abs(a["loss"] - b["loss"]) for a, b in zip(first, second, strict=True)) < 1.5e-5
    found = weights(other)
    gaps = torch.cat([(tensor - found[name]).abs().flatten() for name, tensor in weights(one).items()])
    assert gaps.max() < 1e-4 and gaps.mean() < 1e-7


def test_two_ranks_make_bit_for_bit_what_two_processes_of_one_memory_make(alone, ranks):
    assert (ranks / "muon/model.safetensors").read_bytes() == (alone[0] / "muon/model.safetensors").read_bytes()
    assert (ranks / "muon/fullpass.jsonl").exists() and not list((ranks / "muon").glob("checkpoint*"))


def test_a_run_of_one_process_goes_on_with_two_ranks(alone, ranks):
    same_trajectory(alone[0] / "adamw", ranks / "adamw-resumed")


def test_a_pretrained_network_learns_by_rows_what_it_learns_whole(alone, ranks):
    """Three blocks for two ranks: one of them lays a block that counts nothing beside the other's last."""
    folders = alone[0] / "foreign", ranks / "foreign-rows"
    same_trajectory(*folders)
    one, other = ([json.loads(line)["loss"] for line in (folder / "devloss.jsonl").read_text().splitlines()] for folder in folders)
    assert one == pytest.approx(other, abs=2e-5) and one


def test_a_rank_that_dies_ends_all_with_one_message_and_one_process_goes_on(mix, alone, ranks, monkeypatch):
    sentence = "a training process ended before the others; the next run goes on from the last checkpoint"
    assert [line for line in (ranks / "told").read_text().splitlines() if "ended" in line] == [sentence]
    assert [point["step"] for point in curve(ranks / "adamw-died")] == [1, 2, 3]
    monkeypatch.setitem(presets.PRESETS, "tiny", TINY)
    monkeypatch.setattr(watch, "CURVE_POINTS", 10_000)
    STAGE.run(job(mix, ranks / "adamw-died", ADAMW, HOW))
    same_trajectory(alone[0] / "adamw", ranks / "adamw-died")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"strategy": "ddp"}, "'ddp' of one process; start it with: torchrun"),
        ({"strategy": "fsdp"}, "'fsdp' of one process"),
        ({"device": "cuda"}, "torch finds no GPU"),
    ],
)
def test_a_strategy_that_cannot_be_is_one_sentence(how, told):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UserError, match=told):
        distributed.choose(TrainingHow(**how), "sft", 1)


def test_only_what_follows_the_weights_goes_to_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert distributed.choose(TrainingHow(), "sft", 1) == ("ddp", torch.device("cuda", 0))
    assert distributed.choose(TrainingHow(), "grpo", 1) == ("processes", torch.device("cpu"))
    assert distributed.choose(TrainingHow(), "grpo", 2) == ("ddp", torch.device("cpu"))
    with pytest.raises(UserError, match="'cuda' for the objective 'grpo'"):
        distributed.choose(TrainingHow(device="cuda"), "grpo", 1)
    with pytest.raises(UserError, match="'processes' on cuda"):
        distributed.choose(TrainingHow(strategy="processes"), "sft", 1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"optimizer": "muon"}, "needs whole matrices"),
        ({"objective": "gkd"}, "needs whole weights"),
        ({"base": ""}, "for weights that fit one device"),
    ],
)
def test_what_cannot_be_trained_by_rows_is_one_sentence(alone, change, told):
    from kubestill.stages.training.sharded import refuse

    what = FOREIGN.model_copy(update={"base": alone[1], **change})
    body = ForeignBody.over(Path(what.base), Path(what.base), torch.float32) if what.base else StudentBody(Layout(TINY))
    with pytest.raises(UserError, match=told):
        refuse(what, body)


def test_rows_are_cut_as_torch_cuts_and_are_the_whole_together(alone):
    from kubestill.stages.training.sharded import Rows

    order = ForeignBody.over(Path(alone[1]), Path(alone[1]), torch.float32).layout
    flat = torch.arange(order.total)
    for size in (1, 2, 3, 7):
        every = [Rows(order, rank, size) for rank in range(size)]
        for rows in every:
            own = torch.cat([flat[span] for span in rows.spans(rows.rank)])
            assert len(own) == rows.total and rows.matrices <= rows.total
            for name, part in rows.parts(own).items():
                chunks = order.views(flat)[name].chunk(size)
                assert torch.equal(part, chunks[rows.rank].flatten() if rows.rank < len(chunks) else flat[:0])
        assert sum(rows.total for rows in every) == order.total and sum(rows.matrices for rows in every) == order.matrices


def test_the_place_among_the_ranks_is_read_whole_or_not_at_all():
    assert read_settings({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}).ranks == 1  # nobody to meet
    found = read_settings({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "here"})
    assert (found.rank, found.local_rank, found.ranks) == (3, 1, 4)
