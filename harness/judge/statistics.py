"""What several runs say about a network beyond these runs. Must not know checks or evidence."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Literal, NamedTuple

LEVEL = 0.95
"""Confidence of each one-sided bound."""


class Verdict(NamedTuple):
    """Whether a network passes more often than not."""

    words: Literal["confirmed", "refuted", "inconclusive"]
    further: int
    """Least number of further runs that could settle it; 0 where it is settled."""


@cache
def verdict(passing: int, runs: int) -> Verdict:
    """Whether the probability of passing lies above or below one half.

    The unit is the run, each from a seed of its own, never the epoch: the epochs of a run are
    not independent. Bounds are those of Clopper and Pearson (Biometrika 26, 1934), one-sided.

    Args:
        passing: runs that passed.
        runs: all runs, at least one.
    """
    if words := _settled(passing, runs):
        return Verdict(words, 0)
    further = next(
        more
        for more in count(1)
        if _settled(passing + more, runs + more) or _settled(passing, runs + more)
    )
    return Verdict("inconclusive", further)


def _settled(passing: int, runs: int) -> Literal["confirmed", "refuted"] | None:
    from scipy.special import betaincinv

    if passing and betaincinv(passing, runs - passing + 1, 1 - LEVEL) > 0.5:
        return "confirmed"
    if passing < runs and betaincinv(passing + 1, runs - passing, LEVEL) < 0.5:
        return "refuted"
    return None
