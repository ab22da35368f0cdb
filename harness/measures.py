"""Figures that learners state, checks compare and reports name. Must not know what is asked."""

from __future__ import annotations

from statistics import mean
from typing import Literal

from harness.evidence import Dataset, Epoch, Run, Step

SPREAD = 0.2
"""Points of percent between two trainings that say nothing: on 10,000 images a run's accuracy
spreads by about 5 between seeds, so the difference of two by 7; 20 is three times that."""


CLEAR_GAP = 0.5
"""Points of percent between training and test accuracy from which a gap has one name only: the
seed documents call gaps of 0.2 to 0.4 both over-fitting and not."""

Fit = Literal["over-fitting", "under-fitting", "neither"]


def test_accuracies(run: Run, dataset: Dataset) -> list[float]:
    """The test accuracy after each epoch, in percent."""
    return [100 * epoch.test_correct / dataset.test_size for epoch in run.epochs]


def training_accuracies(run: Run, dataset: Dataset) -> list[float]:
    """The accuracy on the training images as they were trained on, epoch by epoch, in percent.

    Empty where it could not be seen in every epoch.
    """
    known = [(e.train_correct, e.samples) for e in run.epochs if e.train_correct is not None]
    whole = len(known) == len(run.epochs)
    return [100 * correct / samples for correct, samples in known] if whole else []


def last_epochs(run: Run, many: int) -> list[Epoch]:
    """The last declared epochs, as far as they were measured and changed the weights."""
    epochs = [epoch for epoch in run.epochs if epoch.moved or epoch.number == 1]
    stood_still = len(run.epochs) - len(epochs)
    return epochs[max(run.declared_epochs - stood_still - many, 0) :]


def gap(run: Run, dataset: Dataset) -> float | None:
    """Training less test accuracy in the last epoch, in points of percent; None where not known.

    Above zero the network over-fits, in the words of the exercise; below, it under-fits.
    """
    trained = training_accuracies(run, dataset)
    return trained[-1] - test_accuracies(run, dataset)[-1] if trained else None


def mean_gap(step: Step, dataset: Dataset) -> float | None:
    """The gap of a step, over its runs; None where none is known."""
    known = [found for run in step.runs if (found := gap(run, dataset)) is not None]
    return mean(known) if known else None


def mean_best(step: Step, dataset: Dataset) -> float | None:
    """The best test accuracy of a step, over its runs; None where nothing was trained."""
    bests = [max(test_accuracies(run, dataset)) for run in step.runs if run.epochs]
    return mean(bests) if bests else None


def fit(gap: float) -> Fit:
    """What a gap is called where only one name is right.

    No claim that names it so is judged wrong, nor one that denies it where it is neither.
    """
    if abs(gap) <= CLEAR_GAP:
        return "neither"
    return "over-fitting" if gap > 0 else "under-fitting"
