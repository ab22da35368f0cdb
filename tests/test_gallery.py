"""The reference submissions: each of the seeds' 23 steps is handed in as its document has it."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from seed_networks import CLAIMED, SEED_STEPS, TABLES_004, SeedStep, as_printed

from harness import data
from harness.claims import Claim
from harness.collect.workshop import Workshop
from harness.evidence import Evidence, Step
from harness.grade import check
from harness.rubric import find, load
from harness.store import Store

SUBMISSIONS = Path(__file__).parents[1] / "submissions"
FOLDERS = {
    "000": "s5-ten-steps",
    "001": "eva-assignment-5",
    "002": "coding-drill-down",
    "003": "task-2-under-20k",
    "004": "digit-recognizer-four-phases",
}
NOTEBOOKS = ("001", "003")


@cache
def checked(seed: str) -> Evidence:
    """A series as `harness check` sees it, on a small fixed sample."""
    with TemporaryDirectory() as folder:
        workshop = Workshop(Store(Path(folder)), data.folder(), "cpu")
        evidence = check(SUBMISSIONS / FOLDERS[seed], load(find("under-10k")), workshop).evidence
    assert evidence.fault is None
    return evidence


def steps(*seeds: str) -> pytest.MarkDecorator:
    """Steps as cases; a series is checked once, by one of the processes that share the tests."""
    cases = [
        pytest.param(step, id=str(step), marks=pytest.mark.xdist_group(f"gallery {step.seed}"))
        for step in SEED_STEPS
        if step.seed in seeds
    ]
    return pytest.mark.parametrize("step", cases)


def observed(step: SeedStep) -> Step:
    return checked(step.seed).steps[step.step - 1]


@pytest.mark.parametrize("seed", FOLDERS)
def test_a_series_has_the_steps_of_its_document(seed: str) -> None:
    folder = SUBMISSIONS / FOLDERS[seed]
    ending = "ipynb" if seed in NOTEBOOKS else "py"
    assert len(list(folder.glob(f"*.{ending}"))) == len(CLAIMED[seed])
    assert (folder / "README.md").is_file()


@steps(*FOLDERS)
def test_a_step_is_what_its_document_says(step: SeedStep) -> None:
    """Parameters, recipe, notes and claims; and that it runs."""
    found = observed(step)
    assert found.fault is None
    assert found.network is not None
    assert found.network.parameters.judged == found.network.parameters.used == step.parameters
    assert found.recipe is not None
    assert not found.defaulted
    assert shape(found.recipe.model_dump()) == shape(step.recipe)
    assert found.notes.kinds == ["target", "result", "analysis"]
    training, test = CLAIMED[step.seed][step.step - 1]
    assert said(found.claims, "test accuracy") == test
    assert said(found.claims, "training accuracy") == training
    (parameters, *_) = (claim for claim in found.claims if claim.quantity == "parameters")
    assert parameters.lowest is not None
    assert parameters.below is not None
    assert parameters.lowest <= step.parameters < parameters.below


def said(claims: list[Claim], quantity: str) -> float | None:
    """The first accuracy that the Result claims, in percent as it is written."""
    for claim in claims:
        if claim.quantity == quantity and claim.where == "result":
            assert claim.lowest is not None
            assert claim.below is not None
            return round((claim.lowest + claim.below) / 2, 3)
    return None


def shape(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe in one form: torchvision keeps `degrees=10` as (-10, 10), and fills with 0."""
    augment = []
    for transform in recipe.get("augment") or []:
        degrees = transform.get("degrees", 0)
        degrees = degrees[1] if isinstance(degrees, list | tuple) else degrees
        augment.append({"fill": 0, **transform, "degrees": degrees})
    scheduler = {"interval": "epoch", **recipe["scheduler"]} if recipe.get("scheduler") else None
    normalize = recipe.get("normalize") or data.NORMALIZE["mnist"].model_dump()
    loss = recipe["loss"] if isinstance(recipe["loss"], str) else recipe["loss"]["name"]
    kept = {key: recipe[key] for key in ("epochs", "batch_size", "optimizer")}
    return kept | {
        "augment": augment,
        "scheduler": scheduler,
        "normalize": normalize,
        "loss": loss,
    }


@steps("004")
def test_receptive_fields_are_those_that_document_004_prints(step: SeedStep) -> None:
    network = observed(step).network
    assert network is not None
    table = [as_printed(layer) for layer in network.layers]
    assert [row for row in table if row[0] not in ("ReLU", "LogSoftmax")] == TABLES_004[
        step.step - 1
    ]
