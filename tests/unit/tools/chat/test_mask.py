"""Labels are exactly what the student shall say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubestill.tools.chat.format import ANSWER as MARK
from kubestill.tools.chat.format import END, ChatFormat
from kubestill.tools.chat.mask import IGNORE, encode, encode_many
from kubestill.tools.modeling.tokenizer import train_tokenizer

ANSWER = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web-front\nspec:\n  ports:\n    - port: 8080\n"
NOTES = "kind: Service\nname: web-front\nport: 8080"
KNOWN = frozenset({"service", "called", "on", "port", "a"})
REQUEST = "a service called web-front on port 8080"


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([REQUEST, NOTES, ANSWER] * 4, 420, "slots")


@pytest.mark.parametrize(
    "chat", [ChatFormat("spell"), ChatFormat("slots", KNOWN), ChatFormat("slots", KNOWN, notes=True), ChatFormat("spell", notes=True)]
)
@settings(max_examples=60, deadline=None)
@given(
    request_=st.text(max_size=60) | st.just(REQUEST),
    answer=st.text(max_size=80).filter(lambda text: "<|" not in text) | st.just(ANSWER),
    notes=st.text(max_size=40).filter(lambda text: "<|" not in text) | st.just(NOTES),
)
def test_labels_decode_to_the_target_and_its_end(tokenizer, chat, request_, answer, notes):
    found = encode(tokenizer, chat, (request_, answer, notes), 10_000)
    assert found is not None
    ids, labels = found
    prompt = chat.prompt(request_)
    target = chat.target(answer, prompt, notes)
    learned = [label for label in labels if label != IGNORE]
    assert tokenizer.decode(learned, skip_special_tokens=False) == target + END
    assert tokenizer.decode(ids, skip_special_tokens=False) == prompt.text + target + END
    start = len(ids) - len(learned)
    assert chat.answer(target, prompt) == answer and chat.understood(target, prompt) == (notes if chat.notes else "")
    assert labels == [IGNORE] * start + ids[start:]  # one run, at the end


def test_a_long_sample_is_none_and_the_others_stay_in_order(tokenizer):
    chat = ChatFormat("spell")
    lessons = [(f"{REQUEST} {number}", ANSWER * (1 + 5 * (number % 2)), "") for number in range(6)]
    found = list(encode_many(tokenizer, chat, lessons, 90))
    assert [one is None for one in found] == [False, True] * 3
    for lesson, one in zip(lessons, found, strict=True):
        alone = encode(tokenizer, chat, lesson, 90)
        assert (alone is None) == (one is None)
        assert alone is None or one is None or alone[0] == one[0]


def test_a_lesson_without_an_answer_ends_with_its_notes_and_teaches_no_end(tokenizer):
    chat = ChatFormat("slots", KNOWN, notes=True)
    whole, notes_only = (encode(tokenizer, chat, (REQUEST, answer, NOTES), 10_000) for answer in (ANSWER, None))
    assert whole is not None and notes_only is not None
    length = len(notes_only[0])
    assert whole[0][:length] == notes_only[0] and whole[1][:length] == notes_only[1]
    assert tokenizer.decode(notes_only[0][-1:], skip_special_tokens=False) == MARK
    assert tokenizer.decode(whole[0][-1:], skip_special_tokens=False) == END
