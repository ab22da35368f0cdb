"""Charts as SVG that a page holds inline, in the page's own colours, light or dark.

Matplotlib draws. Must not know scorecards, nor where a chart stands.
"""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#000001", "#000002", "#000003", "#000004"
SERIES = ("#000011", "#000012", "#000013", "#000014", "#000015")
GOOD, BAD = "#000021", "#000022"
"""Colours that stand for the page's: they become its variables, which differ in dark and light."""

_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "line",
    PAPER: "paper",
    GOOD: "good",
    BAD: "bad",
} | {colour: f"series-{number}" for number, colour in enumerate(SERIES, 1)}

_STYLE: Any = {
    "svg.fonttype": "none",  # letters stay letters, to be read, searched and copied
    "svg.hashsalt": "harness",  # the same chart is the same text
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}


def style() -> Any:
    """A context in which figures are drawn in the page's style."""
    return matplotlib.rc_context(_STYLE)


def svg(figure: Figure, name: str, title: str, description: str) -> Markup:
    """A figure as an SVG element.

    Args:
        figure: drawn in `style()`, with the colours above.
        name: unique in its page, of letters, digits and hyphens.
        title: what it shows, in a few words; a screen reader says it.
        description: what is to be seen in it, in a sentence or two.
    """
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    drawn = text.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, count=1, flags=re.DOTALL)
    drawn = re.sub(r' (id=")| (xlink:href="#)', lambda m: f" {m[1] or m[2]}{name}-", drawn)
    drawn = drawn.replace("url(#", f"url(#{name}-")
    for colour, variable in _VARIABLES.items():
        drawn = drawn.replace(colour, f"var(--{variable})")
    sides = re.search(r'viewBox="([^"]*)"', drawn)
    assert sides is not None
    head = (
        f'<svg class="chart" role="img" viewBox="{sides[1]}" '
        f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>'
    )
    return Markup(head + drawn[drawn.index(">") + 1 :])
