"""The engine of GGUF files: held against torch on the same weights, against itself with and without guesses, and against broken files."""

import importlib.util
import json
import random
import re
import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from tokenizers import Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.trainers import BpeTrainer

from kubestill.ground.errors import Unavailable, UserError
from kubestill.tools.chat.format import ChatFormat
from kubestill.tools.chat.template import TemplateVoice
from kubestill.tools.engines.api import Ask
from kubestill.tools.engines.llama import binding
from kubestill.tools.engines.llama.weights import Reader, Weights
from kubestill.tools.engines.llama.words import read_words
from kubestill.tools.engines.llama_cpp import LlamaCppEngine, find_file
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.gguf.read import check
from kubestill.tools.gguf.write import write_gguf
from kubestill.tools.grammar.api import Given, Grammar, Reading, Step
from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.load import save_student
from kubestill.tools.modeling.presets import Architecture
from kubestill.tools.modeling.tokenizer import save_tokenizer, train_tokenizer

REQUESTS = ["a pod", "a service on port 8080 with a very long name, please", "scale it", "a deployment with 3 replicas", "b"]
GREEDY, DRAWN = Ask(max_new_tokens=40), Ask(max_new_tokens=40, temperature=0.8, top_p=0.9, seed=3)
LINES = Grammar('start: "kind: " KIND "\\nname: " NAME "\\n"\nKIND: "Pod" | "Service" | "Deployment"\nNAME: /[a-z]{1,12}(-[a-z0-9]{1,6})?/')
SHAPE = re.compile(r"kind: (Pod|Service|Deployment)\nname: [a-z]{1,12}(-[a-z0-9]{1,6})?\n")


@dataclass(frozen=True)
class Lines:
    """Two lines, and perhaps a third that is certain after them."""

    rest: str = ""

    def start(self, reading: Reading) -> Step:
        return Step(LINES, (lambda text: Given(self.rest)) if self.rest else None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("student")
    texts = [*REQUESTS, "kind: Pod\nname: b\n", "kind: Service\nname: api-1\n", "kind: Deployment\nname: web\n"]
    tokenizer = train_tokenizer(texts * 3, 440, "spell")
    arch = Architecture(64, 2, 4, 2, 16, 96, vocabulary=tokenizer.get_vocab_size(), max_position=128)
    layout = Layout(arch)
    save_student(path, layout, draw(layout, 5) * 3, (0, 3))  # large weights: answers that differ from each other
    save_tokenizer(tokenizer, path, arch.max_position)
    ChatFormat("spell").save(path)
    write_gguf(path, path / "student-f32.gguf", "f32")
    return path


@pytest.fixture(scope="module")
def engine(folder):
    return LlamaCppEngine.load(folder)


@pytest.fixture(scope="module")
def other(folder):
    return TransformersEngine.load(folder)


def rounded(replies):
    """Replies whose probabilities are as near as the rounding of sums lets them be."""
    return [
        replace(reply, removed=tuple(replace(one, probability=round(one.probability, 3)) for one in reply.removed)) for reply in replies
    ]


@pytest.mark.parametrize("ask", [GREEDY, DRAWN], ids=["greedy", "drawn"])
@pytest.mark.parametrize("guide", [None, Lines(), Lines("ready: true\n")], ids=["free", "guided", "given"])
def test_both_local_engines_write_the_same(engine, other, ask, guide):
    guides = [guide] * len(REQUESTS)
    ours, theirs = engine.generate(REQUESTS, ask, guides), other.generate(REQUESTS, ask, guides)
    assert rounded(ours) == rounded(theirs)
    assert len({reply.text for reply in ours}) > 1
    assert rounded(ours) == rounded(engine.generate([request], ask, [guide])[0] for request in REQUESTS)


def test_a_guided_answer_fits_its_grammar_and_tells_what_was_taken_away(engine):
    replies = engine.generate(REQUESTS, GREEDY, [Lines(), Lines("ready: true\n"), None, Lines(), Lines()])
    for place in (0, 3, 4):
        assert SHAPE.fullmatch(replies[place].text) and not replies[place].cut
    assert SHAPE.fullmatch(replies[1].text.removesuffix("ready: true\n"))
    assert replies[1].forced > replies[0].forced > 0 and replies[2].forced == 0
    removed = replies[0].removed  # random weights want none of it
    assert removed and all(0 < one.probability < 1 and one.token_text != one.chosen_text for one in removed)
    assert rounded(replies[2:3]) == rounded(engine.generate([REQUESTS[2]], GREEDY))


class Oracle:
    """Guesses from what was written before, spoilt at every `wrong`-th place."""

    def __init__(self, written, wrong, vocabulary):
        self.written, self.wrong, self.random, self.vocabulary = written, wrong, random.Random(wrong), vocabulary

    def propose(self, tokens, limit):
        whole = next((known for known in self.written if known[: len(tokens)] == list(tokens)), list(tokens))
        guess = whole[len(tokens) : len(tokens) + limit]
        return [self.random.randrange(self.vocabulary) if self.random.random() * self.wrong < 1 else token for token in guess]


@pytest.mark.parametrize("ask", [GREEDY, DRAWN], ids=["greedy", "drawn"])
@pytest.mark.parametrize("wrong", [1, 3, 1_000])
def test_guesses_change_no_token(engine, ask, wrong):
    plain = engine.generate(REQUESTS, ask, [Lines()] * len(REQUESTS))
    assert all(reply.drafted == 0 for reply in plain)
    tokenizer, voice = engine.words.tokenizer, engine.words.voice
    coded = [tokenizer.encode_batch_fast([voice.prompt(request).text, reply.text]) for request, reply in zip(REQUESTS, plain, strict=True)]
    oracle = Oracle([prompt.ids + answer.ids for prompt, answer in coded], wrong, engine.weights.vocabulary)
    guessed = LlamaCppEngine(engine.weights, engine.words, oracle).generate(REQUESTS, ask, [Lines()] * len(REQUESTS))
    assert rounded(replace(reply, drafted=0) for reply in guessed) == rounded(plain)
    assert wrong < 1_000 or sum(reply.drafted for reply in guessed) > 0


def test_logits_are_those_of_torch_and_what_was_cut_is_forgotten(engine, other):
    rows = [[5, 300, 301, 17, 9], [11, 12], [350, 3, 3, 3, 8, 9, 10]]
    theirs = other.model.batch(3).read(rows, [2, 1, 3])
    batch = Reader(engine.weights, 40).batch(3)
    assert batch.read([row[:1] for row in rows], [1, 1, 1]).shape == (3, engine.weights.vocabulary)
    batch.read([[*row[1:], 77, 78] for row in rows], [1, 1, 1])
    batch.cut([1, 1, 1])
    ours = batch.read([row[1:] for row in rows], [2, 1, 3])
    assert np.abs(ours - theirs).max() < 1e-3 * np.abs(theirs).max()
    batch.keep([2, 0])
    kept = batch.read([[20], [21]], [1, 1])
    fresh = other.model.batch(2).read([[*rows[2], 20], [*rows[0], 21]], [1, 1])
    assert np.abs(kept - fresh).max() < 1e-3 * np.abs(fresh).max()


def test_a_prompt_longer_than_a_pass_or_of_too_many_logits_is_read_in_parts(engine, monkeypatch):
    whole = Reader(engine.weights, 8).batch(2).read([list(range(90)), list(range(60))], [40, 1])
    monkeypatch.setattr("kubestill.tools.engines.llama.weights.PASS_TOKENS", 32)
    parts = Reader(engine.weights, 8).batch(2).read([list(range(90)), list(range(60))], [40, 1])
    alone = Reader(engine.weights, 8).batch(1)
    each = [alone.read([[token]], [1])[0] for token in range(90)]
    assert whole.shape == parts.shape == (41, engine.weights.vocabulary)
    assert np.abs(whole - parts).max() < 1e-3 * np.abs(whole).max()
    assert np.abs(whole[:40] - np.stack(each[50:])).max() < 1e-3 * np.abs(whole).max()


def test_the_limit_and_the_context_end_an_answer(engine):
    (short,) = engine.generate(["a pod"], Ask(max_new_tokens=5))
    assert short.tokens <= 5 and short.cut == (short.tokens == 5)
    (long,) = engine.generate(["a pod"], Ask(max_new_tokens=500))
    assert long.prompt_tokens + long.tokens <= engine.context
    with pytest.raises(UserError, match="the context holds 128"):
        engine.generate(["1" * 200], Ask())
    assert engine.generate([], Ask()) == []


def test_q8_0_answers_and_a_file_alone_suffices(folder, tmp_path):
    write_gguf(folder, tmp_path / "q8.gguf", "q8_0")
    engine = LlamaCppEngine.load(tmp_path / "q8.gguf")
    (reply,) = engine.generate(["a pod"], GREEDY, [Lines()])
    assert SHAPE.fullmatch(reply.text)
    assert isinstance(engine.words.voice, ChatFormat)


def test_a_folder_gives_its_usual_file(folder, tmp_path):
    assert find_file(folder) == folder / "student-f32.gguf"
    with pytest.raises(UserError, match="no GGUF file"):
        find_file(tmp_path)
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match="2 GGUF files"):
        find_file(tmp_path)
    (tmp_path / "model-Q8_0.gguf").write_bytes(b"")
    assert find_file(tmp_path).name == "model-Q8_0.gguf"


def test_broken_files_are_refused_with_a_sentence(folder, tmp_path, capfd):
    whole = (folder / "student-f32.gguf").read_bytes()
    chance = random.Random(7)
    broken = [b"", whole[:3], whole[:50], whole[: len(whole) // 2], whole[:-1], b"GGML" + whole[4:], whole + b"\0" * 40]
    for _ in range(20):
        place = chance.randrange(0, 3_000)
        broken.append(whole[:place] + bytes([chance.randrange(256) for _ in range(4)]) + whole[place + 4 :])
    for number, data in enumerate(broken):
        path = tmp_path / f"{number}.gguf"
        path.write_bytes(data)
        try:
            LlamaCppEngine.load(path).generate(["a pod"], Ask(max_new_tokens=2))
        except UserError as error:
            assert str(path) in str(error) or "request" in str(error)
        else:
            assert number >= 7  # a flip may hit a text that only people read
    with pytest.raises(UserError):
        LlamaCppEngine.load(tmp_path / "none.gguf")
    assert capfd.readouterr() == ("", "")


def test_another_version_or_layout_is_refused_with_the_command(monkeypatch):
    found = binding.library()
    monkeypatch.setattr(binding, "version", lambda name: "2027.1.1")
    with pytest.raises(Unavailable, match=re.escape(f"found 2027.1.1; run: pip install 'xllamacpp=={binding.VERSION}'")):
        binding.library.__wrapped__()
    monkeypatch.setitem(binding.CONTEXT_DEFAULTS, "n_batch", 2047)
    with pytest.raises(Unavailable, match="another way"):
        binding.check_layouts(found)


def test_a_file_answers_without_torch_and_in_silence(folder):
    program = (
        "import sys; from pathlib import Path; from kubestill.tools.engines.api import Ask;"
        "from kubestill.tools.engines.table import engine_type;"
        "engine = engine_type('llama_cpp').load(Path(sys.argv[1])); engine.generate(['a pod'], Ask(max_new_tokens=4));"
        "sys.exit(bool({'torch', 'transformers', 'gguf'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


# Files of others: llama.cpp's own tokenizer, a chat template

QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # Qwen2's own
TEMPLATE = (
    "{%- for message in messages %}\n    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}\n{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}"
)


@pytest.fixture(scope="module")
def stranger(folder, tmp_path_factory):
    """The student's weights with a tokenizer of Qwen2's pattern and a chat template."""
    path = tmp_path_factory.mktemp("stranger")
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = Sequence([Split(Regex(QWEN2), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = ByteLevelDecoder()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = BpeTrainer(vocab_size=440, special_tokens=special, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([*REQUESTS, "kind: Pod\nname: b\n", "kind: Service\nname: api-1\n"] * 5, trainer)
    arch = Architecture(64, 2, 4, 2, 16, 96, vocabulary=tokenizer.get_vocab_size(), max_position=128)
    layout = Layout(arch)
    save_student(path, layout, draw(layout, 6) * 3, (0, 2))
    tokenizer.save(str(path / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    (path / "tokenizer_config.json").write_text(json.dumps(settings | {"chat_template": TEMPLATE}))
    write_gguf(path, path / "stranger.gguf", "f32")
    return path


def own_words(path):
    """The words of a file as if no tokenizer.json stood in it or beside it."""
    header = check(path)
    bare = {key: value for key, value in header.metadata.items() if key != "tokenizer.huggingface.json"}
    weights = Weights(path)
    return weights, read_words(replace(header, metadata=bare, path=path.parent / "elsewhere" / path.name), weights)


def test_llama_cpps_own_tokenizer_serves_where_no_other_is(stranger):
    weights, words = own_words(stranger / "stranger.gguf")
    whole = LlamaCppEngine.load(stranger)
    texts = [words.voice.prompt(request).text for request in [*REQUESTS, "ünïcödé ⟨1⟩ 日本 it's  12345\n\n  x: 'y'"]]
    theirs = [coded.ids for coded in whole.words.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    assert [coded.ids for coded in words.tokenizer.encode_batch_fast(texts)] == theirs
    assert [words.tokenizer.decode(ids) for ids in theirs] == texts
    own = LlamaCppEngine(weights, words)
    for guide in (None, Lines()):
        assert rounded(own.generate(REQUESTS, GREEDY, [guide] * 5)) == rounded(whole.generate(REQUESTS, GREEDY, [guide] * 5))


def test_a_vocabulary_that_is_not_byte_level_wants_its_tokenizer_beside(stranger):
    header = check(stranger / "stranger.gguf")
    bare = {key: value for key, value in header.metadata.items() if key != "tokenizer.huggingface.json"}
    other = replace(header, metadata=bare | {"tokenizer.ggml.model": "llama"}, path=stranger / "elsewhere" / "stranger.gguf")
    with pytest.raises(UserError, match=r"put the model's tokenizer\.json beside it"):
        read_words(other, Weights(stranger / "stranger.gguf"))


def test_without_jinja_a_strangers_template_tells_what_to_install(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jinja2" else find(name))
    monkeypatch.setitem(sys.modules, "jinja2.exceptions", None)
    with pytest.raises(Unavailable, match="pip install --upgrade kubestill"):
        TemplateVoice(TEMPLATE, "", "<|im_end|>", "here").prompt("a pod")


def test_a_chat_template_is_rendered_as_transformers_does(stranger):
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(stranger)
    voice = TemplateVoice(TEMPLATE, "", "<|im_end|>", "here")
    for request in (*REQUESTS, "<b>'\"&amp;\n\tx"):
        message = [{"role": "user", "content": request}]
        assert voice.prompt(request).text == theirs.apply_chat_template(message, tokenize=False, add_generation_prompt=True)


HARM = (
    *("", "{{", "{{ raise_exception('no') }}", "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ messages.append(1) }}"),
    *("{% for i in range(10 ** 12) %}x{% endfor %}", "{{ 1 / 0 }}", "{{ messages[3].content }}", "x" * 200_000),
)


@pytest.mark.parametrize("template", HARM)
def test_a_template_that_does_harm_is_refused(template):
    with pytest.raises(UserError, match="here: "):
        TemplateVoice(template, "", "", "here").prompt("a pod")
