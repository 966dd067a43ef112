from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.ground.settings import read_key
from kubestill.tools.teachers.budget import Shape, money, most, preview
from kubestill.tools.teachers.client import Buyer
from kubestill.tools.teachers.ledger import Ledger
from kubestill.tools.teachers.questions import spelled
from kubestill.tools.teachers.settings import FOLDER, read_teacher
from support.fake_teacher import questions, teacher

TEACHERS = sorted((Path(__file__).parents[4] / FOLDER).glob("*.toml"))
GOOD = 'url = "http://a:1/v1"\nmodel = "m"\n'


@pytest.mark.parametrize("path", TEACHERS, ids=lambda path: path.stem)
def test_every_teacher_reads_and_holds_no_key(path):
    found = read_teacher(str(path))
    assert found.model and (found.limits.money or found.limits.tokens) and "sk-" not in path.read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('url = "http://a/v1"', "model: is missing; add a line such as model = "),
        ('model = "m"', "url: is missing; add a line such as url = "),
        (GOOD + 'key = "sk-secret"', "key: no such setting; .* with key_variable$"),
        (GOOD + 'api_key = "sk-secret"', "api_key: no such setting; .* with key_variable$"),
        (GOOD + "[limits]\nmony = 5", "did you mean 'money'"),
        (GOOD + "[prices]\nprompt_per_million = -1", "greater than or equal to 0"),
        (GOOD + "[prices]\nprompt_per_million = 1", "limits.money: is not given although tokens cost money"),
        (GOOD + 'key_variable = "sk-secret"', "key_variable: cannot be used"),
        ('url = "http://me:sk-secret@a/v1"\nmodel = "m"', "a name or a password in it"),
        ("url = ", "is not TOML"),
        (GOOD + 'structured = "xml"', "structured: cannot be used"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_one_sentence_without_what_may_be_a_key(tmp_path, text, told):
    path = tmp_path / "t.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=told) as caught:
        read_teacher(str(path))
    assert "sk-secret" not in str(caught.value)


def test_a_teacher_is_found_by_name_and_a_wrong_name_is_told_with_the_nearest(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[4])
    assert read_teacher("ollama").url.endswith("11434/v1")
    with pytest.raises(UserError, match="did you mean 'ollama'"):
        read_teacher("olama")


def test_a_key_is_read_from_the_variable_that_is_named():
    assert read_key("", {}) == "" and read_key("A", {"A": " k \n"}) == "k"
    with pytest.raises(UserError, match="A: is not set"):
        read_key("A", {"A": ""})


def test_what_is_reserved_is_never_less_than_a_question_can_cost():
    """Against the tokenizer of the packaged base: no text has more tokens than bytes."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel()
    tokenizer.train_from_iterator(
        ["nothing of use"], tokenizers.trainers.BpeTrainer(initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    )
    for question in questions(60):
        body = question.body(teacher("http://a/v1"))
        text = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in question.messages)
        assert len(tokenizer.encode(text).ids) <= most(teacher("http://a/v1"), spelled(body)).prompt_tokens


def test_a_preview_is_linear_and_says_most_and_likely():
    one = teacher("http://a/v1")
    seen = preview(one, 100, Shape(3500, 50, 0.2))
    assert (seen.calls, seen.likely.prompt_tokens, seen.likely.reply_tokens) == (120, 120_000, 6_000)
    assert seen.likely.money_micro == 2 * 120_000 + 6 * 6_000 and seen.at_most.money_micro > seen.likely.money_micro
    assert preview(teacher("http://a/v1", money=0.5), 100, Shape(3500, 50, 0.2)).at_most.money_micro == 500_000
    assert "about 120 calls and 126,000 tokens, 0.28 of money" in seen.describe()


@pytest.mark.parametrize("micro", [0, 1, 9, 10, 499, 2_000, 3_100, 12_000, 99_999, 100_000, 498_000, 5_000_000, 12_345_678])
def test_an_amount_is_spelled_so_that_it_can_be_seen(micro):
    told = money(micro)
    decimals = len(told.partition(".")[2])
    assert abs(float(told) * 1e6 - micro) <= (5_000 if micro >= 100_000 else 0.06 * micro)
    assert decimals == 2 or (2 < decimals <= 6 and not told.endswith("0"))


@pytest.mark.parametrize("limits", [{"money": 0.000_3}, {"money": 1e-9}, {"tokens": 20}])
def test_a_budget_that_holds_no_question_is_told_with_its_numbers_and_its_place(tmp_path, limits):
    pytest.importorskip("httpx", reason="pip install 'kubestill[http]'")
    path = tmp_path / "t.toml"
    (name,), amount = limits, next(iter(limits.values()))
    limits = f"[limits]\n{name} = {amount}" + "\nmoney = 1" * (name == "tokens")
    path.write_text(f"{GOOD}[prices]\nprompt_per_million = 2.0\n{limits}\n")
    small = read_teacher(str(path))
    assert preview(small, 1, Shape(3500, 50, 0.2)).describe().endswith("; the budget has no room for a single one")
    assert not preview(teacher("http://a/v1"), 1, Shape(3500, 50, 0.2)).no_room
    with Ledger(tmp_path / "ledger") as ledger, Buyer(small, ledger) as buyer, pytest.raises(UserError) as caught:
        buyer.buy(questions(1))
    assert caught.value.where == f"{path}: limits.{name}" and buyer.calls == 0  # nothing was asked, though nobody listens there
    assert "is less than one question may cost" in caught.value.found and " 0.00" not in caught.value.found
