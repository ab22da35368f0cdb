"""The report for machines: `report.json`, the whole scorecard with its evidence."""

from __future__ import annotations

from harness.plain import escaped
from harness.scorecard import Scorecard


def render(scorecard: Scorecard) -> str:
    """The scorecard as JSON."""
    return escaped(scorecard.model_dump_json(indent=1)) + "\n"
