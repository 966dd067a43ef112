"""The report of a run for people: report.html (one file, no network) and report.md, from the dict that report_data collects."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kubestill.ground.records import write_text
from kubestill.ground.registry import need
from kubestill.pipeline.figures import factors_curve, fullpass_curve, loss_curve, river_drawing
from kubestill.pipeline.spelling import duration, size

TEMPLATES = Path(__file__).parent / "templates"
SPARKS = "▁▂▃▄▅▆▇█"


def write_report(run_directory: Path, data: dict[str, Any]) -> None:
    """Write `report.md` and `report.html`; the shape of `data` is stated in report_data.

    Raises:
        Unavailable: jinja2 or matplotlib is not installed.
    """
    need("jinja2", "3.1")
    need("matplotlib", "3.8", "report")
    write_text(run_directory / "report.md", render("report.md.jinja", data, {"spark": sparkline([row["loss"] for row in data["curve"]])}))
    drawings = {
        "loss": loss_curve(data["curve"]),
        "fullpass": fullpass_curve(data["fullpass"]),
        "factors": factors_curve(data["factors"]),
        "river": river_drawing(data["river"]),
    }
    write_text(run_directory / "report.html", render("report.html.jinja", data, drawings))


def render(template: str, data: Mapping[str, Any], drawings: Mapping[str, str]) -> str:
    """Fill a template. Everything in `data` is escaped where the template is HTML: model answers are strangers."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    html = template.endswith(".html.jinja")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=html, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= FILTERS
    shown = {name: Markup(text) if html else text for name, text in drawings.items()}  # drawn by us; labels in them are escaped
    return environment.get_template(template).render(**data, drawings=shown, headline=headline(data))


def headline(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the suite to name first: the one with the most questions; None where none was asked."""
    asked = [{"name": name, **suite} for name, suite in data["suites"].items() if suite["total"]]
    return max(asked, key=lambda suite: suite["total"], default=None)


def percent(share: float) -> str:
    """Spell a share with one digit after the point, as 91.5 %."""
    return f"{100 * share:.1f} %"


def sparkline(values: list[float], width: int = 60) -> str:
    """Draw a curve in one line of text."""
    if not values:
        return ""
    chosen = [values[place * len(values) // width] for place in range(width)] if len(values) > width else values
    low, span = min(chosen), (max(chosen) - min(chosen)) or 1.0
    return "".join(SPARKS[int((value - low) / span * (len(SPARKS) - 1))] for value in chosen)


def fence(text: str) -> str:
    """Put text into a Markdown code block that nothing in it can close."""
    ticks = "```"
    while ticks in text:
        ticks += "`"
    return f"{ticks}\n{text.rstrip()}\n{ticks}"


def cell(text: str) -> str:
    """Make text fit for a cell of a Markdown table or a heading: one line, nothing that Markdown or HTML would read."""
    flat = " ".join(str(text).split())
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|"), ("`", "'")):
        flat = flat.replace(sign, written)
    return flat


def kinds(suite: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the kinds of a suite, those with the most questions first."""
    return sorted(suite["by_kind"].items(), key=lambda item: (-item[1]["total"], item[0]))


FILTERS: dict[str, Callable[[Any], Any]] = {
    "kinds": kinds,
    "percent": percent,
    "figure": lambda number: "not measured" if number is None else f"{number:.3g}",
    "duration": duration,
    "size": size,
    "count": lambda number: f"{number:,}",
    "fence": fence,
    "cell": cell,
}
