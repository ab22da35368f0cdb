"""Evidence made by hand, for tests of judging and reporting."""

from harness.data import DATASETS
from harness.evidence import Epoch, Evidence, Fault, Machine, Network, Parameters, Run, Step
from harness.notes import Notes
from harness.recipe import Recipe

MACHINE = Machine(device="cpu: test", system="Linux", python="3.11", torch="2.15", harness="0")


def run(
    *correct: int, declared: int | None = None, seed: int = 1, fault: Fault | None = None
) -> Run:
    """A run on MNIST with these correct test answers after its epochs."""
    epochs = [
        Epoch(
            number=number,
            test_correct=count,
            train_correct=59_000,
            samples=60_000,
            loss=0.05,
            learning_rate=0.1,
            seconds=1,
        )
        for number, count in enumerate(correct, 1)
    ]
    return Run(
        seed=seed,
        key=f"key {seed}",
        declared_epochs=declared or len(correct),
        before_training=1_000,
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
) -> Step:
    """A step that was observed."""
    recipe = {"epochs": epochs, "batch_size": 128, "optimizer": {"name": "SGD", "lr": 0.1}}
    parameters = Parameters(judged=judged, used=used or judged, trainable=judged)
    return Step(
        name=name,
        notes=notes or Notes(title="A step"),
        source="0" * 64,
        handed_in="0" * 64,
        network=Network(
            name="Net",
            digest="0" * 64,
            parameters=parameters,
            layers=[],
            multiply_adds=0,
            training_multiply_adds=0,
        ),
        recipe=Recipe.model_validate(recipe),
        runs=list(runs),
        fault=fault,
    )


def evidence(*steps: Step, name: str = "ada", fault: Fault | None = None) -> Evidence:
    """A submission on MNIST."""
    return Evidence(submission=name, dataset=DATASETS["mnist"], steps=list(steps), fault=fault)
