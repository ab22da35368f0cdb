"""Ways to a better grade than was earned, each built, and what becomes of them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from asked import correct, independent, shifted, train
from crossing import Net, crossed, small
from test_honest import GhostBatchNorm
from torch import Tensor, nn

from harness import data
from harness.collect.count import count
from harness.collect.graph import GraphNetwork
from harness.collect.remarks import remarks
from harness.collect.rules import Refused
from harness.collect.state import redrawn
from harness.inside import capture
from harness.recipe import Normalize, Recipe

PIXELS = Normalize(mean=0.3, std=0.3)
BACKGROUND = -PIXELS.mean / PIXELS.std


@pytest.fixture(scope="module")
def digits() -> data.Images:
    return data.load("digits", data.folder())


@pytest.fixture(scope="module")
def learned(digits: data.Images) -> nn.Module:
    """A network that knows the digits."""
    torch.manual_seed(0)
    network = small()
    recipe = Recipe.model_validate(
        {"epochs": 6, "batch_size": 64, "optimizer": {"name": "SGD", "lr": 0.1}}
        | {"loss": "cross_entropy", "normalize": PIXELS}
    )
    train(network, recipe, digits)
    return network


def test_stored_knowledge_does_not_survive(learned: nn.Module, digits: data.Images) -> None:
    test = data.scaled(digits.test, PIXELS)
    candidate = crossed(learned)
    assert correct(learned, test, digits.test_labels) > 300
    fresh = GraphNetwork(candidate, redrawn(candidate, seed=1))
    assert correct(fresh, test, digits.test_labels) < 150


def test_a_seed_in_the_constructor_does_not_make_all_runs_one() -> None:
    class Seeded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(42)
            self.head = nn.Linear(784, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x.flatten(1))

    candidate = crossed(Seeded())
    one, other = (redrawn(candidate, seed)["head.weight"] for seed in (1, 2))
    assert (one != other).float().mean() > 0.99


def test_scored_runs_start_from_redrawn_weights() -> None:
    network = small()
    with torch.no_grad():
        network[1].running_mean.fill_(5)
        network[1].num_batches_tracked.fill_(9)
    candidate = crossed(network)
    state = redrawn(candidate, seed=1)
    handed_in = candidate.tensors["4.weight"]
    assert torch.isin(state["4.weight"], handed_in).float().mean() < 0.1
    assert state["4.weight"].std() == pytest.approx(float(handed_in.std()), rel=0.1)
    assert state["4.weight"].min() >= handed_in.min()
    assert state["4.weight"].max() <= handed_in.max()
    assert torch.equal(state["1.weight"], torch.ones(4))  # a constant stays what it is
    assert state["1.running_mean"].tolist() == [0] * 4
    assert state["1.running_var"].tolist() == [1] * 4
    assert state["1.num_batches_tracked"] == 0
    again, other = redrawn(candidate, seed=1), redrawn(candidate, seed=2)
    assert torch.equal(again["4.weight"], state["4.weight"])
    assert not torch.equal(other["4.weight"], state["4.weight"])


def remembered(images: Tensor, labels: Tensor) -> Iterator[tuple[int, int]]:
    """The sum of each image's pixels in a corner of its own, as a whole number, and its label."""
    for image, label in zip(images, labels, strict=True):
        yield int(image[0, 8:20, 8:20].sum() * 100), int(label)


def test_a_table_hidden_in_sizes_misses_shifted_images(digits: data.Images) -> None:
    """Sizes of expanded values that depend on an image are whole numbers that no count sees."""
    images, labels = (
        data.scaled(digits.test[:20], Normalize(mean=0, std=1)),
        digits.test_labels[:20],
    )
    table = list(remembered(images, labels))

    def look_up(net: Net, x: Tensor) -> Tensor:
        seen = x[:, 0, 8:20, 8:20].sum((1, 2), keepdim=True).flatten(1) * 100
        one = seen * 0 + 1
        scores = [one * 0 for _ in range(10)]
        for total, label in table:
            known = one.expand(-1, total).sum(1, keepdim=True)
            near = one.expand(-1, 20).sum(1, keepdim=True) - (seen - known).abs()
            scores[label] = scores[label] + F.relu(near)
        return torch.cat(scores, 1) + net.head(x.flatten(1)) * 1e-3

    candidate = crossed(Net(look_up))
    assert count(candidate).judged < 7_850 + 100
    network = GraphNetwork(candidate, candidate.tensors)
    assert correct(network, images, labels) >= 18
    assert shifted(network, images, labels, 0.0) <= 12


def test_refuses_weights_hidden_in_the_order_of_a_list() -> None:
    """Seen: 348 of 360 digits without training, from one counted parameter, shifted ones too."""
    order = torch.randint(10, (1_960,)).tolist()

    def weights_in_order(net: Net, x: Tensor) -> Tensor:
        one = x.flatten(1)[:, :1] * 0 + 1
        digits = [one * digit for digit in range(10)]
        weights = torch.cat([digits[digit] for digit in order], 1).view(-1, 10, 196)
        return (weights @ F.avg_pool2d(x, 2).view(-1, 196, 1)).squeeze(2) * net.head.bias

    with pytest.raises(Refused, match="values that cat and stack take"):
        crossed(Net(weights_in_order))


def test_refuses_a_memory_for_weights_beside_spectral_norm() -> None:
    class Remembering(nn.Module):
        """Keeps early weights, which are free, while its parameter goes on to learn others."""

        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(784, 1)
            self.register_buffer("kept", torch.zeros(784))
            self.out = nn.Linear(2, 10)

        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                with torch.no_grad():
                    torch.div(self.kept * 0.9 + self.head.weight[0], 1.0, out=self.kept)
            x = x.flatten(1)
            return self.out(torch.cat([self.head(x), (x @ self.kept.clone())[:, None]], 1))

    with pytest.raises(Refused, match="div changes kept"):
        crossed(Remembering())


def test_tiny_scores_do_not_hide_what_depends_on_the_batch() -> None:
    class Mixing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            scores = x.flatten(1)[:, :10]
            return (scores + 10 * scores.mean(0)) * 1e-7

    assert not independent(Mixing(), torch.rand(2_000, 1, 28, 28))


def test_one_that_learned_is_little_worse_on_shifted_images(
    learned: nn.Module, digits: data.Images
) -> None:
    test = data.scaled(digits.test, PIXELS)
    known = correct(learned, test, digits.test_labels)
    assert shifted(learned, test, digits.test_labels, BACKGROUND) > 0.75 * known


def test_chance_does_not_hide_what_depends_on_the_batch() -> None:
    """Dropout that is never off makes answers differ; without it they are compared all the same."""
    torch.manual_seed(0)
    candidate = crossed(Net(lambda net, x: F.dropout(net.head(x.flatten(1)), 0.5)))
    images = torch.rand(40, 1, 28, 28)
    shaken = GraphNetwork(candidate, candidate.tensors)
    steady = GraphNetwork(replace(candidate, evaluation=candidate.unshaken), candidate.tensors)
    assert not independent(shaken, images)
    assert independent(steady, images)
    with torch.no_grad():
        assert torch.equal(steady(images), without_dropout(candidate.tensors, images))
    (remark,) = remarks(candidate)
    assert "never switched off" in remark


def without_dropout(tensors: dict[str, Tensor], images: Tensor) -> Tensor:
    return F.linear(images.flatten(1), tensors["head.weight"], tensors["head.bias"])


def test_what_is_no_attack_is_not_remarked() -> None:
    assert remarks(crossed(nn.Sequential(small(), nn.Dropout(0.1)))) == []


def test_ghost_batch_norm_is_remarked() -> None:
    network = nn.Sequential(GhostBatchNorm(1, 2), nn.Flatten(), nn.Linear(784, 10))
    (remark,) = remarks(crossed(network, capture.SPLIT_BATCH))
    assert "mean over the parts" in remark


def test_many_statistics_are_remarked() -> None:
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Linear(784, 10))
    (remark,) = remarks(crossed(network))
    assert "1,568 running statistics: 568 of them count" in remark


def test_knowledge_in_many_small_tensors_does_not_survive_either() -> None:
    """A trained layer, held as one parameter for each of its numbers."""

    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.numbers = nn.ParameterList(torch.randn(()) for _ in range(40))

        def forward(self, x: Tensor) -> Tensor:
            weights = torch.stack(list(self.numbers)).view(10, 4)
            return F.linear(F.adaptive_avg_pool2d(x, 2).flatten(1), weights)

    network = Cut()
    state = redrawn(crossed(network), seed=1)
    kept = [
        float(value) == float(n) for value, n in zip(state.values(), network.numbers, strict=True)
    ]
    assert sum(kept) <= 2
    few = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.PReLU(), nn.PReLU(init=0.1))
    state = redrawn(crossed(few), seed=1)
    assert [round(float(state[name]), 2) for name in ("2.weight", "3.weight")] == [0.25, 0.1]
