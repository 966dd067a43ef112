"""The recipes of the three systems, from synthesis to the report, with tiny random models in the place of their bases and teachers."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kubestill.ground.errors import UserError
from kubestill.ground.progress import Silent
from kubestill.ground.store import Store
from kubestill.pipeline.plan import make_plan
from kubestill.pipeline.recipe import read_recipe
from kubestill.pipeline.run import run_recipe
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.transformers import TransformersEngine
from support.fake_teacher import FakeTeacher
from unit.tools.engines.test_pretrained import spoil_config, write_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # PEFT's call
ROOT = Path(__file__).resolve().parents[2] / "recipes"
RECIPES = {"k8s-distill-pilot": "Qwen2.5-Coder-1.5B-Instruct", "magos": "Qwen3-0.6B", "ddk": "Qwen3-0.6B"}
BASES = ("training.base", "pretraining.base")
SOURCES = ("manifests", "pages", "commands", "fields", "runbooks", "alerts", "exchanges")
SMALL = {
    **{f"how.{stage}.processes": 1 for stage in ("synthesis", "training", "evaluation")},
    "curation.suite_samples": 20,
    "training.max_tokens": 1_024,
    "training.tokens_per_step": 4_096,
    "training.blocks": 2,
    "training.dev_samples": 2,
    "training.dev_every_tokens": 100_000,
    "evaluation.count": 2,
    "evaluation.max_new_tokens": 8,
    "evaluation.constrained": "false",
}
CRON = {"domain.name": "cron", "synthesis.skills": '["cron"]', "evaluation.suites": '["cron"]', "synthesis.procedural": 300}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def base(folder, kind):
    """A tiny model with room for a manifest."""
    folder.mkdir()
    write_model(folder, kind)
    spoil_config(max_position_embeddings=2_048)(folder)
    return folder


def run(name, tmp_path, **changes):
    """Run a recipe of the three with small budgets; return its workspace's folder of each stage."""
    text = (ROOT / f"{name}.toml").read_text()
    none = {f"sources.{form}": "[]" for form in SOURCES if re.search(rf"^{form} = ", text, re.MULTILINE)}
    told = [f"{key}={value}" for key, value in {**SMALL, **none, **changes}.items()]
    store = Store(tmp_path / "workspace")
    result = run_recipe(read_recipe(ROOT / f"{name}.toml", told), store, Silent())
    assert (result.directory / "report.md").exists()
    return {artifact.stage: artifact for artifact in store.all()}


def willing(body):
    """A teacher that says requests in other words, and answers with what it was shown."""
    request = re.findall(r"<request>\n(.*?)\n</request>", body["messages"][0]["content"], re.DOTALL)[0]
    return json.dumps({"request": f"hey, {request}"} if "<answer>" in body["messages"][0]["content"] else {"answer": "0 0 * * *"})


@pytest.mark.parametrize(("name", "model"), RECIPES.items())
def test_a_plan_misses_the_base_alone_and_says_how_to_get_it(name, model, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT.parent)
    with pytest.raises(UserError, match=rf"there is no folder 'models/{model}'.*hf download") as caught:
        make_plan(read_recipe(ROOT / f"{name}.toml"), Store(tmp_path))
    assert "\n" not in str(caught.value)


def test_the_pilot_learns_adapters_from_pairs_of_a_teacher(tmp_path):
    pytest.importorskip("httpx", reason="pip install 'kubestill[http]'")
    path = tmp_path / "fake.toml"
    with FakeTeacher(0.0, say=willing).serving() as server:
        path.write_text(f'url = "{server.url}"\nmodel = "fake-1"\n')
        told = {"training.base": base(tmp_path / "base", "qwen2"), "synthesis.teacher": path, "synthesis.teacher_requests": 20}
        made = run("k8s-distill-pilot", tmp_path, **CRON, **told, **{"training.tokens": 9_000})
    assert made["synthesis"].figures["road.teacher"] >= 10
    assert made["training"].figures["steps"] > 1 and made["training"].figures["parameters"] == 16 * 2 * (2 * 128 + 2 * 96 + 3 * 160)
    release = made["export"].path
    assert (release / "model-q8_0.gguf").exists() and not (release / "chat.json").exists()
    assert "TEMPLATE" not in (release / "Modelfile").read_text() and '"<|im_end|>"' in (release / "Modelfile").read_text()
    (reply,) = TransformersEngine.load(release).generate(["every day at noon"], Ask(max_new_tokens=4))
    assert reply.tokens


def test_magos_reads_documents_before_it_learns_to_answer(tmp_path):
    pages = tmp_path / "pages.jsonl"
    text = "---\ntitle: Pods {0}\ncontent_type: concept\n---\nA pod runs {0} containers. They share a network, and stop together.\n"
    about = {"title": "Pods", "content_type": "concept"}
    lines = [about | {"path": f"content/en/docs/p{number}.md", "text": text.format(number)} for number in range(40)]
    pages.write_text("".join(json.dumps(line) + "\n" for line in lines))
    small = {"pretraining.tokens_per_step": 2_048, "pretraining.blocks": 1, "pretraining.max_tokens": 512, "pretraining.tokens": 6_000}
    told = dict.fromkeys(BASES, base(tmp_path / "base", "qwen3"))
    more = {"sources.pages": f'["{pages}"]', "synthesis.procedural": 300, "training.tokens": 9_000, "export.formats": '["f16"]'}
    made = run("magos", tmp_path, **small, **told, **more, **{"evaluation.suites": '["manifest-procedural"]', "curation.dev_samples": 10})
    places = (tmp_path / "base", made["pretraining"].path, made["training"].path)
    norms = [load_file(place / "model.safetensors")["model.norm.weight"] for place in places]
    assert not any(torch.equal(one, other) for one, other in pairwise(norms))
    assert made["training"].parts["inputs"]["before"] == made["pretraining"].key
    assert (made["export"].path / "model-f16.gguf").exists()


def test_ddk_draws_by_how_far_the_student_is_behind_its_teacher(tmp_path):
    teacher = base(tmp_path / "teacher", "qwen3")
    tensors = load_file(teacher / "model.safetensors")
    save_file({name: tensor * 1.3 if "mlp" in name else tensor for name, tensor in tensors.items()}, teacher / "model.safetensors")
    told = {"training.base": base(tmp_path / "base", "qwen3"), "training.distill.teacher": teacher, "training.domains.by": "kind"}
    made = run("ddk", tmp_path, **CRON, **told, **{"training.tokens": 20_000, "training.domains.interval_tokens": 9_000})
    lines = [json.loads(line) for line in (made["training"].path / "factors.jsonl").read_text().splitlines()]
    assert len(lines) >= 2
    assert made["training"].figures["steps"] > 2
