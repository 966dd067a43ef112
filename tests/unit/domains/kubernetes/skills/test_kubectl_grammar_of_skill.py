"""What the skill answers can be written under the grammar of kubectl: else a student would be taught what it may not say."""

import pytest

from kubestill.domains.api import HELD, TRAIN
from kubestill.domains.kubernetes.grammars.kubectl import kubectl_grammar
from kubestill.domains.kubernetes.skills.kubectl.catalogue import families
from kubestill.domains.kubernetes.skills.kubectl.compose import compose
from kubestill.ground.seeds import Seed

llguidance = pytest.importorskip("llguidance")


@pytest.mark.parametrize("part", [TRAIN, HELD])
def test_every_answer_is_taken(part):
    matcher = llguidance.LLMatcher(llguidance.LLTokenizer("byte"), kubectl_grammar().text)
    refused = []
    for name, family in families().items():
        answer = compose(family, Seed(2).rng(name, part), part).commands[0]
        one, tokens = matcher.deep_copy(), list(answer.encode())
        taken = one.try_consume_tokens(tokens)
        if taken != len(tokens) or not one.is_accepting():
            refused.append((name, answer[:taken], answer[taken:]))
    assert not refused
