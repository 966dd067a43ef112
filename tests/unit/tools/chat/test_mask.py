"""Labels are exactly what the student shall say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubestill.tools.chat.format import END, ChatFormat
from kubestill.tools.chat.mask import IGNORE, encode, encode_many
from kubestill.tools.modeling.tokenizer import train_tokenizer

ANSWER = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web-front\nspec:\n  ports:\n    - port: 8080\n"
REQUEST = "a service called web-front on port 8080"


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([REQUEST, ANSWER] * 4, 420, "slots")


@pytest.mark.parametrize("chat", [ChatFormat("spell"), ChatFormat("slots", frozenset({"service", "called", "on", "port", "a"}))])
@settings(max_examples=60, deadline=None)
@given(
    request_=st.text(max_size=60) | st.just(REQUEST),
    answer=st.text(max_size=80).filter(lambda text: "<|" not in text) | st.just(ANSWER),
)
def test_labels_decode_to_the_target_and_its_end(tokenizer, chat, request_, answer):
    found = encode(tokenizer, chat, request_, answer, 10_000)
    assert found is not None
    ids, labels = found
    prompt = chat.prompt(request_)
    target = chat.target(answer, prompt)
    learned = [label for label in labels if label != IGNORE]
    assert tokenizer.decode(learned, skip_special_tokens=False) == target + END
    assert tokenizer.decode(ids, skip_special_tokens=False) == prompt.text + target + END
    start = len(ids) - len(learned)
    assert labels == [IGNORE] * start + ids[start:]  # one run, at the end


def test_a_long_sample_is_none_and_the_others_stay_in_order(tokenizer):
    chat = ChatFormat("spell")
    pairs = [(f"{REQUEST} {number}", ANSWER * (1 + 5 * (number % 2))) for number in range(6)]
    found = list(encode_many(tokenizer, chat, pairs, 90))
    assert [one is None for one in found] == [False, True] * 3
    for (request, answer), one in zip(pairs, found, strict=True):
        alone = encode(tokenizer, chat, request, answer, 90)
        assert (alone is None) == (one is None)
        assert alone is None or one is None or alone[0] == one[0]
