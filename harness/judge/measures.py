"""Figures that learners state and several checks compare. Must not know what is asked."""

from __future__ import annotations

from statistics import mean

from harness.evidence import Dataset, Run, Step

SPREAD = 0.2
"""Points of percent between two trainings that say nothing: on 10,000 images a run's accuracy
spreads by about 5 between seeds, so the difference of two by 7; 20 is three times that."""


def best_test(run: Run, dataset: Dataset) -> float:
    """The highest test accuracy after any epoch, in percent; the run must have one."""
    return 100 * max(epoch.test_correct for epoch in run.epochs) / dataset.test_size


def best_training(run: Run) -> float:
    """The highest accuracy on the training images as they were trained on, in percent."""
    return 100 * max(epoch.train_correct / epoch.samples for epoch in run.epochs)


def gap(run: Run, dataset: Dataset) -> float:
    """Training less test accuracy in the last epoch, in points of percent.

    Above zero the network over-fits, in the words of the exercise; below, it under-fits.
    """
    last = run.epochs[-1]
    return 100 * (last.train_correct / last.samples - last.test_correct / dataset.test_size)


def mean_gap(step: Step, dataset: Dataset) -> float | None:
    """The gap of a step, over its runs; None where nothing was trained."""
    return mean(gaps) if (gaps := [gap(run, dataset) for run in step.runs if run.epochs]) else None


def mean_best(step: Step, dataset: Dataset) -> float | None:
    """The best test accuracy of a step, over its runs; None where nothing was trained."""
    bests = [best_test(run, dataset) for run in step.runs if run.epochs]
    return mean(bests) if bests else None
