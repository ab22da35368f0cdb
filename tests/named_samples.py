"""A small class made by hand, with names that act somewhere, for tests of what tells of a class."""

from datetime import datetime
from typing import Any

from evidence_samples import asking, evidence, run, step

from harness.claims import Claim
from harness.evidence import Evidence, Fault, Place, Step
from harness.judge.judge import judge
from harness.notes import Notes
from harness.roster import Learner
from harness.rubric import Rubric
from harness.scorecard import Scorecard

RUBRIC = asking(
    {
        "kind": "parameters",
        "below": 8_000,
        "points": 20,
        "scope": "final step",
        "required": True,
    },
    {
        "kind": "parameters",
        "name": "under 6,000",
        "below": 6_000,
        "points": 5,
        "scope": "final step",
        "bonus": True,
    },
    {"kind": "epochs", "at_most": 15, "points": 10, "scope": "every step"},
    {
        "kind": "accuracy",
        "at_least": "99.4 %",
        "tiers": {"99.3 %": 0.5},
        "points": 50,
        "scope": "final step",
    },
    {"kind": "claims", "points": 10, "scope": "every step"},
)
RUBRIC = RUBRIC.model_copy(
    update={
        "title": "MNIST, 99.4 %",
        "late": Rubric.model_validate(
            RUBRIC.model_dump()
            | {"late": {"due": "2026-11-30T23:59:00+01:00", "per_day": "10 %", "at_most": "30 %"}}
        ).late,
    }
)
BY_HAND = asking(
    *(check.model_dump() for check in RUBRIC.checks),
    {
        "kind": "manual",
        "name": "=convincing",
        "question": "Is it?",
        "points": 10,
        "scope": "whole submission",
    },
).model_copy(update={"title": RUBRIC.title, "late": RUBRIC.late})
"""The same, with points that await a person."""

LINES: dict[Place, int] = {"target": 3, "result": 4, "analysis": 5, "network": 15, "recipe": 36}
RISING = (9_811, 9_868, 9_874, 9_891, 9_902, 9_911, 9_918, 9_925, 9_931, 9_930, 9_934, 9_938)

BOASTING = Claim(
    quantity="test accuracy", written="it reaches 99.99 %", where="result", lowest=99.985
)


def series(*last: int, judged: int = 7_753, claims: tuple[Claim, ...] = ()) -> list[Step]:
    """Two steps, of which the second ends in these counts."""
    first = step(run(*RISING, 9_939, 9_936, 9_940), name="step_1.py", judged=21_562)
    second = step(
        run(*RISING, *last),
        run(*RISING, *last, seed=2),
        name="step_2.py",
        judged=judged,
        claims=claims,
        notes=Notes(title="A step", result="it reaches 99.99 %"),
    )
    return [one.model_copy(update={"lines": LINES}) for one in (first, second)]


BROKEN = Fault(
    owner="submission",
    stage="import",
    message="SyntaxError: '(' was never closed",
    line=12,
    traceback="  File \"step_2.py\", line 12\n    print(1\nSyntaxError: '(' was never closed",
)
DISK = Fault(owner="machine", stage="data", message="no space left on the device")


def handed_in(name: str, *steps: Step, fault: Fault | None = None, **keys: Any) -> Evidence:
    return evidence(*steps, name=name, fault=fault).model_copy(update=keys)


def learner(folder: str, name: str, **keys: Any) -> Learner:
    return Learner(folder=folder, name=name, **keys)


def scorecards() -> list[Scorecard]:
    """Late and with a bonus; a miss; a boast; an import that fails; nobody's; not graded."""
    held, missed = (9_940, 9_941, 9_945), (9_940, 9_939, 9_945)
    broken = series(*held)
    broken[1] = broken[1].model_copy(
        update={"network": None, "recipe": None, "runs": [], "fault": BROKEN}
    )
    came = datetime.fromisoformat("2026-12-01T08:30:00+01:00")
    countess: dict[str, Any] = {
        "first_name": "Ada",
        "last_name": "Lovelace, Countess",
        "id": "1001",
        "sis_id": "S-01",
        "login": "ada@school.example",
        "section": "01, morning",
        "email": "ada@school.example",
        "submitted_at": came,
    }
    of = [
        (handed_in("ada", *series(*held, judged=5_900)), learner("ada", "", **countess)),
        (
            handed_in("bob", *series(*missed)),
            learner("bob", "=cmd|' /C calc'!A0", id="1002", email="+1@b.example"),
        ),
        (
            handed_in("mim", *series(*held, claims=(BOASTING,))),
            learner("mim", 'مريم بنت أحمد, "ميم"', id="1003", section="-2+3"),
        ),
        (
            handed_in("zoe", *broken),
            learner(
                "zoe", "Zoë 🎓 👩\u200d🔬 <script>alert(1)</script>\nof two\r\nlines", id="1004"
            ),
        ),
        (handed_in("nobody", *series(*missed), author="@SUM(1+1)"), None),
        (
            handed_in("lost", fault=DISK, title="'s-Gravenhage"),
            learner("lost", "Points Possible", id="1005"),
        ),
    ]
    return [judge(RUBRIC, found, (), who) for found, who in of]
