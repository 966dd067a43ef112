"""A GGUF file against the weights that it was made of: the same logits, and the same tokens, on texts of the domain."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kubestill.domains.api import TRAIN, Domain, Sample
from kubestill.ground.errors import KubestillError
from kubestill.ground.seeds import Seed

TEXTS = 8  # a request with its answer each: some 1,500 tokens, a second's work
# Mean divergence of next tokens, in nats, beyond which something else than rounding is wrong. The probe had 4.4e-5 at most for f16.
MOST = {"f32": 1e-5, "f16": 1e-3}


@dataclass(frozen=True)
class Likeness:
    """`divergence`: mean of KL(weights || file) over the `tokens` of answers, in nats; `same_first`: share of them with the same likeliest
    token; `same_tokens`: share of the texts that llama.cpp's own tokenizer reads as the model's tokenizer does."""

    divergence: float
    same_first: float
    same_tokens: float
    tokens: int


def draw_texts(domain: Domain, folder: Path, seed: Seed) -> list[tuple[str, str]]:
    """Return requests as the student reads them, with the answers that it is taught; none of a suite."""
    from kubestill.tools.modeling.texts import read_texts

    chat, found, skills = read_texts(folder).chat, [], list(domain.skills().items())
    for number in range(TEXTS):
        name, skill = skills[number % len(skills)]
        sample = skill.draw(seed.rng("verify", name, number), TRAIN)
        if isinstance(sample, Sample):
            prompt = chat.prompt(sample.request)
            found.append((prompt.text, chat.target(sample.answer, prompt, sample.notes()) + chat.stop))
    return found


def compare(folder: Path, file: Path, texts: Sequence[tuple[str, str]]) -> Likeness:
    """Read `texts` with the Hugging Face weights in torch and with the file in llama.cpp.

    Raises:
        KubestillError: a file in fp32 or fp16 differs by more than rounding.
        Unavailable: a package is missing.
    """
    from transformers import AutoTokenizer

    from kubestill.tools.engines.llama.weights import Reader, Weights

    tokenizer, weights = AutoTokenizer.from_pretrained(folder), Weights(file)
    rows, wanted = [], []
    for text in texts:  # apart, as they are read and written
        prompt, answer = (tokenizer(part, add_special_tokens=False).input_ids for part in text)
        room = min(len(answer), weights.context - len(prompt))
        if room > 0:
            rows.append([*prompt, *answer[:room]])
            wanted.append(room)
    if not rows:
        raise KubestillError(f"{file}: no request of the domain fits its context of {weights.context} tokens")
    gaps, same = [], []
    for row, count, exact in zip(rows, wanted, _logits(folder, rows), strict=True):
        found = Reader(weights, 1).batch(1).read([row], [count])
        gaps.append(_divergence(exact[-count:], found))
        same.append(exact[-count:].argmax(-1) == found.argmax(-1))
    tokens = [weights.tokenize(prompt) == tokenizer(prompt, add_special_tokens=False).input_ids for prompt, _ in texts]
    divergence = float(np.concatenate(gaps).mean())
    form = file.stem.rpartition("-")[2]
    if not divergence <= MOST.get(form, np.inf):
        raise KubestillError(f"{file}: its answers differ from those of the weights by {divergence:.3g} nats a token")
    return Likeness(divergence, float(np.concatenate(same).mean()), float(np.mean(tokens)), sum(wanted))


def _logits(folder: Path, ids: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
    """Return torch's logits [tokens, vocabulary] of each row."""
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return [model(torch.tensor([row])).logits[0].numpy() for row in ids]


def _divergence(wanted: NDArray[np.float32], found: NDArray[np.float32]) -> NDArray[np.float64]:
    first, second = _log_chances(wanted), _log_chances(found)
    gaps: NDArray[np.float64] = (np.exp(first) * (first - second)).sum(-1)
    return gaps


def _log_chances(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    high = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    chances: NDArray[np.float64] = high - np.log(np.exp(high).sum(-1, keepdims=True))
    return chances
