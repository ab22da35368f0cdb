"""Knowledge that a submission brings with it: trained weights, test images, and their answers."""

import base64
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from asked import correct, train
from batches import Laboratory, last_correct, only_step
from crossing import Net, crossed
from networks import IMPORTS
from notebook_samples import LOOPS, SETUP, notebook
from step_samples import RECIPE, step
from torch import Tensor, nn

from harness import data
from harness.collect.count import count
from harness.collect.graph import GraphNetwork
from harness.collect.state import redrawn
from harness.grade import grade
from harness.recipe import Recipe

CHANCE = 110
"""Of 360 digits; 3 of 10 are right by luck at most, and trained weights answer 330."""

VIEW = data.NORMALIZE["digits"]


@pytest.fixture(scope="module")
def digits() -> data.Images:
    return data.load("digits", data.folder())


@pytest.fixture(scope="module")
def learned(digits: data.Images) -> nn.Linear:
    """One layer that knows the digits, from images of 14 x 14 pixels."""
    torch.manual_seed(0)
    head = nn.Linear(196, 10)
    network = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), head)
    recipe = Recipe.model_validate(
        {"epochs": 8, "batch_size": 32, "optimizer": {"name": "SGD", "lr": 0.05}}
        | {"loss": "cross_entropy", "normalize": VIEW}
    )
    train(network, recipe, digits)
    test = data.scaled(digits.test, VIEW)
    assert correct(network, test, digits.test_labels) > 330
    return head


def text_of(numbers: Tensor) -> str:
    """An expression for numbers, as a text in the source."""
    told = base64.b64encode(numbers.detach().contiguous().numpy().tobytes()).decode()
    shape = list(numbers.shape)
    return f"torch.frombuffer(bytearray(base64.b64decode('{told}')), dtype=torch.float32).view({shape}).clone()"


def as_texts(weight: Tensor, bias: Tensor) -> str:
    return f"""
self.head = nn.Linear(196, 10)
with torch.no_grad():
    self.head.weight.copy_({text_of(weight)})
    self.head.bias.copy_({text_of(bias)})
"""


def permuted(weight: Tensor, bias: Tensor) -> str:
    """The answers stand under other digits, so that none is right before training."""
    return as_texts(weight.roll(1, 0), bias.roll(1, 0))


def frozen(weight: Tensor, bias: Tensor) -> str:
    scale = "self.scale = nn.Parameter(torch.ones(1))"
    return f"{as_texts(weight, bias)}\nself.head.requires_grad_(False)\n{scale}"


def as_a_list(weight: Tensor, bias: Tensor) -> str:
    return f"""
self.head = nn.Linear(196, 10)
self.head.weight = nn.Parameter(torch.tensor({[[round(v, 4) for v in row] for row in weight.tolist()]}))
self.head.bias = nn.Parameter(torch.tensor({[round(v, 4) for v in bias.tolist()]}))
"""


BRINGING = [as_texts, permuted, frozen, as_a_list]


def class_with(init: str) -> str:
    lines = "\n".join(f"        {line}" for line in init.strip().splitlines())
    return f"""{IMPORTS}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = 1
{lines}

    def forward(self, x):
        return F.log_softmax(self.head(F.avg_pool2d(x, 2).flatten(1)) * self.scale, 1)
"""


IDLE = RECIPE.replace('"lr": 0.1', '"lr": 1e-9')
"""A training that learns nothing: what is answered right was brought along."""


@pytest.fixture(scope="module")
def brought(best: Laboratory, learned: nn.Linear) -> dict[str, tuple[int, int]]:
    """By way of bringing: right answers before training and after one that teaches nothing."""
    sources = [class_with(way(learned.weight, learned.bias)) for way in BRINGING]
    files = {f"step_{n}.py": f"{source}\n{IDLE}" for n, source in enumerate(sources, 1)}
    steps = best.attack(files).evidence.steps
    assert [each.fault for each in steps] == [None] * len(BRINGING)
    runs = [each.runs[0] for each in steps]
    return {
        way.__name__: (run.before_training, run.epochs[-1].test_correct)
        for way, run in zip(BRINGING, runs, strict=True)
    }


@pytest.mark.parametrize("way", BRINGING)
def test_trained_weights_in_the_source_are_forgotten(
    brought: dict[str, tuple[int, int]], way: Callable[[Tensor, Tensor], str]
) -> None:
    assert max(brought[way.__name__]) < CHANCE


@pytest.fixture(scope="module")
def pretrained(best: Laboratory, learned: nn.Linear) -> dict[str, str]:
    """Notebooks that train weights which were trained before, by way of bringing them."""
    fit = "torch.manual_seed(1)\nmodel = Net()\nfit(model, 2, lr=1e-9)"
    return {
        way.__name__: notebook(SETUP, LOOPS, class_with(way(learned.weight, learned.bias)), fit)
        for way in BRINGING
    }


def test_a_notebook_that_begins_with_trained_weights_is_told_so(
    best: Laboratory, pretrained: dict[str, str]
) -> None:
    scorecard = best.attack({"Step_1.ipynb": pretrained["as_texts"]})
    (run,) = only_step(scorecard).observed
    assert run.observed is not None
    assert any("were answered right before its first step" in f for f in run.observed.findings)
    (integrity,) = (mark for mark in scorecard.marks if mark.check == "integrity")
    assert integrity.points == 0
    assert any("began with weights that were trained before" in told for told in integrity.review)


@pytest.mark.parametrize("way", ["as_texts", "permuted"])
def test_a_replay_starts_without_them(
    best: Laboratory, pretrained: dict[str, str], way: str
) -> None:
    path = best.put({"Step_1.ipynb": pretrained[way]})
    scorecard = grade(path, best.rubric, best.workshop, lambda told: None, replay=True)
    assert only_step(scorecard).integrity == "replayed"
    assert last_correct(scorecard) < CHANCE
    assert scorecard.verdict == "failed"
    best.expect_unharmed()


# Test images ------------------------------------------------------------------------------------


def table(images: Tensor, labels: Tensor) -> str:
    """A nearest neighbour among the test images, of 14 x 14 pixels each."""
    small = F.avg_pool2d(images, 2).flatten(1)
    return f"""{IMPORTS}
KNOWN = {text_of(small)}
LABELS = {text_of(F.one_hot(labels, 10).float())}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        x = F.avg_pool2d(x, 2).flatten(1)
        near = 2 * x @ KNOWN.t() - KNOWN.square().sum(1)
        return F.log_softmax((near * 100).softmax(1) @ LABELS * 20 * self.scale, 1)
"""


@pytest.fixture(scope="module")
def tables(digits: data.Images) -> str:
    return table(data.scaled(digits.test, VIEW), digits.test_labels)


def test_test_images_in_a_definition_count_and_are_forgotten(best: Laboratory, tables: str) -> None:
    scorecard = best.attack({"step_1.py": f"{tables}\n{IDLE}"})
    network = only_step(scorecard).network
    assert network is not None
    assert network.parameters.judged > 360 * 196
    assert last_correct(scorecard) < CHANCE
    assert scorecard.verdict == "failed"


def test_test_images_in_a_notebook_count(best: Laboratory, tables: str) -> None:
    scorecard = best.attack(
        {"Step_1.ipynb": notebook(SETUP, LOOPS, tables, "fit(Net(), 1, lr=1e-9)")}
    )
    only = only_step(scorecard)
    assert only.network is not None
    assert only.network.parameters.judged > 360 * 196
    parameters, integrity = (
        next(mark for mark in scorecard.marks if mark.check == check)
        for check in ("parameters", "integrity")
    )
    assert parameters.points == 0
    assert integrity.points == 0
    assert any("right before its first step" in told for told in integrity.review)


# What is computed from stored numbers --------------------------------------------------------------


def test_two_weights_in_each_number_are_forgotten_too(
    learned: nn.Linear, digits: data.Images
) -> None:
    """Adding and subtracting 2 ** 23 rounds, so that a number's rest holds another."""
    high = (learned.weight.detach() * 1_000).round()
    low = torch.rand(10, 196) * 0.4

    def unpacked(net: Net, x: Tensor) -> Tensor:
        whole = (net.packed + 8_388_608.0) - 8_388_608.0
        rest = net.packed - whole
        x = F.avg_pool2d(x, 2).flatten(1)
        return F.linear(x, whole / 1_000, net.bias) + 0.0 * F.linear(x, rest)

    network = Net(unpacked)
    network.packed = nn.Parameter(high + low)
    network.bias = nn.Parameter(learned.bias.detach().clone())
    candidate = crossed(network)
    test = data.scaled(digits.test, VIEW)
    known = GraphNetwork(candidate, candidate.tensors)
    assert correct(known, test, digits.test_labels) > 330
    fresh = GraphNetwork(candidate, redrawn(candidate, seed=1))
    assert correct(fresh, test, digits.test_labels) < CHANCE


def test_a_classifier_in_the_sizes_of_values_counts(learned: nn.Linear) -> None:
    """Seen: weights without training, as digits in the `alpha` of additions and as sizes."""
    weights = learned.weight[:, :16].tolist()

    def by_alpha(net: Net, x: Tensor) -> Tensor:
        features = F.adaptive_avg_pool2d(x, 4).flatten(1)
        scores = []
        for row in weights:
            total = net.head(x.flatten(1))[:, :1] * 0
            for place, weight in enumerate(row):
                alpha = max(2, min(9, int(abs(weight) * 100)))
                total = torch.add(total, features[:, place : place + 1], alpha=alpha)
            scores.append(total)
        return torch.cat(scores, 1)

    assert count(crossed(Net(by_alpha))).judged >= 7_850 + 160


def test_a_weight_in_each_of_many_small_tensors_costs_two_of_them() -> None:
    """Two entries that are nearly equal survive a new draw: few tensors hold, and each counts."""

    class Pairs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pairs = nn.ParameterList(
                torch.randn(1) + torch.tensor([0.0, 1e-6]) for _ in range(160)
            )

        def forward(self, x: Tensor) -> Tensor:
            weights = torch.stack([pair.mean() for pair in self.pairs]).view(10, 16)
            return F.linear(F.adaptive_avg_pool2d(x, 4).flatten(1), weights)

    assert count(crossed(Pairs())).judged == 2 * 160


# Training that looks like more than it is -------------------------------------------------------------


def test_epochs_in_which_nothing_moves_are_one(best: Laboratory) -> None:
    """A learning rate of nought in the last epochs keeps one lucky one."""
    schedule = '"epochs": 5, "scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.0}'
    still = RECIPE.replace('"epochs": 2', schedule)
    checks = [
        each.model_copy(update={"last_epochs": 3}) if each.kind == "accuracy" else each
        for each in best.rubric.checks
    ]
    rubric = best.rubric.model_copy(update={"checks": checks})
    scorecard = best.attack({"step_1.py": step("Still.", recipe=still)}, rubric)
    moved = [epoch.moved for epoch in only_step(scorecard).runs[0].epochs]
    assert moved == [True, False, False, False, False]
    (accuracy,) = (mark for mark in scorecard.marks if mark.check == "accuracy")
    assert accuracy.points == 0
    (integrity,) = (mark for mark in scorecard.marks if mark.check == "integrity")
    assert any("the weights stood still in epoch 2, 3, 4, 5" in told for told in integrity.review)


def test_an_optimiser_that_calls_a_closure_is_refused(best: Laboratory) -> None:
    closure = RECIPE.replace('"SGD"', '"LBFGS"')
    fault = only_step(best.attack({"step_1.py": step("Closed.", recipe=closure)})).fault
    assert fault is not None
    assert (fault.owner, fault.stage) == ("submission", "recipe")


LBFGS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(196, 10)

    def forward(self, x):
        return F.log_softmax(self.head(F.avg_pool2d(x, 2).flatten(1)), 1)

model = Net()
optimizer = optim.LBFGS(model.parameters(), max_iter=30, line_search_fn="strong_wolfe")
for data, target in torch.utils.data.DataLoader(train_set, batch_size=len(train_set)):
    def closure():
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        return loss
    optimizer.step(closure)
test(model)
"""


def test_a_closures_backward_passes_are_epochs(best: Laboratory) -> None:
    """All images were back-propagated thirty times in what is called one epoch."""
    scorecard = best.attack({"Step_1.ipynb": notebook(SETUP, LOOPS, LBFGS)})
    (epochs,) = (mark for mark in scorecard.marks if mark.check == "epochs")
    assert epochs.points == 0
    (run,) = only_step(scorecard).observed
    assert sum(epoch.samples for epoch in run.epochs) > 15 * 1_437
