"""The report for a learner: one HTML file that can be mailed, read on a phone and printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from harness.evidence import Dataset, Run, Step
from harness.measures import test_accuracies
from harness.percentage import percent
from harness.report import advice, curves, html, story, words
from harness.scorecard import Compared, Scorecard


class _Key(NamedTuple):
    """A run in a chart's key."""

    colour: int
    run: str


class _Chart(NamedTuple):
    """A chart, and what is said below it, a sentence each."""

    svg: Markup
    keys: list[_Key]
    sentences: list[str]


class _Told(NamedTuple):
    """A step as the page tells it."""

    number: int
    step: Step
    """As it was judged: of a notebook, the training that counts."""
    observed: Step
    """With all of its trainings."""
    since: story.Changed | None
    chart: _Chart | None
    compared: list[Compared]
    """Empty where no check went through its claims."""
    lowest: str
    """Of the last epochs."""


def render(scorecard: Scorecard) -> str:
    """The scorecard as a page."""
    evidence = scorecard.evidence
    counting = [step.counting(scorecard.counts) for step in evidence.steps]
    judged = scorecard.model_copy(
        update={"evidence": evidence.model_copy(update={"steps": counting})}
    )
    steps = [
        _told(number, observed, judged) for number, observed in enumerate(evidence.steps, start=1)
    ]
    return html.page(
        "page.html.jinja",
        card=judged,
        steps=steps,
        series=_series(judged),
        numbers={told.step.name: told.number for told in steps},
        learner=(scorecard.learner.shown if scorecard.learner else "")
        or evidence.author
        or evidence.submission,
        advice=advice.advice(judged),
        spare=advice.spare(judged),
        words=words,
        story=story,
    )


def _told(number: int, observed: Step, card: Scorecard) -> _Told:
    steps, dataset = card.evidence.steps, card.evidence.dataset
    step = steps[number - 1]
    return _Told(
        number=number,
        step=step,
        observed=observed,
        since=story.since(steps[number - 2], step, dataset) if number > 1 else None,
        chart=_accuracy(number, observed, step, card),
        compared=[each for mark in words.marks_of(step, card) for each in mark.compared],
        lowest=_percent(story.lowest(step, story.window(card)), dataset),
    )


def _percent(count: int | None, dataset: Dataset) -> str:
    return "" if count is None else f"{count:,} ({percent(count, dataset.test_size)})"


# The accuracy of a step ----------------------------------------------------------------------


def _accuracy(number: int, observed: Step, step: Step, card: Scorecard) -> _Chart | None:
    """Every epoch of every run, and what is asked."""
    dataset = card.evidence.dataset
    runs = [run for run in [*observed.observed, *observed.runs] if run.epochs]
    if not runs:
        return None
    bars, own = story.bars(step, card)
    named = [_named(run, runs) for run in runs]
    sentences = ["Solid: test accuracy after each epoch. Dashed: training accuracy during it."]
    for bar in bars:
        share = percent(bar.value, dataset.test_size)
        asked = f"{bar.value:,} of {dataset.test_size:,} ({share})"
        epochs = f"the last {bar.last_epochs} epochs" if bar.last_epochs > 1 else "the last epoch"
        sentences.append(
            f"The line is what is asked, {asked}; the shaded part is {epochs}, in which it counts."
            if own
            else f"The line and the shaded part are what is asked of the last step: {asked} in "
            f"{epochs}."
        )
    if card.marks and not any(mark.kind for mark in card.marks):
        sentences.append("No line is drawn: this was judged before charts knew what is asked.")
    sentences += _below(runs, curves.floor(runs, bars, dataset), dataset)
    sentences.append("Underneath: the learning rate at the first step of each epoch.")
    ends = [
        f"{name}: {percent(run.epochs[-1].test_correct, dataset.test_size)} on the test images"
        f" after epoch {run.epochs[-1].number}{_training(run)}."
        for name, run in zip(named, runs, strict=True)
    ]
    title = f"Accuracy of step {number}, epoch by epoch"
    told = " ".join([*ends[: advice.MOST_RUNS], *sentences])
    svg = curves.accuracy(f"step-{number}-accuracy", title, told, runs, bars, dataset)
    keys = [_Key(curves.colour(place, len(runs)), name) for place, name in enumerate(named)]
    if len(runs) > curves.MOST_COLOURS:
        keys = [_Key(1, f"{len(runs)} runs")]
    return _Chart(svg, keys, sentences)


def _named(run: Run, runs: Sequence[Run]) -> str:
    """A run among others: of several trainings in a notebook, the cell tells which."""
    cell = run.observed.cell if run.observed else None
    several = sum(not other.seed for other in runs) > 1
    return words.training(run) + (f" in cell {cell + 1}" if several and cell is not None else "")


def _training(run: Run) -> str:
    trained = words.trained(run.epochs[-1])
    return f", {trained} in training" if trained else ""


def _below(runs: Sequence[Run], floor: float, dataset: Dataset) -> list[str]:
    """That a chart leaves the first epochs out, where it does."""
    below = [
        (value, epoch.number)
        for run in runs
        for value, epoch in zip(test_accuracies(run, dataset), run.epochs, strict=True)
        if value < floor
    ]
    if not below:
        return []
    last = max(number for _, number in below)
    which = "Epoch 1 lies" if last == 1 else f"Epochs up to {last} lie"
    some = "" if len(below) == last * len(runs) else " in part"
    return [f"{which}{some} below the chart; the lowest has {min(below)[0]:.2f} %."]


# The series ----------------------------------------------------------------------------------


def _series(card: Scorecard) -> _Chart | None:
    """Parameters against accuracy over the steps; None where fewer than two were measured."""
    dataset, many = card.evidence.dataset, story.window(card)
    points = [
        curves.Point(number, step.network.parameters.judged, 100 * count / dataset.test_size)
        for number, step in enumerate(card.evidence.steps, start=1)
        if step.network and (count := story.lowest(step, many)) is not None
    ]
    if len(points) < 2:
        return None
    last = story.lowest_of(card)
    if any(len(step.runs) > 1 for step in card.evidence.steps):
        last += ", of the run in the middle"
    told = " ".join(
        f"Step {point.number}: {point.parameters:,} parameters, {point.accuracy:.2f} %."
        for point in points
    )
    title = "Parameters against accuracy, step by step"
    svg = curves.series("series", title, told, points, story.limits(card), dataset.test_size)
    sentences = [f"Each number is a step. Accuracy: {last}; the lines are what is asked."]
    return _Chart(svg, [], sentences)
