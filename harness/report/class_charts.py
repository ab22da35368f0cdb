"""Charts of a class: its Pareto front, its scores, and the checks that it misses.

Must not know pages, nor how a gradebook comes about.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from harness.gradebook import Failing, Row
from harness.percentage import Percentage, percent
from harness.plain import printable
from harness.report import charts

SIZE = (4.8, 3.3)
"""Inches: small, so that letters can be read on a phone."""

NAMED = 12
"""Places of the front that are named, and checks that are drawn."""

_TICKS = (0, 50, 80, 90, 95, 98, 99, 99.2, 99.4, 99.6, 99.8, 99.9)
"""Accuracies in percent that may be marked."""


def pareto(rows: Sequence[Row], front: Sequence[Row]) -> Markup:
    """Parameters against the worst of the last epochs, with the front drawn and named."""
    shown = [row for row in rows if row.parameters and row.last]
    if not front:
        return Markup()
    with charts.style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the reader's own font has it
        figure, axes = _blank()
        axes.plot(*_places(shown), "o", ms=4, color=charts.MUTED, alpha=0.6)
        x, y = _places(front)
        axes.step(x, y, where="post", color=charts.SERIES[0])
        axes.plot(x, y, "o", ms=6, color=charts.SERIES[0])
        _accuracy_axis(axes, _places(shown)[1])
        _bars(axes, shown[0])
        axes.set_xlabel("parameters of the final step")
        axes.set_ylabel("worst of its last epochs")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.margins(x=0.12)
        figure.draw_without_rendering()  # so that the names' places are known
        _name(axes, front[:NAMED])
        first, last = front[0], front[-1]
        told = f"{len(front)} of {len(shown)} networks on the front, from {_told(first)}"
        told += f" to {_told(last)}" * (len(front) > 1)
        return charts.svg(figure, "pareto", "Parameters against accuracy", f"{told}.")


def scores(rows: Sequence[Row]) -> Markup:
    """How the scores of those that were graded are distributed."""
    graded = [row for row in rows if row.scorecard.verdict != "not graded"]
    if not graded:
        return Markup()
    tenths = [min(max(int(row.share * 10 + 1e-9), 0), 9) for row in graded]
    counts = [tenths.count(tenth) for tenth in range(10)]
    pass_mark = Percentage(graded[0].scorecard.pass_mark)
    with charts.style():
        figure, axes = _blank()
        bars = axes.bar(range(10), counts, align="edge", width=0.9, color=charts.SERIES[0])
        axes.bar_label(bars, [str(count or "") for count in counts], color=charts.INK)
        place = float(pass_mark.share * 10)
        axes.axvline(place, color=charts.BAD, ls="--")
        end = "right" if place > 7 else "left"
        axes.text(
            place, 1.02, f" pass mark {pass_mark} ", ha=end, transform=axes.get_xaxis_transform()
        )
        axes.set_xticks(range(0, 11, 2), [f"{tenth * 10} %" for tenth in range(0, 11, 2)])
        axes.set_xlim(0, 10)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("share of the points")
        axes.set_ylabel("submissions")
        told = ", ".join(
            f"{count} from {10 * tenth} to {10 * tenth + 10} %"
            for tenth, count in enumerate(counts)
            if count
        )
        return charts.svg(figure, "scores", "Distribution of the scores", f"{told}.")


def missed(failing: Sequence[Failing]) -> Markup:
    """How often each check was missed, the most missed at the top."""
    worst = sorted(failing, key=lambda each: -each.missed / each.judged)[:NAMED]
    if not worst:
        return Markup()
    with charts.style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        figure, axes = _blank(height=0.9 + 0.27 * len(worst))
        shares = [100 * each.missed / each.judged for each in worst]
        bars = axes.barh(range(len(worst)), shares, color=charts.SERIES[1])
        told = [f"{each.missed:,} of {each.judged:,}" for each in worst]
        axes.bar_label(bars, told, padding=3, color=charts.INK)
        names = [_short(each.check, 24) for each in worst]
        axes.set_yticks(range(len(worst)), names, parse_math=False)
        axes.invert_yaxis()
        axes.set_xlim(0, 125)
        axes.set_xticks(range(0, 101, 25), [f"{share} %" for share in range(0, 101, 25)])
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("missed, be it in part")
        listed = ", ".join(f"{name} {said}" for name, said in zip(names, told, strict=True))
        return charts.svg(figure, "missed", "How often each check is missed", f"{listed}.")


def _blank(height: float = SIZE[1]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(SIZE[0], height), layout="constrained")
    return figure, figure.add_subplot()


def _places(rows: Sequence[Row]) -> tuple[list[int], list[float]]:
    """Parameters, and the share of test images that the worst of the last epochs missed.

    Errors spread out what accuracies crowd together; of none there is no logarithm.
    """
    missed = [max(row.of - min(row.last), 0.5) / row.of for row in rows]
    return [row.parameters or 0 for row in rows], missed


def _accuracy_axis(axes: Axes, missed: Sequence[float]) -> None:
    axes.set_yscale("log")
    axes.set_ylim(min(1.0, max(missed) * 1.25), min(missed) / 1.4)
    least, most = sorted(axes.get_ylim())
    ticks = [1 - tick / 100 for tick in _TICKS if least <= 1 - tick / 100 <= most]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 - 100 * error:.4g} %"))


def _bars(axes: Axes, row: Row) -> None:
    """What the rubric asks of the final step, where the chart reaches so far."""
    for mark in row.scorecard.marks:
        if mark.bar and mark.step == row.steps[-1][0]:
            if mark.bar.quantity == "parameters":
                axes.axvline(mark.bar.value, color=charts.BAD, lw=1, ls="--")
            else:
                missed = max(row.of - mark.bar.value, 0.5) / row.of
                axes.axhline(missed, color=charts.BAD, lw=1, ls="--")


def _name(axes: Axes, front: Sequence[Row]) -> None:
    """Rank and name at each place of the front; the rank alone where names would overlap."""
    taken: list[Bbox] = []
    for rank, (row, x, y) in enumerate(zip(front, *_places(front), strict=True), 1):
        label = axes.annotate(
            f"{rank} {_short(row.learner, 16)}",
            (x, y),
            (5, 4),
            textcoords="offset points",
            fontsize=9,
            parse_math=False,
        )
        around = axes.get_window_extent()
        box = label.get_window_extent()
        if box.x1 > around.x1 or any(box.overlaps(other) for other in taken):
            label.set_text(str(rank))
            box = label.get_window_extent()
        taken.append(box)


def _told(row: Row) -> str:
    accuracy = percent(min(row.last), row.of)
    return f"{_short(row.learner, 40)} ({row.parameters:,} parameters, {accuracy})"


def _short(name: str, most: int) -> str:
    shown = printable(name)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
