"""Training has the semantics of the ordinary PyTorch loop, and says what it did."""

import pytest
import torch
import torch.nn.functional as F
from asked import correct, independent, shifted
from torch import Tensor, nn

from harness import data
from harness.collect import trainer
from harness.collect.trainer import Training
from harness.recipe import Normalize, Recipe

PIXELS = Normalize(mean=0.3, std=0.3)


@pytest.fixture(scope="module")
def images() -> data.Images:
    return data.load("digits", data.folder())


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(324, 10)
    )


def recipe(**changes: object) -> Recipe:
    usual = {"epochs": 3, "batch_size": 100, "optimizer": {"name": "SGD", "lr": 0.1}}
    return Recipe.model_validate(usual | {"loss": "cross_entropy", "normalize": PIXELS} | changes)


def test_it_is_the_ordinary_loop(images: data.Images) -> None:
    """The same order of images gives the same losses, rates and weights as the loop of the books."""
    ours, theirs = network(), network()
    made = recipe(
        optimizer={"name": "SGD", "lr": 0.1, "momentum": 0.9},
        scheduler={"name": "StepLR", "step_size": 1, "gamma": 0.5},
    )
    training = Training(ours, made, images.train, images.train_labels, seed=5)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    inputs = (images.train / 255 - PIXELS.mean) / PIXELS.std
    for epoch in (1, 2, 3):
        trained = training.epoch(epoch)
        torch.manual_seed(trainer._derived(5, epoch))
        order = torch.randperm(len(inputs))
        total, correct = 0.0, 0
        theirs.train()
        rate = optimizer.param_groups[0]["lr"]
        for batch in order.split(100):
            optimizer.zero_grad()
            answers = theirs(inputs[batch])
            loss = F.cross_entropy(answers, images.train_labels[batch])
            loss.backward()
            optimizer.step()
            total += float(loss) * len(batch)
            correct += int((answers.argmax(1) == images.train_labels[batch]).sum())
        scheduler.step()
        assert trained.samples == len(inputs)
        assert trained.correct == correct
        assert trained.loss == pytest.approx(total / len(inputs), rel=1e-5)
        assert trained.learning_rate == rate
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {"name": "Adam", "lr": 0.01}},
        {"optimizer": {"name": "AdamW", "lr": 0.01}, "scheduler": {"name": "CosineAnnealingLR", "T_max": 3}},
        {"optimizer": {"name": "RMSprop", "lr": 0.01}, "scheduler": {"name": "ReduceLROnPlateau", "patience": 0}},
        {"scheduler": {"name": "OneCycleLR", "max_lr": 0.2, "total_steps": 45, "interval": "batch"}},
        {"scheduler": {"name": "CyclicLR", "base_lr": 0.01, "max_lr": 0.2, "interval": "batch"}},
        {"scheduler": {"name": "MultiStepLR", "milestones": [1, 2]}},
        {"augment": [{"name": "RandomErasing"}]},
        {"loss": {"name": "cross_entropy", "label_smoothing": 0.1}},
    ],
    ids=str,
)  # fmt: skip
def test_a_restored_training_goes_on_to_the_bit(
    images: data.Images, changes: dict[str, object]
) -> None:
    made = recipe(**changes)
    train, labels = images.train[:300], images.train_labels[:300]
    whole = network()
    training = Training(whole, made, train, labels, seed=1)
    training.epoch(1)
    saved = training.save(1)
    expected = [training.epoch(2), training.epoch(3)]
    resumed = network()
    other = Training(resumed, made, train, labels, seed=1)
    assert trainer.saved_epoch(saved) == 1
    other.restore(saved)
    assert [other.epoch(2), other.epoch(3)] == expected
    for mine, theirs in zip(
        resumed.state_dict().values(), whole.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, theirs)


def test_it_learns(images: data.Images) -> None:
    learner = network()
    training = Training(learner, recipe(epochs=8), images.train, images.train_labels, seed=1)
    test = data.scaled(images.test, PIXELS)
    before = correct(learner, test, images.test_labels)
    losses = [training.epoch(epoch).loss for epoch in range(1, 9)]
    assert losses[-1] < losses[0] / 3
    assert before < 100
    assert correct(learner, test, images.test_labels) > 320


def test_evaluation_leaves_the_images_as_they_were(images: data.Images) -> None:
    test = data.scaled(images.test, PIXELS)
    kept = test.clone()

    class Overwriting(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu(x, inplace=True).flatten(1)[:, :10]

    correct(Overwriting(), test, images.test_labels)
    assert torch.equal(test, kept)


class Mixing(nn.Module):
    """Answers by the batch: what no rule on the graph's shapes can see."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :10] - x.mean()


@pytest.mark.parametrize(
    ("answering", "alone"),
    [
        (network(), True),
        (Mixing(), False),
    ],
    ids=["honest", "mixing"],
)
def test_answers_must_not_depend_on_the_batch(
    images: data.Images, answering: nn.Module, alone: bool
) -> None:
    assert independent(answering, data.scaled(images.test, PIXELS)) == alone


def test_shifted_images_are_those_one_pixel_off() -> None:
    """A network that sees the middle pixel alone answers by the image that was moved onto it."""
    images = torch.zeros(2, 1, 28, 28)
    images[0, 0, 14, 14] = images[1, 0, 13, 14] = images[1, 0, 15, 14] = 1

    class Middle(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([1 - x[:, 0, 14, 14], x[:, 0, 14, 14]], 1)

    assert correct(Middle(), images, torch.tensor([1, 0])) == 2
    # Down or up, the second image's pixels come to the middle, and the first one's leave it.
    assert shifted(Middle(), images, torch.tensor([1, 0]), 0.0) == 0
    # What moves in is background, not the pixels from the other side.
    images = torch.zeros(1, 1, 28, 28)
    images[0, 0, 0, 0] = 1
    corner = nn.Sequential(nn.Flatten(), nn.Linear(784, 2, bias=False))
    with torch.no_grad():
        corner[1].weight.zero_()[1, 27] = 1
    assert shifted(corner, images, torch.tensor([0]), 0.0) == 1


@pytest.mark.parametrize(("rate", "moved"), [(0.1, True), (0.0, False)])
def test_weights_that_stand_still_are_seen(images: data.Images, rate: float, moved: bool) -> None:
    made = recipe(optimizer={"name": "SGD", "lr": rate})
    training = Training(network(), made, images.train[:50], images.train_labels[:50], seed=1)
    assert training.epoch(1).moved is moved


def test_pixels_are_scaled_as_totensor_and_normalize_do(images: data.Images) -> None:
    from torchvision.transforms import v2

    usual = v2.Compose(
        [v2.ToDtype(torch.float32, scale=True), v2.Normalize((PIXELS.mean,), (PIXELS.std,))]
    )
    assert torch.allclose(data.scaled(images.test, PIXELS), usual(images.test), atol=1e-6)
