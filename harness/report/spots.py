"""Where in a learner's files stands what a mark is about. Must not know where the files lie."""

from __future__ import annotations

from typing import NamedTuple

from harness.evidence import Place, Step
from harness.scorecard import Mark

_PLACES: dict[str, tuple[Place, ...]] = {
    "epochs": ("recipe", "network"),
    "notes": ("target", "result", "analysis", "network"),
    "progress": ("target", "network"),
    "claims": ("result", "analysis", "target"),
    "manual": ("analysis", "result", "target", "network"),
}
"""Where each kind of check is mended; at the network, unless it stands here."""


class Spot(NamedTuple):
    """A line of a file of the submission."""

    file: str
    """As `Step.name` has it."""
    line: int | None


def spot(mark: Mark, step: Step) -> Spot:
    """What a mark of a step is about; a claim's is the heading of its note."""
    places: tuple[Place, ...] = _PLACES.get(mark.kind, ("network",))
    told = " ".join([mark.why, *mark.review])
    claimed = (claim for claim in step.claims if f"“{claim.written}”" in told)
    if mark.kind == "claims" and (claim := next(claimed, None)):
        if claim.place:
            return Spot(claim.place, None)
        if claim.where != "output":
            places = (claim.where, *places)
    lines = (step.lines[place] for place in places if place in step.lines)
    return Spot(step.name, next(lines, None))
