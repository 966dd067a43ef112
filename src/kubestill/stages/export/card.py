"""The model card: what a stranger must know before using the weights, from the manifests of the artifacts they come from."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubestill.domains.api import Domain
from kubestill.ground.manifest import Artifact
from kubestill.stages.export.files import Made
from kubestill.tools.chat.format import FILE as CHAT


@dataclass(frozen=True)
class Card:
    """What the card tells of."""

    what: Any  # ExportWhat
    domain: Domain
    inputs: Mapping[str, Artifact]  # documents, samples, mix, weights, scores
    parameters: int
    made: Sequence[Made] = ()  # GGUF files


def render(card: Card) -> str:
    """Return README.md, with the front matter that model hubs read."""
    return "\n".join([*_head(card), *_scores(card), *_use(card), *_river(card), *_limits(card), *_recipe(card)]) + "\n"


def _head(card: Card) -> Iterator[str]:
    yield from ("---", f"license: {card.what.licence}", "language: en", "pipeline_tag: text-generation", "library_name: transformers")
    yield from ("tags:", f"- {card.domain.name}", "- kubestill", "---", "")
    yield from (f"# {card.what.name}", "")
    yield f"A language model of {card.parameters / 1e6:.1f} million parameters (embeddings included) for one thing: **{card.domain.name}**."
    yield "It was made by kubestill, from checked samples only; every figure below can be made again from the recipe at the end."
    yield ""


def _scores(card: Card) -> Iterator[str]:
    figures: Mapping[str, Any] = _scores_record(card)
    yield from (
        "## Scores",
        "",
        "full-pass@1: the first answer has the asked form, parses, passes every check and does all that was asked.",
    )
    yield "Decoding is greedy: free, which tells what the weights know, and where the domain has a grammar constrained by it, which is what"
    yield from ("a person gets. Intervals are Wilson's, 95 %.", "")
    yield from ("| suite | decoding | full-pass@1 | interval | n | fails on |", "|---|---|---|---|---|---|")
    for name, score in figures.items():
        yield _score(name, "free", score)
        if "constrained" in score:
            yield _score(name, "constrained", score["constrained"])
    yield ""


def _score(name: str, decoding: str, score: Mapping[str, Any]) -> str:
    if score.get("skipped"):
        return f"| {name} | {decoding} | not measured | | 0 | {score['skipped']} |"
    faults = ", ".join(f"{tier} {count}" for tier, count in score["failed_on"].items()) or "nothing"
    share, interval = f"{score['passed'] / score['total']:.1%}", f"{score['low']:.1%} to {score['high']:.1%}"
    return f"| {name} | {decoding} | {share} | {interval} | {score['total']} | {faults} |"


def _scores_record(card: Card) -> Mapping[str, Any]:
    path = card.inputs["scores"].path / "scores.json"
    record: Mapping[str, Any] = json.loads(path.read_text())
    return record


def _use(card: Card) -> Iterator[str]:
    yield from (
        "## Use",
        "",
        "```bash",
        'kubestill ask --model path/to/this/folder "..."    # the answer on stdout, its verdict on stderr',
        "```",
        "",
    )
    yield "The folder is in Hugging Face format: `AutoModelForCausalLM` and `AutoTokenizer` load it, and the"
    yield "tokenizer carries the chat template."
    if (card.inputs["weights"].path / CHAT).exists():
        yield "`chat.json` says how requests are written for the model and how its answers are read back; kubestill applies it."
    yield "Sampling defaults: greedy (temperature 0), no repetition penalty."
    yield ""
    if not card.made:
        return
    yield "Each GGUF file holds the tokenizer, the chat format and the sampling defaults, too, so that `kubestill ask --model FILE.gguf`"
    yield "needs no other; `ollama create NAME -f Modelfile` takes the first. Compared with the weights on texts of the domain:"
    yield ""
    yield from ("| file | MB | largest error of a tensor | divergence, nats a token | same likeliest token | same tokens of a request |",)
    yield "|---|---|---|---|---|---|"
    for file in card.made:
        size, error = f"{file.written.file_bytes / 1e6:.1f}", f"{file.written.error:.2%}"
        like = file.likeness
        yield f"| {file.name} | {size} | {error} | {like.divergence:.2g} | {like.same_first:.2%} | {like.same_tokens:.0%} |"
    yield ""
    yield "The error is the root mean square of the differences over that of the numbers. The last column is for llama.cpp's own tokenizer;"
    yield "kubestill reads requests with `tokenizer.json`, which the file holds, and so always with the tokens of the training."
    yield ""


def _river(card: Card) -> Iterator[str]:
    yield from ("## Data", "", "Nothing was trained on that its own judge did not pass. What came, what stayed, and why the rest left:", "")
    yield from ("| stage | came | kept | dropped |", "|---|---|---|---|")
    for name in ("documents", "samples", "mix"):
        artifact = card.inputs[name]
        tally = artifact.tally
        dropped = "; ".join(f"{reason} {count:,}" for reason, count in sorted(tally.get("dropped", {}).items(), key=lambda item: -item[1]))
        yield f"| {artifact.stage} | {tally.get('came', 0):,} | {tally.get('kept', 0):,} | {dropped or 'nothing'} |"
    yield ""


def _limits(card: Card) -> Iterator[str]:
    yield from ("## Limits", "")
    yield f"- It answers requests of the domain {card.domain.name} in English, one at a time; it does not converse."
    yield "- Requests unlike those of the suites above fail more often than the table says. Check every answer; `kubestill check` does."
    yield "- It does exactly what is asked and no more: what a request leaves open is left out or takes a default, not good practice."
    yield "- Scores hold for greedy decoding, fp32 weights and the versions of checks named below."
    yield ""


def _recipe(card: Card) -> Iterator[str]:
    recipe = {name: artifact.what for name, artifact in card.inputs.items()}
    yield from ("## Recipe", "", "The settings that shaped each artifact, and its key:", "", "```json")
    yield json.dumps({"domain": card.domain.identity(), **recipe}, indent=1, default=str)
    yield from ("```", "")
    yield from (f"- {artifact.name}" for artifact in card.inputs.values())
