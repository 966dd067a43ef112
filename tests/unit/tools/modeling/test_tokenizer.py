"""The tokenizer: any text comes back, and what should be one token is one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from kubestill.ground.errors import UserError
from kubestill.tools.chat.format import END, PAD, POINTERS, SPECIAL, ChatFormat
from kubestill.tools.modeling.tokenizer import load_tokenizer, save_tokenizer, train_tokenizer

MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: ⟨7⟩
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: ⟨7⟩
          image: ⟨9⟩
"""
TEXTS = [MANIFEST, f"{SPECIAL[1]}\nplease make a deployment called ⟨7⟩a-a with 3 replicas of ⟨9⟩a:0.0{SPECIAL[2]}\n"] * 8


@pytest.fixture(scope="module", params=["slots", "spell"])
def tokenizer(request):
    return train_tokenizer(TEXTS, 480, request.param)


@settings(max_examples=150, deadline=None)
@given(text=st.text() | st.lists(st.sampled_from([*POINTERS[:3], *SPECIAL, "\n  - a: ", " name", ": ", "12", "\t", "é", "⟨"])).map("".join))
def test_any_text_comes_back_byte_for_byte(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_marks_are_single_tokens_and_pointers_show_when_special_ones_are_skipped(tokenizer):
    for token in (*SPECIAL, *POINTERS):
        assert len(tokenizer.encode(token, add_special_tokens=False).ids) == 1
    ids = tokenizer.encode(f"⟨48⟩{END}", add_special_tokens=False).ids
    assert tokenizer.decode(ids) == "⟨48⟩"


def pieces(tokenizer, text):
    return [tokenizer.decode([token], skip_special_tokens=False) for token in tokenizer.encode(text, add_special_tokens=False).ids]


def test_a_newline_with_indentation_and_key_is_one_token_and_digits_stand_alone(tokenizer):
    found = pieces(tokenizer, MANIFEST)
    assert {"\n  name: ", "\n        - name: ", "\n      containers:", "⟨7⟩"} <= set(found)
    assert pieces(tokenizer, "8080") == ["8", "0", "8", "0"]


def test_training_is_the_same_each_time_and_its_size_is_the_one_asked_at_most():
    first, second = (train_tokenizer(TEXTS, 480, "slots") for _ in range(2))
    assert first.to_str() == second.to_str()
    assert first.get_vocab_size() <= 480
    with pytest.raises(UserError, match="vocabulary_size"):
        train_tokenizer(TEXTS, 300, "slots")


def test_hugging_face_loads_it_and_its_template_writes_what_the_chat_format_writes(tokenizer, tmp_path):
    save_tokenizer(tokenizer, tmp_path, 512)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert (theirs.pad_token, theirs.eos_token) == (PAD, END)
    ours = load_tokenizer(tmp_path).encode(MANIFEST, add_special_tokens=False).ids
    assert theirs(MANIFEST, add_special_tokens=False)["input_ids"] == ours
    turn = {"role": "user", "content": "three replicas, please"}
    rendered = theirs.apply_chat_template([turn], tokenize=False, add_generation_prompt=True)
    assert rendered == ChatFormat("spell").prompt(turn["content"]).text
    answered = theirs.apply_chat_template([turn, {"role": "assistant", "content": "kind: Pod\n"}], tokenize=False)
    assert answered == f"{rendered}kind: Pod\n{END}"


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"no tokenizer\.json"):
        load_tokenizer(tmp_path)
