"""Whose scores a learning-management system can take: those that it finds one learner for.

Must not know any system's own format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from harness.roster import Learner
from harness.scorecard import Scorecard


def left_out(
    scorecards: Sequence[Scorecard], key: Callable[[Learner], str], lacking: str
) -> dict[str, str]:
    """Submissions whose scores cannot be handed on, and why.

    Args:
        scorecards: of a class.
        key: what the system finds a learner by; empty if nothing.
        lacking: what to say then.
    """
    found = {}
    keys = {c.evidence.submission: key(c.learner) for c in scorecards if c.learner}
    shared = Counter(keys.values())
    for card in scorecards:
        name = card.evidence.submission
        if card.verdict == "not graded":
            found[name] = "it was not graded; grade it again"
        elif card.learner is None:
            found[name] = "the roster has no line for it"
        elif not keys[name]:
            found[name] = lacking
        elif shared[keys[name]] > 1:
            found[name] = f"{keys[name]} has several submissions; name one report"
    return found
