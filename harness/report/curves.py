"""The charts of a learner's page: accuracy over the epochs, parameters over the steps.

To draw on the same axes again takes half the time of making new ones, so each chart keeps its own.
Must not know marks or points, nor where a chart stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.evidence import Dataset, Epoch, Run
from harness.measures import test_accuracies
from harness.report import charts
from harness.scorecard import Bar

MOST_COLOURS = len(charts.SERIES)
"""Runs that a chart tells apart; of more, all are drawn alike."""


_LABEL: Any = {"fontsize": 9, "color": charts.INK}
_CENTRED: Any = {"ha": "center", "va": "center_baseline", "zorder": 4}


class Point(NamedTuple):
    """A step in the chart of a series."""

    number: int
    """Of the step, from 1."""
    parameters: int
    accuracy: float
    """In percent."""


def colour(number: int, of: int) -> int:
    """The number of the page's colour, from 1, for one of several runs, from 0."""
    return number + 1 if of <= MOST_COLOURS else 1


def floor(runs: Sequence[Run], bars: Sequence[Bar], dataset: Dataset) -> float:
    """Where the chart of accuracies begins, in percent.

    The later half of every whole run, the end of its training accuracy and what is asked are in it:
    from 99.0 to 99.6 % it could not be read beside a first epoch of 20 %.
    """
    shown = [100 * bar.value / dataset.test_size for bar in bars]
    for run in [run for run in runs if run.complete] or runs:
        shown += test_accuracies(run, dataset)[len(run.epochs) // 2 :]
        shown += [rate for epoch in run.epochs[-1:] if (rate := _trained(epoch)) is not None]
    lowest, highest = min(shown, default=0.0), _top(runs, bars, dataset)
    return max(lowest - 0.06 * max(highest - lowest, 0.5), 0.0)


def accuracy(
    name: str,
    title: str,
    description: str,
    runs: Sequence[Run],
    bars: Sequence[Bar],
    dataset: Dataset,
) -> Markup:
    """Test and training accuracy after every epoch of every run, and the learning rate below.

    Args:
        name: unique in its page.
        title: what it shows, in a few words.
        description: what is to be seen, for those who do not see it.
        runs: those with an epoch.
        bars: what is asked of the test accuracy, and in which of the last epochs.
        dataset: whose test images are counted.
    """
    last = max(max(run.declared_epochs, len(run.epochs)) for run in runs)
    low, high = floor(runs, bars, dataset), _top(runs, bars, dataset)
    top, bottom = _steps_axes()
    with charts.style(), _drawn() as drawn:
        for bar in bars:
            asked = 100 * bar.value / dataset.test_size
            drawn(top.axhline(asked, color=charts.INK, linewidth=1))
            begin = last - bar.last_epochs + 0.5
            drawn(top.axvspan(begin, last + 0.5, color=charts.GRID, alpha=0.5, linewidth=0))
            drawn(top.text(0.6, asked, f" {bar.value:,} asked", va="bottom", **_LABEL))
        for number, run in enumerate(runs):
            of = charts.SERIES[colour(number, len(runs)) - 1]
            width = 1.8 if len(runs) <= MOST_COLOURS else 0.9
            numbers = [epoch.number for epoch in run.epochs]
            trained = [math.nan if (t := _trained(e)) is None else t for e in run.epochs]
            tested = test_accuracies(run, dataset)
            drawn(*top.plot(numbers, trained, color=of, linewidth=1.1, dashes=(4, 2)))
            drawn(*top.plot(numbers, tested, color=of, linewidth=width, marker="."))
            rates = [_rate(epoch) for epoch in run.epochs]
            drawn(*bottom.plot(numbers, rates, drawstyle="steps-mid", color=of, linewidth=1.4))
        most = max(_rate(epoch) for run in runs for epoch in run.epochs) or 1
        every = math.ceil(last / 8)
        bottom.set_xlim(0.5, last + 0.5)
        bottom.set_xticks(range(every if every > 1 else 1, last + 1, every))
        bottom.set_ylim(0, 1.2 * most)
        bottom.set_yticks([0, most], ["0", f"{most:.3g}"])
        _percents(top, low, high + 0.06 * max(high - low, 0.5))
        return charts.svg(_whole(top), name, title, description)


def series(
    name: str, title: str, description: str, points: Sequence[Point], bars: Sequence[Bar], size: int
) -> Markup:
    """Parameters against accuracy, step by step.

    Args:
        name: unique in its page.
        title: what it shows, in a few words.
        description: what is to be seen, for those who do not see it.
        points: the steps that were measured, in their order.
        bars: the limits to stay below and the accuracies to reach.
        size: test images.
    """
    limits = [bar.value for bar in bars if bar.quantity == "parameters"]
    counts = [bar.value for bar in bars if bar.quantity == "test accuracy"]
    asked = [100 * count / size for count in counts]
    points = [point._replace(parameters=max(point.parameters, 1)) for point in points]
    across = [*limits, *(point.parameters for point in points)]
    wide = max(across) > 5 * min(across)  # then as powers of ten
    place: Callable[[float], float] = math.log10 if wide else float
    axes = _series_axes()
    with charts.style(), _drawn() as drawn:
        for limit in limits:
            drawn(axes.axvline(place(limit), color=charts.INK, linewidth=1))
            at, words = axes.get_xaxis_transform(), f"below {limit:,} "
            drawn(axes.text(place(limit), 0.02, words, ha="right", transform=at, **_LABEL))
        for count, each in zip(counts, asked, strict=True):
            drawn(axes.axhline(each, color=charts.INK, linewidth=1))
            at, words = axes.get_yaxis_transform(), f"{count:,} asked"
            drawn(axes.text(0.01, each, words, va="bottom", transform=at, **_LABEL))
        places = [place(point.parameters) for point in points]
        heights = [point.accuracy for point in points]
        drawn(*axes.plot(places, heights, color=charts.SERIES[0], linewidth=1.2))
        drawn(
            axes.scatter(places, heights, 170, charts.PAPER, edgecolor=charts.SERIES[0], zorder=3)
        )
        for point, x, y in zip(points, places, heights, strict=True):
            drawn(axes.text(x, y, str(point.number), **_LABEL, **_CENTRED))
        left, right = place(min(across)), place(max(across))
        space = 0.08 * (right - left) or 0.05 * right
        axes.set_xlim(left - space, right + space)
        ticks = _round_numbers(min(across), max(across)) if wide else _ticks(left, right)
        axes.set_xticks([place(tick) for tick in ticks], [f"{tick:,.0f}" for tick in ticks])
        low, high = min(heights + asked), max(heights + asked)
        space = 0.1 * max(high - low, 0.5)
        _percents(axes, max(low - space, 0), high + space)
        return charts.svg(_whole(axes), name, title, description)


def _trained(epoch: Epoch) -> float | None:
    known = epoch.train_correct is not None and epoch.samples
    return 100 * (epoch.train_correct or 0) / epoch.samples if known else None


def _rate(epoch: Epoch) -> float:
    """As a chart can have it: a notebook's own process tells what it likes."""
    return epoch.learning_rate if 0 < epoch.learning_rate < 1e9 else 0.0


def _top(runs: Sequence[Run], bars: Sequence[Bar], dataset: Dataset) -> float:
    """The highest value of a chart of accuracies."""
    tested = [value for run in runs for value in test_accuracies(run, dataset)]
    trained = [t for run in runs for epoch in run.epochs if (t := _trained(epoch)) is not None]
    return max([*tested, *trained, *(100 * bar.value / dataset.test_size for bar in bars)])


@cache
def _steps_axes() -> tuple[Axes, Axes]:
    with charts.style():
        sides = {"left": 0.165, "right": 0.98, "top": 0.98, "bottom": 0.135, "hspace": 0.12}
        figure = Figure(figsize=(4.5, 3.5))
        grid = {"height_ratios": [4, 1], **sides}
        top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw=grid)
        top.set_ylabel("accuracy, %")
        bottom.set_ylabel("rate")
        bottom.set_xlabel("epoch")
        bottom.grid(visible=False)
        figure.align_ylabels()
    return top, bottom


@cache
def _series_axes() -> Axes:
    with charts.style():
        figure = Figure(figsize=(4.5, 3))
        axes = figure.subplots(
            gridspec_kw={"left": 0.165, "right": 0.98, "top": 0.97, "bottom": 0.155}
        )
        axes.set_xlabel("parameters")
        axes.set_ylabel("accuracy, %")
    return axes


def _whole(axes: Axes) -> Figure:
    figure = axes.figure
    assert isinstance(figure, Figure)
    return figure


@contextmanager
def _drawn() -> Iterator[Callable[..., None]]:
    """Takes what is drawn, and off again at the end: the axes stay as they were."""
    artists: list[Any] = []

    def take(*new: Any) -> None:
        artists.extend(new)

    try:
        yield take
    finally:
        for artist in artists:
            artist.remove()


def _percents(axes: Axes, low: float, high: float) -> None:
    ticks = _ticks(low, high)
    axes.set_ylim(low, high)
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def _ticks(low: float, high: float) -> list[float]:
    """A few round numbers between two."""
    found = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [round(float(tick), 6) for tick in found if low <= tick <= min(high, 100_000_000)]


def _round_numbers(low: float, high: float) -> list[float]:
    """Those of 1, 2 and 5 with zeros that lie between two numbers."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [n * 10.0**p for p in powers for n in (1, 2, 5) if low <= n * 10.0**p <= high]
