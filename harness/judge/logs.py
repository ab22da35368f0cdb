"""Where notes contradict the training log that was printed when they were handed in.

Both are the learner's own, so this needs no training, and a person judges it: training is random,
and a log may be of another run than the notes. In doubt there is no contradiction. Must not know
what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.claims import Claim
from harness.outputs import Logged


def contradictions(claims: Sequence[Claim], logged: Sequence[Logged]) -> list[str]:
    """Claims in the notes that none of the printed trainings can meet, a sentence each."""
    claims = [claim for claim in claims if claim.where != "output"]
    return list(dict.fromkeys(_above(claims, logged) + _reached(claims, logged)))


def _above(claims: Sequence[Claim], logged: Sequence[Logged]) -> list[str]:
    """Test accuracies that the log never shows."""
    best = max((max(run.percent) for run in logged), default=100)
    highest = max((max(run.percent) + run.half for run in logged), default=100)
    return [
        f"the notes say “{claim.written}”, and the printed log shows at best {best:.2f} %"
        for claim in claims
        if claim.quantity == "test accuracy"
        if claim.lowest is not None and claim.lowest > best and claim.lowest >= round(highest, 6)
    ]


def _reached(claims: Sequence[Claim], logged: Sequence[Logged]) -> list[str]:
    """Epochs that are said to be the first to reach an accuracy, and are not."""
    found = []
    for claim in claims:
        if claim.quantity == "epoch reached" and claim.lowest is not None:
            shown = [_shown(float(claim.of), int(claim.lowest), run) for run in logged]
            if shown and all(shown):
                found.append(f"the notes say “{claim.written}”, and {shown[-1]}")
    return found


def _shown(percent: float, epoch: int, run: Logged) -> str:
    """How a log contradicts that an accuracy was reached in an epoch first; empty if it does not.

    Epochs may be counted from 0 or from 1, so that one of two is meant. What is said of the log's
    last epochs may tell where the training ended, and is never too late.
    """
    if not run.whole or epoch > len(run.percent):
        return ""
    surely = _first(percent + run.half, run)
    perhaps = _first(percent - max(run.half, _ROUNDING), run)
    if surely is not None and surely < epoch - 1 and epoch < len(run.percent) - 1:
        shown = f"{run.percent[surely]:.2f} %"
        return f"the printed log shows {shown} in epoch {surely + 1} of {len(run.percent)} already"
    if perhaps is None:
        return f"the printed log shows at best {max(run.percent):.2f} %"
    if perhaps > epoch:
        return f"the printed log shows it in epoch {perhaps + 1} of {len(run.percent)} first"
    return ""


_ROUNDING = 0.05
"""Points of percent by which an accuracy may be rounded up where it is spoken of."""


def _first(least: float, run: Logged) -> int | None:
    """The first epoch, from 0, whose accuracy is no lower."""
    return next((n for n, value in enumerate(run.percent) if value >= round(least, 6)), None)
