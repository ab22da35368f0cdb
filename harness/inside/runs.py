"""What a training run's epochs are: pure counting, without torch.

Part of the process that belongs to the submission. `probe` tells it what it saw, in order; it
knows nothing of models, loaders and optimisers but numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.frames import Steps

NEARLY = 0.95
"""A loader that was left went through, if this share of its images was trained on."""


@dataclass(eq=False)
class Pass:
    """One iteration over a loader."""

    of: int
    """Images that a whole one goes through."""
    over: bool = False
    """Whether it was exhausted or dropped."""


@dataclass
class Trained:
    """What was trained since the learner's last epoch ended."""

    of: int
    samples: int = 0
    steps: list[Steps] = field(default_factory=list)
    by_hand: int = 0
    correct: int | None = 0
    """None once a batch came whose labels were not seen."""
    loss: float = 0.0
    """The sum of the `losses` values that were back-propagated."""
    losses: int = 0

    def step(self, step: Steps) -> None:
        """Add an optimiser step: to the last ones, where it is like them."""
        if self.steps and _alike(self.steps[-1], step):
            self.steps[-1].count += step.count
        else:
            self.steps.append(step)

    @property
    def mean_loss(self) -> float | None:
        """The mean of what was back-propagated, where that was seen."""
        return self.loss / self.losses if self.losses else None

    @property
    def nothing(self) -> bool:
        """Whether neither an image was trained on nor a weight changed."""
        return not (self.samples or self.steps or self.by_hand)


def _alike(one: Steps, other: Steps) -> bool:
    return (one.samples, one.lr, one.momentum, one.weight_decay) == (
        other.samples,
        other.lr,
        other.momentum,
        other.weight_decay,
    )


class Epochs:
    """Finds where the learner's own epochs end.

    A loader that is exhausted ends one; so does one that was left when almost through. Shorter
    fragments add up, and so do batches that came from no loader, until less than a batch is
    missing of the data set.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        """Images in the training set, for batches that come from no loader."""
        self.ended = 0
        self.now = Trained(size)
        self.through: Pass | None = None
        self._fragment = 0
        self._batch = 0

    def trained(self, samples: int, through: Pass | None, correct: int | None) -> None:
        """Images were back-propagated, which `through` had yielded."""
        if through is not self.through:
            self.through, self._fragment = through, 0
        now = self.now
        now.of = through.of if through else self.size
        now.samples += samples
        now.correct = None if now.correct is None or correct is None else now.correct + correct
        self._fragment += samples
        self._batch = samples

    def exhausted(self, through: Pass) -> bool:
        """Whether an epoch ends with this pass, which has no more batches."""
        return through is self.through and self._fragment * 2 >= min(through.of, self.now.samples)

    def crossed(self) -> bool:
        """Whether an epoch ends with the step just made, on batches that came from no loader."""
        return self.through is None and self.now.samples >= self.size

    def left(self, through: Pass | None, evaluating: bool) -> bool:
        """Whether an epoch had ended before a batch of `through` goes forward."""
        now, before = self.now, self.through
        if not now.samples or (through is before and before is not None):
            return False
        missing = now.of - now.samples
        if before is None:
            return (evaluating or through is not None) and missing < self._batch
        if evaluating and not before.over:
            return False
        return self._fragment >= NEARLY * before.of or missing < self._batch

    def drop(self) -> None:
        """Forget what was back-propagated and will not be stepped on."""
        self.now = Trained(self.size)

    def close(self) -> Trained:
        """End the epoch: what was trained in it."""
        ended, self.now = self.now, Trained(self.size)
        self.ended += 1
        self.through, self._fragment, self._batch = None, 0, 0
        return ended
