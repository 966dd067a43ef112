"""What is told while an answer is written is, put together, the answer; and it comes line by line, before the end."""

import json
import random
import re

import pytest
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE

from kubestill.ground.errors import Unavailable, UserError
from kubestill.tools.chat.format import ANSWER, ChatFormat
from kubestill.tools.engines.api import Ask, Streams, TooLong
from kubestill.tools.engines.fake import FakeEngine
from kubestill.tools.engines.posting import MAX_ANSWER_BYTES, Patience
from kubestill.tools.engines.streaming import Decoded, Lines
from kubestill.tools.engines.transformers import TransformersEngine
from kubestill.tools.grammar.api import Given, Grammar, Step
from kubestill.tools.modeling.layout import Layout, draw
from kubestill.tools.modeling.presets import Architecture
from kubestill.tools.modeling.tokenizer import train_tokenizer
from unit.tools.engines.test_guided import REQUESTS, One, Rest
from unit.tools.engines.test_openai_http import KEY, Broken, Certain, Double, Single, completion, served

ASK = Ask(max_new_tokens=90)
NOTES = Grammar(f'start: "kind: " ("Pod" | "Service") {ANSWER}')


class Noted:
    """Notes, and then the manifest that they are built into."""

    def start(self, reading):
        return Step(NOTES, then=lambda text: Given("kind: Pod\nspec:\n  port: web\n"))


def test_lines_are_told_once_each_and_the_rest_at_the_end():
    rng = random.Random(3)
    for _ in range(200):
        text = "".join(rng.choice("ab\n") for _ in range(rng.randrange(30)))
        said: list[str] = []
        lines = Lines(said.append)
        for end in sorted(rng.randrange(len(text) + 1) for _ in range(6)):
            lines.grown(text[:end])
            assert "".join(said) == text[: text[:end].rfind("\n") + 1]
        lines.whole(text)
        assert "".join(said) == text and all(said)


@pytest.mark.parametrize("kind", ["bytes", "sentencepiece"])
def test_text_decoded_piece_by_piece_is_the_text(kind):
    """Any cuts, tokens in the middle of characters, a decoder that treats the start in its own way."""
    if kind == "bytes":
        tokenizer = train_tokenizer(["name: größe → ⟨1⟩\n  日本: 語\n"] * 9, 330, "spell")
    else:
        tokenizer = Tokenizer(
            BPE({**{f"<0x{byte:02X}>": byte for byte in range(256)}, "▁a": 256, "b": 257, "▁": 258}, [], byte_fallback=True)
        )
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
    rng = random.Random(5)
    for _ in range(150):
        text = "".join(rng.choice(["a", " a", "b", "\n", "ö", "日", "→", " ", "⟨1⟩"]) for _ in range(rng.randrange(1, 25)))
        tokens = tokenizer.encode(text, add_special_tokens=False).ids if kind == "bytes" else spelled(text)
        whole = tokenizer.decode(tokens, skip_special_tokens=False)
        growing = Decoded(lambda part: tokenizer.decode(part, skip_special_tokens=False), {})
        for end in sorted(rng.sample(range(1, len(tokens) + 1), rng.randrange(1, len(tokens) + 1))):
            assert whole.startswith(growing.grown(tokens[:end]))
            assert not growing.breaks(tokens[:end]) or "\n" in whole
        assert growing.grown(tokens) == whole


def spelled(text):
    """ " a" and "b" have tokens of their own, all else is bytes."""
    found = []
    for part in re.findall(" a|b| |.|\n", text):
        found += {" a": [256], "b": [257], " ": [258]}.get(part, part.encode())
    return found


def engine_of(notes):
    written = "kind: Pod\nmetadata:\n  name: b\nspec:\n  port: web\nkind: Service\nkind: Deployment\n"
    layout = Layout(Architecture(64, 2, 4, 2, 16, 96, vocabulary=430, max_position=256))
    return TransformersEngine(
        layout, draw(layout, 5) * 3, (train_tokenizer([*REQUESTS, written] * 3, 430, "spell"), ChatFormat("spell", notes=notes))
    )


@pytest.mark.parametrize("guide", [None, One(), Rest()], ids=["free", "one", "rest"])
@pytest.mark.parametrize("ask", [ASK, Ask(90, temperature=0.9, seed=2)], ids=["greedy", "drawn"])
def test_a_streamed_answer_is_the_answer(guide, ask):
    engine = engine_of(notes=False)
    assert isinstance(engine, Streams)
    for request in REQUESTS[:2]:
        said: list[str] = []
        reply = engine.stream(request, ask, guide, said.append)
        assert reply == engine.generate([request], ask, [guide])[0]
        assert "".join(said) == reply.text and all(part.endswith("\n") for part in said[:-1])


def test_lines_come_before_the_end():
    engine, said, passes = engine_of(notes=False), [], []
    inner = engine.model.batch

    def counted(rows):
        batch = inner(rows)
        read = batch.read
        batch.read = lambda fed, wanted: passes.append(len(said)) or read(fed, wanted)
        return batch

    engine.model.batch = counted
    engine.stream("a pod", ASK, One(), said.append)
    assert len(said) >= 3 and passes[-1] >= 2  # before the last pass some lines had been told


def test_what_is_built_from_notes_is_told_at_once_and_notes_are_not():
    said: list[str] = []
    reply = engine_of(notes=True).stream("a pod", ASK, Noted(), said.append)
    assert said == [reply.text] == ["kind: Pod\nspec:\n  port: web\n"] and reply.notes.startswith("kind: ")


def test_a_scripted_engine_tells_its_lines():
    said: list[str] = []
    assert FakeEngine({"x": "a\nb"}).stream("x", ASK, None, said.append).text == "a\nb" and said == ["a\n", "b"]


# Servers


def events(*pieces, done=True):
    lines = [f"data: {json.dumps(piece)}\n\n" for piece in pieces] + (["data: [DONE]\n\n"] if done else [])
    return 200, {"Content-Type": "text/event-stream"}, "".join(lines)


def piece(text, reason=None):
    return {"choices": [{"delta": {"content": text}, "finish_reason": reason}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}


def asked(script, guide=None, **settings):
    said: list[str] = []
    with served(script, **settings) as (engine, server, waits):
        try:
            return engine.stream("x", ASK, guide, said.append), said, server.bodies, waits
        except (UserError, Unavailable) as error:
            return error, said, server.bodies, waits


def test_the_pieces_of_a_server_are_the_answer_and_come_as_lines():
    role = {"choices": [{"delta": {"role": "assistant", "content": None}, "finish_reason": None}]}
    script = [events(role, piece("kind: "), piece("Pod\nme"), piece("tadata"), piece(": {}\n"), piece("", "stop"), USAGE)]
    reply, said, bodies, _ = asked(script)
    assert (reply.text, reply.prompt_tokens, reply.tokens, reply.cut) == ("kind: Pod\nmetadata: {}\n", 7, 5, False)
    assert said == ["kind: Pod\n", "metadata: {}\n"]
    assert bodies[0]["stream"] is True and bodies[0]["stream_options"] == {"include_usage": True}


def test_a_server_that_sends_no_pieces_is_understood():
    reply, said, _, _ = asked([completion("kind: Pod\n", "length")])
    assert reply.text == "kind: Pod\n" and said == ["kind: Pod\n"] and reply.cut


def test_a_grammar_is_sent_and_where_it_is_refused_the_answer_is_free():
    for refused in (False, True):
        script = [(400, {}, '{"error": "no grammar"}')] * refused + [events(piece("kind: Pod\n", "stop"))]
        said: list[str] = []
        with served(script, dialect="llama") as (engine, server, _):
            engine.stream("x", ASK, Single(), said.append)
            assert (engine.held.sent, engine.held.free, engine.held.strayed) == ((0, 1, 0) if refused else (1, 0, 0))
        assert "grammar" in server.bodies[0] and ("grammar" not in server.bodies[-1]) is refused and said == ["kind: Pod\n"]
    assert asked([], Certain())[1] == ["kind: Pod\n"]  # nobody is asked
    assert "grammar" not in asked([events(piece("kind: Pod\n", "stop"))], Double(), dialect="llama")[2][0]
    error, said, bodies, _ = asked([], Broken(), dialect="llama")
    assert isinstance(error, UserError) and not bodies and not said


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (events(piece("kind: P"), done=False), "breaks off"),
        (events(piece("a\n"), {"error": {"message": f"out of memory {KEY}"}}), "breaks off"),
        ((200, {}, "data: {\n\n"), "no JSON"),
        ((200, {}, 'data: {"choices": 3}\n\n'), "no chat completion"),
        ((200, {}, 'data: {"choices": [{"delta": {"content": 3}}]}\n\n'), "no chat completion"),
        ((200, {}, "<html>"), "no JSON"),
        ((200, {}, ""), "no JSON"),
        ((401, {}, '{"error": "bad key"}'), "KUBESTILL_API_KEY"),
        ((200, {"Content-Length": "900"}, events(piece("a\n"))[2]), "breaks off"),
        ((200, {}, b"data: " + b"a" * (MAX_ANSWER_BYTES + 9)), "MB"),
    ],
)
def test_a_stream_that_is_none_is_one_sentence(answer, told):
    error, said, bodies, _ = asked([answer])
    assert isinstance(error, UserError) and told in str(error) and KEY not in str(error) and len(bodies) == 1
    assert said in ([], ["a\n"])


def test_busy_servers_are_asked_again_and_long_requests_told():
    reply, said, _, waits = asked([(503, {"Retry-After": "2"}, ""), events(piece("a\n", "stop"))])
    assert reply.text == "a\n" and said == ["a\n"] and waits == [2.0]
    error, _, _, _ = asked([(503, {}, "")] * 3, patience=Patience(retries=2))
    assert isinstance(error, Unavailable) and "2 retries" in str(error)
    error, _, _, _ = asked([(400, {}, '{"error": "exceeds the context size"}')])
    assert isinstance(error, TooLong)
