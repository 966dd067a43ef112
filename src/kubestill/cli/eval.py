"""`kubestill eval MODEL [MODEL] SUITE`: a score with its interval, or a comparison of two models."""

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
    """Measure MODEL on SUITE: full-pass@1 with n and Wilson interval. With two models: also how they differ, question by question.

    MODEL is a run ("latest"), an artifact, a folder of weights, or a packaged student.
    """
    if len(names) not in (2, 3):
        raise UserError("eval", f"found {len(names)} names", "give MODEL SUITE, or MODEL MODEL SUITE to compare")
    from kubestill.pipeline.answer import compare_answers, score_model
    from kubestill.pipeline.models import find_model

    shown, suite, scored = Shown(), names[-1], []
    for name in names[:-1]:
        model = find_model(store, name)
        try:
            scored.append((model.name, *score_model(model, suite, store, shown, count)))
        finally:
            shown.close()
    result: dict[str, Any] = {"suite": suite, "models": {name: score for name, score, _ in scored}}
    if len(scored) == 2 and not any(score.get("skipped") for _, score, _ in scored):
        result["comparison"] = compare_answers(scored[0][2], scored[1][2])
    if as_json:
        return print_json(result)
    for line in told(result):
        click.echo(line)
    return None


def told(result: dict[str, Any]) -> list[str]:
    """Spell scores and comparison for people."""
    lines = []
    for name, score in result["models"].items():
        lines.append(f"{name} on {result['suite']}: {spelled(score)}")
        if not score.get("skipped"):
            lines += [f"  {kind:<28} {spelled(share)}" for kind, share in score["by_kind"].items()]
            lines += [f"  failed on {tier}: {number}" for tier, number in score["failed_on"].items()]
    compared = result.get("comparison")
    if compared:
        spread = f"{compared['difference']:+.1%} (95 %: {compared['low']:+.1%} to {compared['high']:+.1%})"
        lines.append(f"second minus first: {spread}, p = {compared['p_value']:.3g} over {compared['total']} questions")
    return lines


def spelled(score: dict[str, Any]) -> str:
    """Spell a score: share, count and interval."""
    if score.get("skipped"):
        return f"skipped: {score['skipped']}"
    return f"{score['passed'] / score['total']:.1%}  ({score['passed']}/{score['total']}, 95 %: {score['low']:.1%} to {score['high']:.1%})"
