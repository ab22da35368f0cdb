"""A class of scorecards on digits, made by hand: what a night's grading leaves, without training."""

import base64
import io
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

from evidence_samples import run, step
from PIL import Image, ImageDraw

from harness.claims import Claim
from harness.data import DATASETS
from harness.evidence import Evidence, Fault, Mistake, Run, Step
from harness.judge.judge import judge
from harness.notes import Notes
from harness.overrides import Override
from harness.roster import Learner
from harness.rubric import Rubric
from harness.scorecard import Scorecard

DIGITS = DATASETS["digits"]

NAMES = [
    "Ada Lovelace",
    "=cmd|' /C calc'!A0",
    'O\'Brien, "Bo"',
    "مريم الخوارزمي",
    "<script>alert(1)</script>",
    "Emoji 🎓 Ünï",
    "$\\frac{a}{b}$ </title></svg>",
]
"""Those of the first in the roster; the others are numbered."""

DUE = datetime(2026, 11, 30, tzinfo=UTC)

RUBRIC = Rubric.model_validate(
    {
        "title": "Digits: 97 % with fewer than 4,000 parameters",
        "dataset": "digits",
        "pass_mark": "60 %",
        "late": {"due": DUE, "per_day": "10 %", "at_most": "50 %"},
        "checks": [
            {"kind": "parameters", "below": 4_000, "points": 20, "scope": "final step"},
            {"kind": "epochs", "at_most": 15, "points": 10, "scope": "every step"},
            {"kind": "accuracy", "at_least": "97 %", "points": 40, "scope": "final step"},
            {"kind": "claims", "points": 20, "scope": "every step"},
            {
                "kind": "manual",
                "name": "convincing",
                "question": "Is each step convincing?",
                "points": 10,
                "scope": "whole submission",
            },
        ],
    }
)


def scorecards(number: int, steps: int = 4, seed: int = 1) -> list[Scorecard]:
    """A class, the same each time: most are able, and some are what a person has to look at."""
    random = Random(seed)
    return [_scorecard(place, steps, random) for place in range(number)]


def _scorecard(place: int, steps: int, random: Random) -> Scorecard:
    name = f"learner-{place:04d}"
    made = [_step(number, place, random) for number in range(1, steps + 1)]
    if place % 11 == 5:
        made[-1] = _broken(made[-1], "submission", "SyntaxError: invalid syntax")
    if place % 13 == 7:
        made[-1] = _broken(made[-1], "machine", "the disk is full")
    if place == 2:  # a friend of the first, who changed names and one step
        made[0] = made[0].model_copy(update={"fingerprint": [*range(100), 9]})
    held = Evidence(submission=name, dataset=DIGITS, steps=made)
    shown = NAMES[place] if place < len(NAMES) else f"Learner {place}"
    came = DUE + timedelta(hours=36 if place % 9 == 4 else -36)
    person = Override(submission=name, check="convincing", points=8, why="Clear targets.")
    overrides = [person] if place % 4 else []
    learner = Learner(folder=name, name=shown, id=str(1000 + place), submitted_at=came)
    return judge(RUBRIC, held, overrides, learner)


def _step(number: int, place: int, random: Random) -> Step:
    judged = random.randrange(2_000, 6_000) - 250 * number
    trained = _run(random.randrange(340, 361), random)
    reached = 100 * trained.epochs[-1].test_correct / DIGITS.test_size
    stated = reached + 8 * (place % 7 == 3)
    claim = Claim(
        quantity="test accuracy",
        written=f"Best test accuracy: {stated:.1f}",
        where="result",
        lowest=stated - 0.1,
        below=stated + 0.1,
    )
    made = step(
        trained,
        name=f"step_{number}.py",
        judged=judged,
        notes=Notes(title=f"Step {number}", target="Fewer parameters", result=claim.written),
        claims=[claim],
    )
    assert made.network is not None
    return made.model_copy(
        update={
            "source": f"{random.getrandbits(256):064x}",
            "fingerprint": list(range(100)) if (place, number) == (0, 1) else _hashes(random),
            "network": made.network.model_copy(update={"graph": f"{random.getrandbits(256):064x}"}),
        }
    )


def _hashes(random: Random) -> list[int]:
    return sorted(random.getrandbits(32) for _ in range(100))


def _run(last: int, random: Random) -> Run:
    """Fifteen epochs that come near to their end, with the images that the last one missed."""
    counts = [last - 150 // epoch**2 + random.randrange(3) for epoch in range(1, 15)] + [last]
    size = DIGITS.train_size
    whole = run(*(min(count, DIGITS.test_size) for count in counts), shifted=last - 5)
    epochs = [
        epoch.model_copy(update={"samples": size, "train_correct": size - 100 // epoch.number})
        for epoch in whole.epochs
    ]
    mistakes = [
        Mistake(image=image, label=image % 10, answer=(image + 1) % 10, png=_png(image % 10))
        for image in range(DIGITS.test_size - last)
    ]
    return whole.model_copy(update={"epochs": epochs, "mistakes": mistakes[:4]})


@cache
def _png(digit: int) -> str:
    """A digit, drawn."""
    image = Image.new("L", (28, 28))
    ImageDraw.Draw(image).text((11, 8), str(digit), fill=255)
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _broken(whole: Step, owner: str, message: str) -> Step:
    fault = Fault.model_validate(
        {"owner": owner, "stage": "import", "message": message, "line": 12}
    )
    return whole.model_copy(update={"runs": [], "network": None, "recipe": None, "fault": fault})
