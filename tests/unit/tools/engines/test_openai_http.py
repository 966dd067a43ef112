"""Servers that behave, and servers that do everything else, on loopback."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kubestill.ground.errors import Unavailable, UserError
from kubestill.ground.servers import MAX_TOLD, check_url
from kubestill.tools.engines.api import Ask, TooLong
from kubestill.tools.engines.openai_http import OpenAIHttpEngine
from kubestill.tools.engines.posting import MAX_ANSWER_BYTES, Patience, Poster
from kubestill.tools.gguf.write import write_gguf
from kubestill.tools.grammar.api import Given, Grammar, Step
from unit.tools.engines.test_pretrained import write_model

KEY = "sk-very-secret"
GRAMMAR = Grammar('start: "kind: " ("Pod" | "Service") "\\n"')


def completion(text, reason="stop", usage=True):
    body = {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": reason}]}
    return 200, {}, json.dumps(body | ({"usage": {"prompt_tokens": 7, "completion_tokens": len(text or "")}} if usage else {}))


class Server(ThreadingHTTPServer):
    """Answers POSTs by a script of (status, headers, body) or by a function of the body; GETs from a table."""

    daemon_threads = True

    def __init__(self, script=(), pages=None):
        self.script, self.pages = script if callable(script) else list(script), pages or {}
        self.bodies, self.keys, self.most, self.here, self.lock = [], [], 0, 0, threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        page = self.server.pages.get(self.path)
        self.answer(200 if page is not None else 404, {}, json.dumps(page))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.here += 1
            server.most = max(server.most, server.here)
            server.bodies.append(body)
            server.keys.append(self.headers.get("Authorization"))
            found = None if callable(server.script) else server.script.pop(0)
        found = server.script(body) if found is None else found
        with server.lock:
            server.here -= 1
        self.answer(*found)

    def answer(self, status, headers, body):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


@contextmanager
def served(script=(), pages=None, **settings):
    server = Server(script, pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    waits = []
    poster = Poster(server.url, KEY, settings.pop("patience", None), waits.append)
    try:
        yield OpenAIHttpEngine(poster, settings.pop("model", "small"), **settings), server, waits
    finally:
        poster.client.close()
        server.shutdown()
        server.server_close()
        thread.join()


class Single:
    def start(self, reading):
        return Step(GRAMMAR)


class Double:
    def start(self, reading):
        return Step(GRAMMAR, then=lambda text: Step(Grammar('start: "name: a\\n"')))


class Certain:
    def start(self, reading):
        return Given("kind: Pod\n")


class Broken:
    def start(self, reading):
        return Step(Grammar("start: nothing"))


def test_answers_come_in_order_and_the_server_is_asked_as_told():
    ask = Ask(max_new_tokens=9, temperature=0.5, top_p=0.9, seed=3)
    with served(lambda body: completion(body["messages"][0]["content"].upper(), "length")) as (engine, server, _):
        replies = engine.generate([f"request {n}" for n in range(20)], ask)
        assert [reply.text for reply in replies] == [f"REQUEST {n}" for n in range(20)]
        assert all((reply.prompt_tokens, reply.tokens, reply.cut) == (7, len(reply.text), True) for reply in replies)
        told = {name: value for name, value in server.bodies[0].items() if name != "messages"}
        assert told == {"model": "small", "max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "seed": 3, "stream": False}
        assert set(server.keys) == {f"Bearer {KEY}"} and engine.poster.spent.questions == 20


def test_no_more_questions_at_a_time_than_allowed():
    gate = threading.Barrier(2, timeout=5)

    def slowly(body):
        gate.wait()
        return completion("x")

    with served(slowly, concurrent=2) as (engine, server, _):
        engine.generate([str(n) for n in range(8)], Ask())
        assert server.most == 2


def test_what_may_pass_is_asked_again_and_waits_as_told():
    cut = (200, {"Content-Length": "500"}, '{"choices"')
    script = [(429, {"Retry-After": "7"}, ""), (500, {}, "oops"), (503, {"Retry-After": "soon"}, ""), cut, completion("done")]
    with served(script) as (engine, server, waits):
        (reply,) = engine.generate(["a"], Ask())
        assert reply.text == "done" and waits == [7.0, 1.0, 2.0, 4.0]
        assert (engine.poster.spent.retries, engine.poster.spent.waited_seconds) == (4, 14.0)
        assert server.bodies == [server.bodies[0]] * 5


@pytest.mark.parametrize(
    ("script", "told", "asked"),
    [
        ([(429, {"Retry-After": "3600"}, "")], "answers 429", 1),
        ([(429, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, "")], "answers 429", 1),
        ([(503, {}, "busy")] * 4, "answers 503: busy, after 3 retries", 4),
    ],
)
def test_a_budget_ends_the_retries(script, told, asked):
    with served(script, patience=Patience(retries=3)) as (engine, server, waits):
        with pytest.raises(Unavailable, match=told):
            engine.generate(["a"], Ask())
        assert len(server.bodies) == asked and len(waits) == asked - 1


def test_no_server_is_unavailable_with_a_command():
    with served() as (_engine, server, _):
        pass
    poster = Poster(server.url, KEY, Patience(retries=2), sleep=lambda seconds: None)
    with poster, pytest.raises(Unavailable, match=r"no connection.*after 2 retries.*run: curl http"):
        OpenAIHttpEngine(poster, "small").generate(["a"], Ask())


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((200, {}, "<html>hello"), "answers no JSON: '<html>hello'"),
        ((200, {}, b"\xff\xfe\x00"), "answers no JSON"),
        ((200, {}, "[" * 100_000), "answers no JSON"),
        ((200, {}, ""), "answers no JSON"),
        ((200, {}, "[]"), "no chat completion"),
        ((200, {}, "null"), "no chat completion"),
        ((200, {}, '{"choices": []}'), "no chat completion"),
        ((200, {}, '{"choices": "abc"}'), "no chat completion"),
        ((200, {}, '{"choices": [{"message": {"content": 5}}]}'), "no chat completion"),
        ((200, {}, '{"choices": [["x"]]}'), "no chat completion"),
        ((200, {"Content-Encoding": "gzip"}, "no gzip"), "no answer that can be read"),
        ((302, {"Location": "http://127.0.0.1:1/"}, ""), "answers 302"),
        ((400, {}, '{"error": {"message": "context is\\n\\u001b[31m too long"}}'), r"answers 400: context is\s+\[31m too long"),
        ((400, {}, '{"detail": [1, 2]}'), "answers 400"),
        ((401, {}, '{"error": "no"}'), "answers 401: no; set KUBESTILL_API_KEY"),
        ((404, {}, "nothing here"), "answers 404: nothing here; look at the url"),
        ((418, {}, "x" * 100_000), "answers 418: x{200};"),
    ],
)
def test_a_strangers_answer_gives_one_clear_sentence(answer, told):
    with served([answer]) as (engine, server, _):
        with pytest.raises(UserError, match=told) as caught:
            engine.generate(["a"], Ask())
        message = str(caught.value)
        assert message.isprintable() and len(message) < MAX_TOLD + 200 and len(server.bodies) == 1


@pytest.mark.parametrize(
    "said",
    [
        '{"error": {"message": "This model\'s maximum context length is 4096 tokens. However, you requested 5000 tokens"}}',
        '{"error": {"code": 400, "message": "the request exceeds the available context size", "type": "exceed_context_size_error"}}',
    ],
)
def test_a_request_beyond_the_servers_context_is_told_from_other_refusals(said):
    with served([(400, {}, said)]) as (engine, _, _waits), pytest.raises(TooLong, match="shorten the request"):
        engine.generate(["a"], Ask())


def test_odd_completions_are_read_for_what_they_are():
    odd = (200, {}, '{"choices": [{"message": {"content": "\\ud800x"}}], "usage": {"prompt_tokens": "many", "completion_tokens": -1}}')
    with served([odd, completion(None, usage=False)], concurrent=1) as (engine, _, _waits):
        first, second = engine.generate(["a", "b"], Ask())
        assert (first.text, first.prompt_tokens, first.tokens) == ("?x", 0, 0) and second.text == ""


def test_too_long_and_too_slow_answers_are_ended():
    with served([(200, {}, b" " * (MAX_ANSWER_BYTES + 1))]) as (engine, _, _waits), pytest.raises(UserError, match="more than 16 MB"):
        engine.generate(["a"], Ask())
    gate = threading.Event()

    def never(body):
        gate.wait(5)
        return completion("late")

    with served(never, patience=Patience(answer_seconds=0.1)) as (engine, server, _):
        with pytest.raises(UserError, match=r"no answer in 0.1 s"):
            engine.generate(["a"], Ask())
        gate.set()
        assert len(server.bodies) == 1  # what is slow is not asked twice


@pytest.mark.parametrize("status", [400, 401, 500, 200])
def test_the_key_is_in_no_message(status, caplog):
    caplog.set_level("DEBUG")
    with served([(status, {}, f"your key {KEY} is wrong")] * 9, patience=Patience(retries=1)) as (engine, _, _waits):
        with pytest.raises((UserError, Unavailable)) as caught:
            engine.generate(["a"], Ask())
        assert KEY not in str(caught.value) and "***" in str(caught.value)
        assert KEY not in repr(engine.poster.spent) and KEY not in caplog.text


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://a/v1", "http://", "http://me:w0rd@a/v1", "http://a:x/v1", "http://a/v1?x=1", "http://[a"]
)
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(UserError, match="engine url") as caught:
        OpenAIHttpEngine.load(url)
    assert "w0rd" not in str(caught.value)


def test_a_url_names_the_model_and_a_key_must_fit_a_header(monkeypatch):
    monkeypatch.setenv("KUBESTILL_API_KEY", KEY)
    engine = OpenAIHttpEngine.load("http://127.0.0.1:1/v1/#a/b")
    assert (engine.poster.url, engine.model, engine.poster.key) == ("http://127.0.0.1:1/v1", "a/b", KEY)
    engine.poster.client.close()
    assert check_url("https://a/") == "https://a"
    with pytest.raises(UserError, match="no header can carry"):
        Poster("http://a/v1", "a\nb")


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ({"data": [{"id": "a"}, {"id": "b"}]}, "it has a, b"),
        ({"data": "x"}, "it names none"),
        ([], "it names none"),
        (None, "it names none"),
    ],
)
def test_the_only_model_is_found_and_several_are_asked_about(models, told):
    with served([completion("x")], {"/v1/models": {"data": [{"id": "only"}, {"no": 1}]}}, model="") as (engine, server, _):
        engine.generate(["a"], Ask())
        assert server.bodies[0]["model"] == "only"
    with served([], {"/v1/models": models}, model="") as (engine, _, _waits), pytest.raises(UserError, match=told):
        engine.generate(["a"], Ask())


VLLM, OLD_VLLM = {"/version": {"version": "0.12.0"}}, {"/version": {"version": "0.9.1"}}
LLAMA = {"/props": {"default_generation_settings": {}}}


@pytest.mark.parametrize(
    ("pages", "where"),
    [
        (VLLM, lambda body: body["structured_outputs"]["grammar"]),
        (OLD_VLLM, lambda body: body["guided_grammar"]),
        (LLAMA, lambda body: body["grammar"]),
    ],
)
def test_a_grammar_is_handed_on_as_the_server_takes_it(pages, where):
    with served(lambda body: completion("kind: Pod\n"), pages) as (engine, server, _):
        engine.generate(["a", "b", "c"], Ask(), [Single(), None, Certain()])
        assert len(server.bodies) == 2
        (free,) = [body for body in server.bodies if body["messages"][0]["content"] == "b"]
        (led,) = [body for body in server.bodies if body["messages"][0]["content"] == "a"]
        assert where(led).startswith("%llguidance") and GRAMMAR.text in where(led)
        assert set(led) - set(free) == {next(iter(set(led) - set(free)))} and not set(free) - set(led)
        assert (engine.held.sent, engine.held.free, engine.held.strayed) == (1, 0, 0)


@pytest.mark.parametrize("pages", [{}, {"/version": {"version": 3}, "/props": []}, {"/version": []}])
def test_a_server_without_grammars_writes_freely_and_its_answers_are_read_again(pages):
    answers = {"a": "kind: Pod\n", "b": "kind: Pod", "c": "kind: Pad\n", "d": "kind: Pod\nkind", "e": "kin"}
    script = lambda body: completion(answers[body["messages"][0]["content"]], "length" if body["messages"][0]["content"] == "e" else "stop")  # noqa: E731
    with served(script, pages) as (engine, server, _):
        replies = engine.generate(list(answers), Ask(), [Single()] * 5)
        assert [reply.text for reply in replies] == list(answers.values())
        assert all("grammar" not in body for body in server.bodies)
        assert (engine.held.sent, engine.held.free, engine.held.strayed) == (0, 5, 2)


def test_a_grammar_that_the_server_refuses_or_ignores_is_noticed():
    def refusing(body):
        return (400, {}, '{"error": "grammar"}') if "grammar" in body else completion("kind: Pod\n")

    with served(refusing, dialect="llama") as (engine, server, _):
        (reply,) = engine.generate(["a"], Ask(), [Single()])
        assert reply.text == "kind: Pod\n" and len(server.bodies) == 2
        assert (engine.held.sent, engine.held.free, engine.held.strayed) == (0, 1, 0)
    with served(lambda body: completion("Sure! Here is"), dialect="llama") as (engine, _, _waits):
        engine.generate(["a"], Ask(), [Single()])
        assert (engine.held.sent, engine.held.strayed) == (1, 1)


def test_a_guide_of_several_steps_is_not_handed_on_but_read_again_whole():
    answers = {"a": "kind: Pod\nname: a\n", "b": "kind: Pod\nname: b\n"}
    with served(lambda body: completion(answers[body["messages"][0]["content"]]), dialect="llama") as (engine, server, _):
        engine.generate(["a", "b"], Ask(), [Double()] * 2)
        assert all("grammar" not in body for body in server.bodies)
        assert (engine.held.sent, engine.held.free, engine.held.strayed) == (0, 2, 1)


def test_a_broken_grammar_is_refused_before_a_question_is_asked():
    with served(dialect="llama") as (engine, server, _), pytest.raises(UserError):
        engine.generate(["a"], Ask(), [Broken()])
    assert not server.bodies


def test_a_schema_is_handed_on_as_a_schema():
    class Json:
        def start(self, reading):
            return Step(Grammar('{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}', "json"))

    for pages, name in ((VLLM, "structured_outputs"), (OLD_VLLM, "guided_json"), (LLAMA, "response_format"), ({}, "response_format")):
        with served(lambda body: completion('{"a": 1}'), pages) as (engine, server, _):
            engine.generate(["a"], Ask(), [Json()])
            assert '"integer"' in json.dumps(server.bodies[0][name]) and engine.held.strayed == 0


def test_llama_cpps_own_server_keeps_to_a_grammar_and_does_not_to_a_broken_one(tmp_path):
    """The one real server that can be had here; that it ignores a broken grammar is why grammars are compiled before."""
    xllamacpp = pytest.importorskip("xllamacpp", reason="pip install 'kubestill[gguf]'")
    path = tmp_path / "model.gguf"
    write_gguf(write_model(tmp_path, "qwen2"), path, "f32")
    settings = xllamacpp.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_parallel, settings.verbosity, settings.warmup = str(path), 512, 2, -1, False
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(settings)
    with Poster(server.listening_address + "/v1") as poster:
        engine = OpenAIHttpEngine(poster)
        assert engine.dialect == "llama" and engine.model
        replies = engine.generate(["a", "b", "c"], Ask(max_new_tokens=30, temperature=1.0), [Single(), Single(), None])
        assert all(reply.text in ("kind: Pod\n", "kind: Service\n") and not reply.cut for reply in replies[:2])
        assert (engine.held.sent, engine.held.strayed) == (2, 0) and replies[2].tokens > 0
        for guide in (Single(), None):
            said, ask = [], Ask(max_new_tokens=30)
            streamed = engine.stream("a", ask, guide, said.append)
            assert streamed == engine.generate(["a"], ask, [guide])[0] and "".join(said) == streamed.text
        body = {"model": "x", "messages": [{"role": "user", "content": "a"}], "max_tokens": 4, "grammar": "%llguidance {}\nstart: nothing"}
        assert poster.post("/chat/completions", body)["choices"]
