"""Late penalties: days that have begun, what they cost, and how the reports say so."""

from datetime import datetime

import pytest
from evidence_samples import UNDER_8K, evidence, run, step

from harness.judge.judge import judge
from harness.report import markdown
from harness.roster import Learner
from harness.rubric import Late, Rubric
from harness.scorecard import Scorecard

DUE = "2026-11-30T23:59:00+01:00"
RULE = {"due": DUE, "per_day": "10 %", "at_most": "25 %"}


def rubric(late: dict[str, str]) -> Rubric:
    return UNDER_8K.model_copy(update={"late": Late.model_validate(late)})


def judged(submitted_at: str, late: dict[str, str] = RULE, count: int = 9_950) -> Scorecard:
    at = datetime.fromisoformat(submitted_at) if submitted_at else None
    card = evidence(step(run(*[count] * 15)))
    return judge(rubric(late), card, (), Learner(folder="ada", submitted_at=at))


@pytest.mark.parametrize(
    ("submitted_at", "days", "points"),
    [
        ("", 0, 100),
        ("2026-11-30T23:59:00+01:00", 0, 100),
        ("2026-11-30T23:59:01+01:00", 1, 90),
        ("2026-12-01T23:59:00+01:00", 1, 90),
        ("2026-12-02T00:00:00+01:00", 2, 80),
        ("2026-12-24T12:00:00+01:00", 24, 75),
        ("2026-11-30T22:59:00+00:00", 0, 100),
        ("2026-11-30T23:30:00+00:00", 1, 90),
        ("2026-11-30T23:58:00", 0, 100),
        ("2026-12-01T00:10:00", 1, 90),
    ],
)
def test_each_day_that_has_begun_costs(submitted_at: str, days: int, points: float) -> None:
    card = judged(submitted_at)
    assert (card.late.days if card.late else 0) == days
    assert card.points == points


def test_a_penalty_can_cost_the_pass() -> None:
    steep = RULE | {"per_day": "40 %", "at_most": "100 %"}
    assert judged("2026-12-01T12:00:00+01:00", steep).verdict == "failed"
    assert judged("2026-11-30T12:00:00+01:00", steep).verdict == "passed"


def test_nobody_is_late_without_a_rule_or_a_time() -> None:
    card = evidence(step(run(*[9_950] * 15)))
    late = Learner(folder="ada", submitted_at=datetime.fromisoformat("2027-01-01T00:00:00+01:00"))
    assert judge(UNDER_8K, card, (), late).late is None
    assert judge(rubric(RULE), card).late is None


def test_reports_say_what_lateness_cost() -> None:
    told = markdown.render(judged("2026-12-01T12:00:00+01:00"))
    assert "passed with 90 of 100 points (10 lost, 1 day late: 10 % of the earned points)" in told


@pytest.mark.parametrize("due", ["2026-11-30T23:59:00", "tomorrow"])
def test_a_due_time_has_its_zone(due: str) -> None:
    with pytest.raises(ValueError, match="due"):
        Late.model_validate(RULE | {"due": due})
