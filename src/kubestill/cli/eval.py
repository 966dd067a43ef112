"""`kubestill eval MODEL [MODEL] SUITE`: scores with their intervals, freely and under the grammar, or a comparison of two models."""

from typing import Any

import click

from kubestill.cli.options import json_option, print_json, workspace_option
from kubestill.cli.progress import Shown
from kubestill.ground.errors import UserError
from kubestill.ground.store import Store


@click.command("eval")
@click.argument("names", nargs=-1, metavar="MODEL [MODEL] SUITE")
@click.option("--count", type=click.IntRange(min=1), help="Questions to ask.  [default: as in a run]")
@workspace_option
@json_option
def evaluate(names: tuple[str, ...], count: int | None, store: Store, as_json: bool) -> None:
    """Measure MODEL on SUITE: full-pass@1 with n and Wilson interval, free and under the grammar. With two models: also how they differ.

    MODEL is a run ("latest"), an artifact, a folder of weights, a GGUF file, a server's address, or a packaged student.
    """
    if len(names) not in (2, 3):
        raise UserError("eval", f"found {len(names)} names", "give MODEL SUITE, or MODEL MODEL SUITE to compare")
    from kubestill.pipeline.models import find_model
    from kubestill.pipeline.scoring import compare_answers, score_model

    shown, suite, scored = Shown(), names[-1], {}
    models = {model.name: model for model in (find_model(store, name) for name in names[:-1])}
    if len(models) < len(names) - 1:
        raise UserError("eval", f"both names mean {next(iter(models))}", "name two models, or one")
    for model in models.values():
        try:
            scored[model.name] = score_model(model, suite, store, shown, count)
        finally:
            shown.close()
    scores = {name: {way: score for way, (score, _) in ways.items()} for name, ways in scored.items()}
    result: dict[str, Any] = {"suite": suite, "models": scores}
    if len(scored) == 2 and not any(score.get("skipped") for ways in scores.values() for score in ways.values()):
        first, second = scored.values()
        result["comparison"] = {way: compare_answers(first[way][1], second[way][1]) for way in first}
    if as_json:
        return print_json(result)
    for line in told(result):
        click.echo(line)
    return None


def told(result: dict[str, Any]) -> list[str]:
    """Spell scores and comparison for people."""
    lines = []
    for name, ways in result["models"].items():
        for way, score in ways.items():
            lines.append(f"{name} on {result['suite']}, {way}: {spelled(score)}")
            if not score.get("skipped"):
                lines += [f"  {kind:<28} {spelled(share)}" for kind, share in score["by_kind"].items()]
                lines += [f"  failed on {tier}: {number}" for tier, number in score["failed_on"].items()]
                forced = f"{score['forced_share']:.1%} of them without a choice"
                lines.append(f"  {score['tokens_mean']:.0f} tokens an answer, {forced}; {score['seconds']:.1f} s in all")
    for way, compared in result.get("comparison", {}).items():
        spread = f"{compared['difference']:+.1%} (95 %: {compared['low']:+.1%} to {compared['high']:+.1%})"
        lines.append(f"second minus first, {way}: {spread}, p = {compared['p_value']:.3g} over {compared['total']} questions")
    return lines


def spelled(score: dict[str, Any]) -> str:
    """Spell a score: share, count and interval."""
    if score.get("skipped"):
        return f"skipped: {score['skipped']}"
    return f"{score['passed'] / score['total']:.1%}  ({score['passed']}/{score['total']}, 95 %: {score['low']:.1%} to {score['high']:.1%})"
