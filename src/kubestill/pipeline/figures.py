"""The drawings of the report, as SVG text. Colours are CSS variables, so that one drawing serves light and dark."""

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from kubestill.ground.intervals import wilson

Rows = Sequence[Mapping[str, Any]]

# matplotlib wants colours it can parse; these stand for the variables of the style sheet and are exchanged in the text.
INKS = {"#010101": "var(--ink)", "#020202": "var(--faint)", "#030303": "var(--accent)", "#040404": "var(--line)"}
INK, FAINT, ACCENT, LINE = INKS


def loss_curve(curve: Rows) -> str:
    """Draw the loss over minutes, with tokens along the top; an empty text where nothing was recorded."""
    if len(curve) < 2:
        return ""
    figure, axes = _axes(curve)
    axes.plot(_minutes(curve), [row["loss"] for row in curve], color=FAINT, linewidth=0.8)
    axes.plot(_minutes(curve), smoothed([row["loss"] for row in curve]), color=ACCENT, linewidth=2)
    axes.set_ylabel("loss, nats per token of the answer")
    if min(row["loss"] for row in curve) > 0:
        axes.set_yscale("log")
        _plain_ticks(axes.yaxis)
    return _svg(figure, "loss", "The loss of training over minutes and tokens")


def fullpass_curve(fullpass: Rows) -> str:
    """Draw full-pass@1 on the dev slice over minutes, with its Wilson band."""
    if len(fullpass) < 2:
        return ""
    figure, axes = _axes(fullpass)
    bounds = [wilson(row["passed"], row["total"]) for row in fullpass]
    minutes = _minutes(fullpass)
    axes.fill_between(minutes, [100 * low for low, _ in bounds], [100 * high for _, high in bounds], color=ACCENT, alpha=0.15, linewidth=0)
    shares = [100 * row["passed"] / max(1, row["total"]) for row in fullpass]
    axes.plot(minutes, shares, color=ACCENT, linewidth=2, marker="o", markersize=4)
    axes.set_ylim(0, 100)
    axes.set_ylabel("full-pass@1 on the dev slice, %")
    return _svg(figure, "fullpass", "Full-pass on the dev slice over minutes and tokens")


DOMAINS_SHOWN = 9  # by name; further ones are thin lines
INTERVAL_LINES = [(ink, dashes) for dashes in ("-", "--", ":") for ink in (ACCENT, INK, FAINT)]


def factors_curve(factors: Rows) -> str:
    """Draw each domain's factor, and below it how much more perplexed the student is than the teacher, over tokens."""
    if len(factors) < 2:
        return ""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.size": 10, "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK}):
        figure = Figure(figsize=(11.6, 5.2), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
    last = factors[-1]["domains"]
    named = sorted(last, key=lambda name: (-last[name]["factor"], name))[:DOMAINS_SHOWN]
    for axes, value in ((above, "factor"), (below, "ratio")):
        for name in [*(name for name in last if name not in named), *reversed(named)]:
            points = [(row["tokens"] / 1e6, row["domains"][name][value]) for row in factors if row["domains"][name][value] is not None]
            ink, dashes = INTERVAL_LINES[named.index(name)] if name in named else (LINE, "-")
            label = {"label": name.replace("$", r"\$")} if name in named and value == "factor" else {}
            axes.plot(*zip(*points, strict=True) if points else ([], []), color=ink, linestyle=dashes, linewidth=1.6, **label)
        axes.set_facecolor("none")
        axes.grid(axis="y", color=LINE, linewidth=0.7)
        for side in ("top", "right", "left", "bottom"):
            axes.spines[side].set_color(LINE)
    above.set_ylabel("factor")
    below.set_ylabel("perplexity, student / teacher")
    below.set_xlabel("million tokens")
    handles, labels = above.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside right upper", frameon=False)
    return _svg(figure, "factors", "The factors of the domains and their gaps to the teacher over tokens")


def smoothed(values: Sequence[float], share: float = 0.04) -> list[float]:
    """Return the running mean over `share` of the values, shorter windows at both ends."""
    reach = max(1, int(len(values) * share / 2))
    windows = [values[max(0, place - reach) : place + reach + 1] for place in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def _minutes(rows: Rows) -> list[float]:
    return [row["seconds"] / 60 for row in rows]


def _axes(rows: Rows) -> tuple[Any, Any]:
    """Return a figure with minutes below and tokens above."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.size": 10, "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK}):
        figure = Figure(figsize=(5.8, 3.4), layout="constrained")
        axes = figure.add_subplot()
        axes.set_xlabel("minutes of training")
        axes.set_xlim(rows[0]["seconds"] / 60, max(rows[-1]["seconds"], rows[0]["seconds"] + 1) / 60)
        _tokens_above(axes, rows)
    axes.grid(axis="y", color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_color(LINE)
    axes.spines["right"].set_visible(False)
    return figure, axes


def _tokens_above(axes: Any, rows: Rows) -> None:
    """Mark round numbers of tokens along the top, each at the minute that it was reached."""
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    tokens = [row["tokens"] / 1e6 for row in rows]
    marks = [mark for mark in MaxNLocator(7).tick_values(tokens[0], tokens[-1]) if tokens[0] <= mark <= tokens[-1]]
    above = axes.secondary_xaxis("top")
    above.set_xticks(np.interp(marks, tokens, _minutes(rows)), [f"{mark:g}" for mark in marks])
    above.set_xlabel("million tokens")
    above.spines["top"].set_color(LINE)


def _plain_ticks(axis: Any) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _svg(figure: Any, name: str, title: str) -> str:
    """Return the figure as an inline element: same bytes for the same data, text left as text."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        FigureCanvasSVG(figure)  # the figure remembers its canvas
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="patch_[12]">.*?</g>', "", text, count=2, flags=re.DOTALL)  # white backgrounds of figure and axes
    text = re.sub(r"font: (\d+)px [^;\"]*", r"font: \1px var(--sans)", text)
    text = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", text)  # several drawings share one page
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1), count=1)
    for ink, variable in INKS.items():
        text = text.replace(ink, variable)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)


RIVER_HEIGHT, RIVER_TOP, COLUMN_WIDTH = 120.0, 56.0, 300.0
REASON_ROW, REASONS_SHOWN = 24.0, 6


def river_drawing(river: Rows) -> str:
    """Draw what came to each stage from left to right: the stream that stays, and what falls out of it, by reason.

    Heights are shares of what came to that stage; the stream widens to full height where the next unit begins.
    """
    stages = [row for row in river if row["came"]]
    if not stages:
        return ""
    rows = max(len(fallen(row["dropped"])) for row in stages)
    width = COLUMN_WIDTH * len(stages) + 20
    height = RIVER_TOP + RIVER_HEIGHT + 34 + rows * REASON_ROW + 10
    drawn = [_column(row, COLUMN_WIDTH * place, last=place == len(stages) - 1) for place, row in enumerate(stages)]
    head = f'<svg role="img" aria-label="What came, what stayed, what was dropped" viewBox="0 0 {width:.0f} {height:.0f}"'
    return f'{head} style="min-width: {width * 0.62:.0f}px">{"".join(drawn)}</svg>'


def fallen(dropped: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the reasons, most frequent first; beyond the sixth they are summed."""
    reasons = sorted(dropped.items(), key=lambda item: (-item[1], item[0]))
    if len(reasons) <= REASONS_SHOWN:
        return reasons
    rest = reasons[REASONS_SHOWN - 1 :]
    return [*reasons[: REASONS_SHOWN - 1], (f"{len(rest)} other reasons", sum(count for _, count in rest))]


def _column(row: Mapping[str, Any], left: float, last: bool) -> str:
    came, kept = row["came"], row["kept"]
    top, bottom = RIVER_TOP, RIVER_TOP + RIVER_HEIGHT
    split = top + RIVER_HEIGHT * kept / came
    right, end = left + COLUMN_WIDTH, split if last else bottom
    middle = (left + right) / 2 + 60
    stream = (
        f"M{left:.1f},{top:.1f} L{right:.1f},{top:.1f} L{right:.1f},{end:.1f} "
        f"C{middle:.1f},{end:.1f} {middle:.1f},{split:.1f} {left + 12:.1f},{split:.1f} L{left:.1f},{split:.1f} Z"
    )
    parts = [
        f'<text x="{left + 2:.1f}" y="20" class="stage">{escape(row["stage"])}</text>',
        f'<text x="{left + 2:.1f}" y="40" class="came">{came:,} came</text>',
        f'<path d="{stream}" class="stream"/>' if kept else "",
        f'<rect x="{left:.1f}" y="{top:.1f}" width="6" height="{RIVER_HEIGHT:.1f}" class="gate"/>',
        f'<text x="{left + 22:.1f}" y="{top + 26:.1f}" class="kept">{kept:,} stay</text>',
        f'<text x="{left + 22:.1f}" y="{top + 45:.1f}" class="share">{kept / came:.1%}</text>',
    ]
    start = split
    for place, (reason, count) in enumerate(fallen(row["dropped"])):
        thickness = RIVER_HEIGHT * count / came
        parts.append(_fall(left, start, thickness, bottom + 34 + place * REASON_ROW))
        label = f"{count:,} {reason if len(reason) < 30 else reason[:28] + '…'}"
        parts.append(f'<text x="{left + 44:.1f}" y="{bottom + 38 + place * REASON_ROW:.1f}" class="reason">{escape(label)}')
        parts.append(f"<title>{escape(reason)}: {count / came:.2%}</title></text>")
        start += thickness
    return "".join(parts)


def _fall(left: float, start: float, thickness: float, row: float) -> str:
    """Draw one reason's water, from its place at the gate down to its label."""
    thick, thin = max(1.2, thickness), min(14.0, max(1.6, thickness))
    x0, x1 = left + 6, left + 38
    low, high = row - thin / 2, row + thin / 2
    return (
        f'<path class="fall" d="M{x0:.1f},{start:.1f} C{x0 + 26:.1f},{start:.1f} {x0 + 4:.1f},{low:.1f} {x1:.1f},{low:.1f} '
        f'L{x1:.1f},{high:.1f} C{x0 - 1:.1f},{high:.1f} {x0 + 14:.1f},{start + thick:.1f} {x0:.1f},{start + thick:.1f} Z"/>'
    )
