"""Late penalties: what a rubric takes off a submission that came after its due time.

Must not know checks.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from fractions import Fraction

from harness.rubric import Late


def late_by(rule: Late, submitted_at: datetime) -> int:
    """Days after the due time, each that has begun being one; 0 if it was in time.

    Args:
        rule: of the rubric.
        submitted_at: without a zone it is in that of the due time.
    """
    if submitted_at.tzinfo is None:
        submitted_at = submitted_at.replace(tzinfo=rule.due.tzinfo)
    return max(math.ceil((submitted_at - rule.due) / timedelta(days=1)), 0)


def share_lost(rule: Late, days: int) -> Fraction:
    """Share of the points that so many days cost, at most what the rubric says."""
    return min(days * rule.per_day.share, rule.at_most.share)
