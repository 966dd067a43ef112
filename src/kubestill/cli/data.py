"""`kubestill data show|stats|export|mine`: samples as people and other programs read them, and what a student makes of their like."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kubestill.cli.list import columns
from kubestill.cli.options import json_option, print_json, workspace_option
from kubestill.cli.progress import Shown
from kubestill.ground.errors import UserError
from kubestill.ground.store import Store

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def data() -> None:
    """Show, measure, export and mine samples: of the newest mix, or of the ARTIFACT (kind/stage-key) that is named."""


def _which(command: Command) -> Command:
    """Give a command the artifact's name as `name` and the workspace as `store`."""
    return click.argument("name", metavar="[ARTIFACT]", default="")(workspace_option(command))


@data.command()
@_which
@click.option("--skill", default="", help="Of this skill.")
@click.option("--road", default="", help="That came by this road: procedural, reverse, teacher.")
@click.option("--kind", default="", help="Of this kind.")
@click.option("--grep", "text", default="", metavar="TEXT", help="That hold this in request or answer.")
@click.option("--rejected", metavar="REASON", help="What was dropped for a reason that begins so ('any': for any), instead of samples.")
@click.option("--count", type=click.IntRange(min=1), default=5, show_default=True, help="How many; on a page, of each skill.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the chance that picks them.")
@click.option("--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write a page of the whole artifact to this file.")
@json_option
def show(name: str, store: Store, count: int, seed: int, page: Path | None, **rest: Any) -> None:
    """Show some samples (or documents, where ARTIFACT holds such), or what was dropped and why.

    Without ARTIFACT, --rejected looks at the newest mix and all that it was made from.
    """
    from kubestill.pipeline.data import SAMPLES, SPLITS, Wanted, find_data, lineage, make_folder, pick, read_all, read_rejects
    from kubestill.pipeline.data_page import Picked, domain_of, lines_of, write_page

    artifact, rejected, as_json = find_data(store, name, SPLITS), rest.pop("rejected"), rest.pop("as_json")
    wanted = Wanted(**rest)
    if page is not None:
        if rejected is not None or as_json or artifact.kind not in SAMPLES:
            raise UserError("--html", "does not go with --rejected, --json or documents", "a page shows samples and what was dropped")
        make_folder(page.parent, "--html")
        write_page(artifact, Picked(wanted, count, seed), page)
        click.echo(str(page))
        return
    records = read_all(artifact) if rejected is None else read_rejects([artifact] if name else lineage(store, artifact), rejected)
    found = pick(records, wanted, count, seed)
    if as_json:
        return print_json(found)
    domain = domain_of(artifact)
    for record in found:
        click.echo("\n".join(lines_of(record, domain)) + "\n")
    return None


@data.command()
@_which
@click.option(
    "--tokens-of", metavar="WEIGHTS", default="", help="Count tokens as this student is trained on them: an artifact or a folder."
)
@json_option
def stats(name: str, store: Store, tokens_of: str, as_json: bool) -> None:
    """Count samples by skill and road: distinct requests and skeletons, lengths, kinds, drops by reason."""
    from kubestill.pipeline.data import find_data
    from kubestill.pipeline.data_stats import TOKEN_SAMPLES, measure, token_counter

    weights = store.named(tokens_of) if tokens_of else None
    counter = token_counter(weights.path if weights else Path(tokens_of)) if tokens_of else None
    told = measure(find_data(store, name), counter)
    if as_json:
        return print_json(told)
    click.echo(f"{told['artifact']}: {told['kept']:,} of {told['came']:,} kept\n")
    for line in columns([_row(group) for group in told["groups"]]):
        click.echo(line)
    if counter is not None:
        click.echo(f"\ntokens: of at most {TOKEN_SAMPLES:,} samples of each group")
    for group in told["groups"]:
        rest = group["num_kinds"] - len(group["kinds"])
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in group["kinds"].items())
        click.echo(f"\n{group['skill']}, {group['road']}: {kinds}{f' and {rest} more kinds' if rest else ''}")
        click.echo("  licences: " + ", ".join(f"{licence} {count:,}" for licence, count in group["licences"].items()))
    if told["dropped"]:
        click.echo("\ndropped:")
    for reason, count in told["dropped"].items():
        click.echo(f"  {count:>10,}  {reason}")
    return None


def _row(group: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a group in the table."""
    named = ("skill", "road", "samples", "distinct_requests", "distinct_skeletons")
    lengths = {
        name: "/".join(map(str, group[name].values())) for name in ("request_characters", "answer_characters", "tokens") if group[name]
    }
    return {**{name: group[name] for name in named}, **{f"{name}_50/90/99/100%": told for name, told in lengths.items()}}


@data.command()
@_which
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet", "hf"]), default="jsonl", show_default=True, help="See below.")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to make.")
@json_option
def export(name: str, store: Store, form: str, folder: Path, as_json: bool) -> None:
    """Write samples for other programs, read them back and compare.

    jsonl: chat messages, one sample a line. parquet: the same as a table. hf: a dataset folder with card, which
    `datasets.load_dataset(FOLDER)` reads. Every row tells its skill, kind, road and where it comes from.
    """
    from kubestill.pipeline.data import find_data
    from kubestill.pipeline.data_export import export as write_export
    from kubestill.pipeline.data_export import told_files

    shown = Shown()
    try:
        made = write_export(find_data(store, name), form, folder, shown)
    finally:
        shown.close()
    if as_json:
        return print_json(made)
    for line in told_files(made):
        click.echo(line)
    click.echo(str(folder))
    return None


@data.command()
@click.argument("model", default="")
@click.option("--count", type=click.IntRange(1, 100_000), default=200, show_default=True, help="Requests, drawn as training draws them.")
@click.option("--n", "tries", type=click.IntRange(1, 64), default=1, show_default=True, help="Answers to each: one greedy, the rest drawn.")
@click.option("--skill", "skills", multiple=True, metavar="SKILL", help="Of this skill; may be given again.  [default: all]")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed draws other requests.")
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write into.")
@workspace_option
@json_option
def mine(model: str, folder: Path, store: Store, as_json: bool, **given: Any) -> None:
    """Ask MODEL freely, as training does, and keep what it gets wrong: never a question of a suite.

    records.jsonl holds the answers with their verdicts. A recipe's `sources.records` turns what they invent into right-or-wrong
    questions. pairs.jsonl holds {prompt, chosen, rejected, reason}, to tune preferences with.
    """
    from kubestill.pipeline.data_mine import Dig, mine_model
    from kubestill.pipeline.models import find_model

    shown = Shown()
    try:
        made = mine_model(find_model(store, model), Dig(**{**given, "skills": tuple(given["skills"])}), folder, shown)
    finally:
        shown.close()
    if as_json:
        return print_json(made)
    click.echo(f"{made['passed']:,} of {made['records']:,} answers passed; {made['pairs']:,} pairs of a right and a wrong one\n{folder}")
    return None
