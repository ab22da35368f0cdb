"""The scorecard: every line of a rubric judged, with points and reasons.

Judge writes it and reports read it; it holds its evidence. Must not know how a check judges or
how a report looks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from harness.claims import Claim
from harness.evidence import Counting, Evidence, Fault
from harness.roster import Learner

FORMAT = 3
"""Raised when these models change in a way that an older reader would misunderstand."""

Status = Literal["passed", "partly", "failed", "awaiting", "not graded"]


class Bar(BaseModel):
    """A value that a check asks for, as charts draw it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    quantity: Literal["test accuracy", "parameters"]
    value: int
    """Correct test answers to reach, or the number of parameters to stay below."""
    last_epochs: int = 0
    """How many epochs, counted back from the last declared one, must each reach it."""


class Compared(BaseModel):
    """A claim beside what was measured."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    claim: Claim
    measured: str
    """Empty where nothing was measured that it speaks of."""
    met: bool | None
    """Whether it is right; None where it was not judged."""


class Mark(BaseModel):
    """One check on one step."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    check: str
    """The check's name."""
    kind: str = ""
    """Which kind of check it is, such as `accuracy`."""
    step: str
    """Name of the step; empty for the whole submission, and where there is no step to judge."""
    asked: str
    measured: str
    status: Status
    """`awaiting` where a person awards the points; `not graded` where the harness or the machine
    is at fault."""
    points: float
    out_of: float
    required: bool
    bonus: bool = False
    """Whether the points come on top of `Scorecard.out_of`."""
    why: str
    """One sentence."""
    review: list[str] = []
    """What a person should look at; it changes no points."""
    bar: Bar | None = None
    """The number that is asked, for charts."""
    compared: list[Compared] = []
    """The claims that a check of claims went through, in their order."""
    overridden: bool = False
    """Whether a person set the points."""


class Lateness(BaseModel):
    """What a submission lost because it came late."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    days: int
    """Begun since it was due."""
    points: float
    """Taken off those earned."""
    why: str
    """One sentence."""


def _readable(number: int) -> int:
    if number > FORMAT:
        raise ValueError(f"this is format {number}, and this harness reads up to {FORMAT}")
    return number


class Scorecard(BaseModel):
    """A submission judged by a rubric."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    format: Annotated[int, AfterValidator(_readable)] = FORMAT
    rubric: str
    """The rubric's title."""
    pass_mark: str
    """Share of all points that passes, such as `70 %`."""
    seeds: int
    """Runs of each step that the rubric asks for."""
    marks: list[Mark]
    """By step in the learner's order, then in the rubric's."""
    points: float
    """Those earned, with any bonus, less what lateness cost."""
    out_of: float
    """Those that could be earned so far: without a bonus, and without what awaits a person."""
    bonus: float
    """Points earned on top, and part of `points`."""
    awaiting: float
    """Points that await a person."""
    verdict: Literal["passed", "failed", "not graded"]
    """By the points so far."""
    reasons: list[str]
    """What stands against a pass, one sentence each."""
    faults: list[Fault]
    """All that could not be observed, in order."""
    learner: Learner | None = None
    """As the roster has who handed it in."""
    due: datetime | None = None
    """By when it was to be handed in, where the rubric says so."""
    counts: Counting = "last"
    """Which of a notebook's own trainings was judged."""
    late: Lateness | None = None
    """None if it came in time, or nobody asked."""
    evidence: Evidence
