"""What a notebook's training comes to as a recipe, and why some cannot be replayed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from observed import NORMAL, epoch, recipe, seen
from torch import nn
from torch.optim import SGD, lr_scheduler

from harness import data
from harness.collect import account
from harness.collect.trainer import Training
from harness.frames import ObservedEpoch, ObservedRecipe, Steps
from harness.recipe import Normalize

SIZE, BATCH = 1437, 100
EPOCHS = 3
IMAGE = [1, 28, 28]

Loop = Callable[[SGD, Any, int, int], None]
"""Called after each optimiser step, with the epoch and the step in it; 0 after the last."""


def looped(
    made: Callable[[SGD], Any] = lambda optimizer: None,
    loop: Loop = lambda optimizer, scheduler, epoch, step: None,
    **told: Any,
) -> tuple[list[ObservedEpoch], list[list[float]]]:
    """What a probe tells of the loop of the books, and the learning rates by epoch."""
    network = nn.Linear(4, 10)
    optimizer = SGD(network.parameters(), lr=0.1, momentum=0.9)
    scheduler = made(optimizer)
    seen_of = recipe(optimizer={"name": "SGD", "lr": 0.1, "momentum": 0.9}, **told)
    observed, rates = [], []
    for number in range(1, EPOCHS + 1):
        steps: list[Steps] = []
        for step in range(1, 16):
            group = optimizer.param_groups[0]
            samples = BATCH if step < 15 else SIZE % BATCH
            optimizer.step()
            steps.append(Steps(1, samples, group["lr"], group["momentum"], group["weight_decay"]))
            loop(optimizer, scheduler, number, step)
        loop(optimizer, scheduler, number, 0)
        observed.append(epoch(number, steps=steps, recipe=seen_of))
        rates.append([each.lr for each in steps])
    return observed, rates


def each_epoch(optimizer: SGD, scheduler: Any, epoch: int, step: int) -> None:
    if not step:
        scheduler.step()


def each_batch(optimizer: SGD, scheduler: Any, epoch: int, step: int) -> None:
    if step:
        scheduler.step()


def by_hand(optimizer: SGD, scheduler: Any, epoch: int, step: int) -> None:
    if not step:
        optimizer.param_groups[0]["lr"] /= 2


def warming(optimizer: SGD, scheduler: Any, epoch: int, step: int) -> None:
    if step:
        optimizer.param_groups[0]["lr"] = 0.1 * min(1, (15 * (epoch - 1) + step) / 30)


def decaying(optimizer: SGD, scheduler: Any, epoch: int, step: int) -> None:
    optimizer.param_groups[0]["weight_decay"] = 1e-4 * epoch


def calming(optimizer: SGD, scheduler: Any, epoch: int, step: int) -> None:
    optimizer.param_groups[0]["momentum"] = 0.9 / epoch


def plateau(optimizer: SGD, scheduler: Any, epoch: int, step: int) -> None:
    if not step:
        scheduler.step(1.0)


STEP = {"name": "StepLR", "step_size": 1, "gamma": 0.5, "interval": "epoch"}
CYCLE = {"name": "OneCycleLR", "max_lr": 0.3, "total_steps": 45, "interval": "batch"}


def step_lr(optimizer: SGD) -> Any:
    return lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)


def one_cycle(optimizer: SGD) -> Any:
    return lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=45)


def reduce_on_plateau(optimizer: SGD) -> Any:
    return lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)


RATES = "its learning rates are not those of its schedule"


@pytest.mark.parametrize(
    ("made", "loop", "told", "why"),
    [
        (lambda optimizer: None, lambda *_: None, {}, ""),
        (step_lr, each_epoch, {"scheduler": STEP, "stepped": True}, ""),
        (one_cycle, each_batch, {"scheduler": CYCLE, "stepped": True}, ""),
        (step_lr, lambda *_: None, {"schedulers": ["StepLR"]}, ""),  # made and never stepped
        (step_lr, each_epoch, {"scheduler": STEP | {"gamma": 0.1}, "stepped": True}, RATES),
        (step_lr, each_batch, {"scheduler": STEP, "stepped": True}, RATES),
        (one_cycle, each_batch, {"scheduler": CYCLE | {"cycle_momentum": False}, "stepped": True}, RATES),
        (one_cycle, each_batch, {"scheduler": CYCLE | {"total_steps": 40}, "stepped": True}, RATES),
        (lambda optimizer: None, by_hand, {}, RATES),
        (lambda optimizer: None, warming, {}, RATES),
        (lambda optimizer: None, decaying, {}, RATES),
        (lambda optimizer: None, calming, {}, RATES),
        (reduce_on_plateau, plateau,
         {"scheduler": {"name": "ReduceLROnPlateau", "patience": 0, "interval": "epoch"}, "stepped": True}, RATES),
    ],
    ids=["constant", "StepLR", "OneCycleLR", "unstepped", "other gamma", "by batch", "other momentum",
         "too short", "by hand", "warm-up", "decay by hand", "momentum by hand", "plateau"],
)  # fmt: skip
def test_a_schedule_is_replayed_only_if_it_gives_the_rates_that_were_seen(
    made: Callable[[SGD], Any], loop: Loop, told: dict[str, Any], why: str
) -> None:
    observed, _ = looped(made, loop, **told)
    assert account.unreplayable(account.recipe(EPOCHS, observed), observed, IMAGE, SIZE) == why


def test_a_schedule_that_is_shorter_than_the_training() -> None:
    told = {"scheduler": CYCLE | {"total_steps": 20}, "stepped": True}
    observed, _ = looped(
        lambda optimizer: lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=20),
        lambda optimizer, scheduler, epoch, step: (
            scheduler.step() if step and 15 * epoch + step < 35 else None
        ),
        **told,
    )
    why = account.unreplayable(account.recipe(EPOCHS, observed), observed, IMAGE, SIZE)
    assert "scheduler: Tried to step 21 times" in why or why == RATES


@pytest.mark.parametrize("kind", ["StepLR", "OneCycleLR"])
def test_what_is_replayed_trains_at_the_notebooks_rates(kind: str) -> None:
    """The whole way: a loop, its account, the recipe, the trusted side's own training."""
    if kind == "StepLR":
        observed, rates = looped(step_lr, each_epoch, scheduler=STEP, stepped=True)
    else:
        observed, rates = looped(one_cycle, each_batch, scheduler=CYCLE, stepped=True)
    made = account.recipe(EPOCHS, observed)
    assert made
    images = data.load("digits", data.folder())
    training = Training(
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), made, images.train, images.train_labels, 1
    )
    replayed = [training.epoch(number).learning_rate for number in range(1, EPOCHS + 1)]
    assert replayed == pytest.approx([each[0] for each in rates])
    assert made.batch_size == BATCH
    assert made.normalize == Normalize(mean=0.3, std=0.3)


def test_gradients_of_the_loss_that_crossed_are_torchs_own() -> None:
    made = account.recipe(
        1, [epoch(recipe=recipe(loss={"name": "cross_entropy", "label_smoothing": 0.1}))]
    )
    assert made
    from harness.collect import resolve

    answers, labels = torch.randn(4, 10), torch.tensor([1, 2, 3, 4])
    expected = F.cross_entropy(answers, labels, label_smoothing=0.1)
    assert torch.equal(resolve.loss(made)(answers, labels), expected)


ROW = Steps(14, BATCH, 0.1, 0.0, 0.0)
REST = Steps(1, SIZE % BATCH, 0.1, 0.0, 0.0)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (epoch(), ""),
        (epoch(size=1400, of=1400), "an epoch of its own is not one pass"),
        (epoch(samples=2 * SIZE), "an epoch of its own is not one pass"),
        (epoch(last=True), "an epoch of its own is not one pass"),
        (epoch(by_hand=2), "changed by hand"),
        (epoch(steps=[ROW, Steps(1, 20, 0.1, 0.0, 0.0), Steps(1, 17, 0.1, 0.0, 0.0)]), "batches are of several sizes"),
        (epoch(steps=[ROW, REST, Steps(10**9, 0, 0.1, 0.0, 0.0)]), "batches are of several sizes"),
        (epoch(steps=[replace(ROW, count=10**9), REST]), "steps are not one pass"),
        (epoch(steps=[]), "batches|steps are not one pass"),
        (epoch(recipe=recipe(optimizers=2)), "2 optimisers"),
        (epoch(recipe=recipe(optimizer=None)), "its optimiser is none of torch's"),
        (epoch(recipe=recipe(optimizer={"name": "Magic", "lr": 1})), "'Magic' is not one"),
        (epoch(recipe=recipe(optimizer={"name": "SGD", "lr": -1})), "optimizer: SGD"),
        (epoch(recipe=recipe(optimizer={"name": 5})), "nothing of its training was seen"),
        (epoch(recipe=recipe(optimizer={"name": "SGD", "lr": 0.1, "weight_decay": 0.1})), RATES),
        (epoch(recipe=recipe(loss=None)), "its loss is none of torch's"),
        (epoch(recipe=recipe(loss={"name": "mse_loss"})), "'mse_loss' is not one"),
        (epoch(recipe=recipe(train_transform=None)), "training images come from no data set"),
        (epoch(recipe=recipe(train_transform=[])), "no ToTensor"),
        (epoch(recipe=recipe(train_transform=[{"name": "Resize", "size": 10**9}, *NORMAL])), "size of at most 64"),
        (epoch(recipe=recipe(test_transform=[{"name": "ToTensor"}])), "transformed otherwise"),
        (epoch(recipe=recipe(stepped=True)), "its schedule is none of torch's"),
        (epoch(recipe=recipe(stepped=True, scheduler={"name": "LambdaLR", "interval": "epoch"})), "'LambdaLR' is not one"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_why_a_training_cannot_be_replayed(told: ObservedEpoch, why: str) -> None:
    made = account.recipe(1, [told])
    found = account.unreplayable(made, [told], IMAGE, SIZE)
    assert bool(found) == bool(why)
    assert any(each in found for each in why.split("|"))


def test_other_images_are_not_replayed() -> None:
    found = account.unreplayable(account.recipe(1, [epoch()]), [epoch()], [3, 32, 32], SIZE)
    assert found == "its images are 3 x 32 x 32"
    assert account.unreplayable(None, [], IMAGE, SIZE) == "nothing of its training was seen"


def test_what_the_library_has_no_name_for_stands_in_words() -> None:
    rotation = {"name": "RandomRotation", "degrees": 7}
    own = recipe(
        optimizer=None, loss=None, train_transform=[*NORMAL, rotation, {"name": "RandomErasing"}]
    )
    made = account.recipe(1, [epoch(recipe=own)])
    assert made
    assert (made.optimizer.name, made.loss.name) == ("an update by hand", "a loss of its own")
    assert [each.name for each in made.augment] == ["RandomRotation", "RandomErasing"]


@pytest.mark.parametrize(
    "transform",
    [[{}], [{"name": ["x"]}], [{"name": "RandomX", "transforms": 5}], [{"transforms": [1, {"name": "RandomY"}]}]],
    ids=str,
)  # fmt: skip
def test_no_account_of_transforms_breaks_the_reader(transform: list[dict[str, Any]]) -> None:
    told = [epoch(recipe=recipe(train_transform=transform, test_transform=transform))]
    made = account.recipe(1, told)
    assert account.unreplayable(made, told, IMAGE, SIZE)
    list(account.remarks(told, [], swapped=False))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (epoch(), []),
        (epoch(by_hand=1), ["its weights changed 1 time while no optimiser stepped"]),
        (epoch(by_hand=3), ["its weights changed 3 times while no optimiser stepped"]),
        (epoch(by_hand=3, steps=[], recipe=recipe(optimizer=None)), []),  # trained by hand throughout
        (epoch(steps=[Steps(15, 96, 0.1, 0.0, 0.0), Steps(2, 0, 0.1, 0.0, 0.0)]), ["2 of its optimiser's 17 steps followed no images that could be seen: the epochs are those of the others"]),
        (epoch(steps=[Steps(15, 96, 0.1, 0.0, 0.0), Steps(15, 0, 0.1, 0.0, 0.0)], recipe=recipe(optimizers=2)), []),
        (epoch(by_hand=3, recipe=recipe(optimizer=None)), ["its weights changed 3 times while no optimiser stepped"]),
    ],
)  # fmt: skip
def test_findings(told: ObservedEpoch, expected: list[str]) -> None:
    assert account.findings([told], before=180, size=360) == expected


def test_trained_weights_before_the_first_step_are_a_finding() -> None:
    (found,) = account.findings([epoch()], before=181, size=360)
    assert found.startswith("181 of 360 test images were answered right before its first step")


def noted(test: list[Any], told: ObservedRecipe | None = None, swapped: bool = False) -> str:
    return "; ".join(account.remarks([epoch(recipe=told or recipe())], test, swapped))


def test_remarks() -> None:
    assert noted([]) == ""
    assert noted([seen(10_000, 9_900)]) == ""
    unstepped = recipe(schedulers=["StepLR"])
    assert noted([], unstepped) == "a scheduler is defined and never stepped: StepLR"
    augmented = recipe(test_transform=[{"name": "RandomRotation", "degrees": 7}, *NORMAL])
    assert noted([], augmented) == "its test images are augmented at random"
    own = seen(10_000, 9_900, source="train")
    assert "are images of the training set (10,000 of them)" in noted([own])
    assert noted([own, seen(10_000, 9_900)]) == ""
    other = replace(seen(10, 9), seen=[replace(seen(10, 9).seen[0], other=True)])
    assert "other weights than those that it trains" in noted([other])
    assert "put other weights in place" in noted([], swapped=True)
