"""Evidence made by hand, for tests of judging and reporting."""

from collections.abc import Sequence
from typing import Any

from harness.claims import Claim
from harness.data import DATASETS
from harness.evidence import (
    Epoch,
    Evidence,
    Fault,
    Layer,
    Machine,
    Network,
    Parameters,
    Run,
    Step,
)
from harness.notes import Notes
from harness.recipe import Recipe
from harness.rubric import Check, Finding, Rubric, kinds

MACHINE = Machine(device="cpu: test", system="Linux", python="3.11", torch="2.15", harness="0")

UNDER_8K = Rubric.model_validate(
    {
        "title": "Under 8,000",
        "dataset": "mnist",
        "pass_mark": "70 %",
        "checks": [
            {
                "kind": "parameters",
                "below": 8_000,
                "points": 30,
                "scope": "final step",
                "required": True,
            },
            {"kind": "epochs", "at_most": 15, "points": 20, "scope": "every step"},
            {
                "kind": "accuracy",
                "at_least": "99.4 %",
                "tiers": {"99.3 %": 0.5, "99.0 %": 0.25},
                "points": 50,
                "scope": "final step",
            },
        ],
    }
)
"""A rubric of the three oldest checks."""


def run(
    *correct: int,
    declared: int | None = None,
    seed: int = 1,
    fault: Fault | None = None,
    train_correct: int = 59_000,
    before_training: int = 1_000,
    shifted: int | None = None,
    stood_still: tuple[int, ...] = (),
) -> Run:
    """A run on MNIST with these correct test answers after its epochs."""
    epochs = [
        Epoch(
            number=number,
            test_correct=count,
            train_correct=train_correct,
            samples=60_000,
            loss=0.05,
            learning_rate=0.1,
            moved=number not in stood_still,
            seconds=1,
        )
        for number, count in enumerate(correct, 1)
    ]
    return Run(
        seed=seed,
        key=f"key {seed}",
        declared_epochs=declared or len(correct),
        before_training=before_training,
        shifted=shifted,
        epochs=epochs,
        machine=MACHINE,
        fault=fault,
    )


def step(
    *runs: Run,
    name: str = "step_1.py",
    judged: int = 7_753,
    used: int | None = None,
    epochs: int = 15,
    fault: Fault | None = None,
    notes: Notes | None = None,
    claims: Sequence[Claim] = (),
    layers: Sequence[Layer] = (),
    evaluation: int = 1_000_000,
    evaluation_only: Sequence[str] = (),
    **recipe: Any,
) -> Step:
    """A step that was observed; its training takes 1,000,000 multiply-adds an image."""
    recipe = {
        "epochs": epochs,
        "batch_size": 128,
        "optimizer": {"name": "SGD", "lr": 0.1},
    } | recipe
    parameters = Parameters(judged=judged, used=used or judged, trainable=judged)
    return Step(
        name=name,
        notes=notes or Notes(title="A step"),
        claims=list(claims),
        source="0" * 64,
        handed_in="0" * 64,
        network=Network(
            name="Net",
            digest="0" * 64,
            parameters=parameters,
            layers=list(layers),
            multiply_adds=evaluation,
            training_multiply_adds=1_000_000,
            evaluation_only=list(evaluation_only),
        ),
        recipe=Recipe.model_validate(recipe),
        runs=list(runs),
        fault=fault,
    )


def evidence(*steps: Step, name: str = "ada", fault: Fault | None = None) -> Evidence:
    """A submission on MNIST."""
    return Evidence(submission=name, dataset=DATASETS["mnist"], steps=list(steps), fault=fault)


def check(kind: str, scope: str = "final step", points: float = 10, **keys: Any) -> Check:
    return kinds()[kind].model_validate({"kind": kind, "points": points, "scope": scope, **keys})


def found(of: Check, *steps: Step) -> Finding:
    """What a check makes of the last of these steps."""
    return of.judge(steps[-1], evidence(*steps))


def asking(*checks: dict[str, Any], pass_mark: str = "70 %") -> Rubric:
    table = {"title": "T", "dataset": "mnist", "pass_mark": pass_mark, "checks": list(checks)}
    return Rubric.model_validate(table)


EPOCHS = {"kind": "epochs", "at_most": 15, "points": 90, "scope": "every step"}
