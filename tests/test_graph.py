"""What the trusted side admits and how it counts: the rules, and the holes that they close."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from crossing import crossed, handed_over
from torch import Tensor, nn

from harness.collect.count import count
from harness.collect.graph import GraphNetwork, admit
from harness.collect.rules import Refused
from harness.collect.state import redrawn, reset


class Net(nn.Module):
    """784 to 10 through whatever a test puts between."""

    def __init__(self, forward: Callable[["Net", Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.head = nn.Linear(784, 10)
        self.between = forward

    def forward(self, x: Tensor) -> Tensor:
        if self.between is not None:
            return self.between(self, x)
        return self.head(x.flatten(1))


def small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(324, 10)
    )


def test_counts_what_pytorch_counts() -> None:
    network = small()
    counted = count(crossed(network))
    expected = sum(parameter.numel() for parameter in network.parameters())
    assert (counted.judged, counted.used, counted.trainable) == (expected, expected, expected)


def test_an_unused_layer_is_held_and_not_used() -> None:
    network = Net()
    network.spare = nn.Linear(10, 10)
    counted = count(crossed(network))
    assert (counted.judged, counted.used) == (7_850 + 110, 7_850)


def test_tied_weights_count_once() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Linear(10, 10), nn.Linear(10, 10))
    network[3].weight = network[2].weight
    assert count(crossed(network)).judged == 7_850 + 110 + 10


def test_frozen_parameters_and_buffers_count() -> None:
    network = Net(lambda net, x: net.head(x.flatten(1) * net.mask))
    network.register_buffer("mask", torch.rand(784))
    network.head.weight.requires_grad_(False)
    counted = count(crossed(network))
    assert (counted.judged, counted.trainable) == (7_850 + 784, 10)


def test_parameters_in_lists_and_closures_count() -> None:
    hidden = torch.randn(784)
    network = Net(lambda net, x: net.head(x.flatten(1) + hidden + net.more[0]))
    network.more = [torch.randn(784)]
    assert count(crossed(network)).judged == 7_850 + 2 * 784


def test_overridden_parameters_are_not_asked() -> None:
    class Liar(Net):
        def parameters(self, recurse: bool = True):  # type: ignore[no-untyped-def]
            return iter([])

    assert count(crossed(Liar())).judged == 7_850


def test_floats_in_the_graph_count() -> None:
    network = Net(lambda net, x: net.head(x.flatten(1)) * 0.25 + 0.5)
    assert count(crossed(network)).judged == 7_850 + 2


def test_generated_weights_count_as_what_they_become() -> None:
    class Generated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Parameter(torch.randn(10, 1)), nn.Parameter(torch.randn(784))

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x.flatten(1), self.left * self.right)

    assert count(crossed(Generated())).judged == 7_840


def test_weight_norm_stays_what_it_holds() -> None:
    network = nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(784, 10)))
    assert count(crossed(network)).judged == 7_850 + 10


def test_batch_statistics_are_free_up_to_a_thousand() -> None:
    few = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(500, affine=False), nn.Linear(500, 10))
    few.insert(1, nn.Linear(784, 500, bias=False))
    assert count(crossed(few)).judged == 784 * 500 + 5_010
    many = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784, affine=False), nn.Linear(784, 10))
    assert count(crossed(many)).judged == 7_850 + 2 * 784 - 1_000


def reading_statistics(net: Net, x: Tensor) -> Tensor:
    return net.head(net.norm(x).flatten(1) + net.norm.running_mean.sum())


def mixing_images(net: Net, x: Tensor) -> Tensor:
    return net.head((x - x.mean(0, keepdim=True)).flatten(1))


def counting_images(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1)) * x.shape[0]


def weights_from_images(net: Net, x: Tensor) -> Tensor:
    return F.linear(x.flatten(1), x.flatten(1)[:10] * net.head.weight)


def batch_statistics(net: Net, x: Tensor) -> Tensor:
    return net.head(
        F.batch_norm(x, net.norm.running_mean, net.norm.running_var, training=True).flatten(1)
    )


def no_statistics(net: Net, x: Tensor) -> Tensor:
    return net.head(F.batch_norm(x, None, None, training=True).flatten(1))


def constants_from_nothing(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1) * torch.arange(784, dtype=torch.float32))


def packed_numbers(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1) * torch.floor(net.head.weight[0]))


def double_precision(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1).double().float())


def mixing_by_softmax(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1)).softmax(0)


def shifting_along_the_batch(net: Net, x: Tensor) -> Tensor:
    return F.pad(net.head(x.flatten(1)), (0, 0, 1, -1))


def knowing_the_number_of_images(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1)) * net.head.bias[:1].expand(x.shape[0]).sum()


def norm_over_the_batch(net: Net, x: Tensor) -> Tensor:
    return torch._weight_norm(net.head(x.flatten(1)), torch.ones(1, 10), 1)


def keeping_statistics(net: Net, x: Tensor) -> Tensor:
    mean, variance = net.norm.running_mean, net.norm.running_var
    return net.head(F.instance_norm(x, mean, variance, momentum=1.0).flatten(1) - mean)


def noise(net: Net, x: Tensor) -> Tensor:
    scores = net.head(x.flatten(1))
    return scores + 1e-7 * torch.randn_like(scores)


def mixing_by_einsum(net: Net, x: Tensor) -> Tensor:
    scores = net.head(x.flatten(1))
    return torch.einsum("nd,md->nd", scores, scores)


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (mixing_by_softmax, "mixes images"),
        (shifting_along_the_batch, "mixes images"),
        (knowing_the_number_of_images, "mixes images"),
        (norm_over_the_batch, "weights must not depend on the images"),
        (keeping_statistics, "instance norm with running statistics"),
        (noise, "random numbers are not drawn in evaluation"),
        (mixing_by_einsum, "mixes images"),
        (reading_statistics, "running statistic"),
        (mixing_images, "mixes images"),
        (counting_images, "batch's size"),
        (weights_from_images, "weights must not depend on the images"),
        (batch_statistics, "batch's own statistics"),
        (no_statistics, "without running statistics"),
        (constants_from_nothing, "arange is not allowed"),
        (packed_numbers, "floor is not allowed"),
        (double_precision, "float32 is the only type"),
    ],
)
def test_refuses_with_what_was_found(forward: Callable[[Net, Tensor], Tensor], words: str) -> None:
    network = Net(forward)
    network.norm = nn.BatchNorm2d(1)
    with pytest.raises(Refused, match=words) as refusal:
        crossed(network)
    assert refusal.value.owner == "submission"


def test_refuses_double_parameters() -> None:
    with pytest.raises(Refused, match="must be float32"):
        crossed(Net(lambda net, x: net.head(x.flatten(1))).requires_grad_().apply(_halved))


def _halved(module: nn.Module) -> None:
    module.register_buffer("extra", torch.zeros(3, dtype=torch.float16))


def test_refuses_a_network_that_asks_for_a_terabyte() -> None:
    network = Net(lambda net, x: net.head(x.repeat(1, 10_000, 1, 1).mean(1).flatten(1)))
    with pytest.raises(Refused, match="too large"):
        crossed(network)


def test_refuses_a_network_that_computes_without_end() -> None:
    layers = [nn.Conv2d(1, 64, 3, padding=1), *[nn.Conv2d(64, 64, 3, padding=1)] * 9]
    with pytest.raises(Refused, match="multiply-adds"):
        crossed(nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 784, 10)))


def test_an_unknown_operator_is_the_harnesss_gap() -> None:
    with pytest.raises(Refused, match=r"aten\.erf\.default") as refusal:
        crossed(Net(lambda net, x: net.head(x.flatten(1).erf())))
    assert refusal.value.owner == "harness"


def test_refuses_a_counter_that_is_read() -> None:
    network = Net(lambda net, x: net.head(x.flatten(1)) * net.number)
    network.register_buffer("number", torch.tensor(7))
    with pytest.raises(Refused, match="batch counter"):
        crossed(network)


def test_refuses_a_parameter_that_changes_in_the_forward_pass() -> None:
    network = Net(lambda net, x: net.head(x.flatten(1)) * net.count.add_(1.0))
    network.register_buffer("count", torch.zeros(()))
    with pytest.raises(Refused, match="changes count during the forward pass"):
        crossed(network)


def test_an_unused_batch_norm_is_held_as_any_layer() -> None:
    network = Net()
    network.spare = nn.BatchNorm2d(16)
    counted = count(crossed(network))
    assert (counted.judged, counted.used) == (7_850 + 32, 7_850)


def test_einsum_within_an_image_passes() -> None:
    network = Net(lambda net, x: torch.einsum("ni,oi->no", x.flatten(1), net.head.weight))
    assert count(crossed(network)).judged == 7_850


def test_whole_numbers_do_not_hide_weights() -> None:
    network = Net(lambda net, x: net.head(x.flatten(1)) * 123_456_789)
    assert count(crossed(network)).judged == 7_851


def test_sizes_do_not_hide_weights() -> None:
    """A table of answers made of the sizes of `torch.ones`."""

    def table(net: Net, x: Tensor) -> Tensor:
        return net.head(x.flatten(1)) + torch.stack([torch.ones(k).sum() for k in range(11, 21)])

    assert count(crossed(Net(table))).judged >= 7_850 + 10


def test_slopes_do_not_hide_weights() -> None:
    def slopes(net: Net, x: Tensor) -> Tensor:
        table = [F.leaky_relu(-torch.ones(1), 0.1 * k) for k in range(1, 11)]
        return net.head(x.flatten(1)) + torch.cat(table)

    assert count(crossed(Net(slopes))).judged >= 7_850 + 10


def test_a_parameter_shown_many_times_counts_once() -> None:
    def class_token(net: Net, x: Tensor) -> Tensor:
        rows = x[:, 0] + net.token.expand(x.shape[0], -1, -1) + net.token[0].expand(28, 28)
        return net.head(rows.flatten(1))

    network = Net(class_token)
    network.token = nn.Parameter(torch.randn(1, 1, 28))
    assert count(crossed(network)).judged == 7_850 + 28


def keyword(definition: dict[str, Any], name: str) -> None:
    definition["training"]["calls"][0]["keywords"][name] = 1


def in_place_by_keyword(definition: dict[str, Any]) -> None:
    """`add_(other=activation, self=parameter)`: the first value named is not what changes."""
    graph = definition["evaluation"]
    parameter = next(name for name, tensor in graph["reads"].items() if tensor == "1.weight")
    call = graph["calls"][-1] | {
        "name": "forged",
        "operator": "aten.add_.Tensor",
        "arguments": [],
        "keywords": {"other": {"value": graph["calls"][0]["name"]}, "self": {"value": parameter}},
    }
    graph["calls"].append(call)


def statistics_by_keyword(definition: dict[str, Any]) -> None:
    """Running statistics as the weight of a batch norm, past a check of positions alone."""
    for graph in (definition["training"], definition["evaluation"]):
        (call,) = (c for c in graph["calls"] if "batch_norm" in c["operator"])
        names = ("input", "weight", "bias", "running_mean", "running_var")
        call["keywords"] = dict(zip(names, call["arguments"], strict=False))
        names = ("training", "momentum", "eps", "cudnn_enabled")
        call["keywords"] |= dict(zip(names, call["arguments"][5:], strict=True))
        call["keywords"]["weight"] = call["keywords"]["running_var"]
        call["arguments"] = []


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: keyword(d, "x=1); import os; os._exit(9); ("),
        lambda d: keyword(d, "x=1)\r    return None\rimport os; os._exit(9)\rif (0"),
        lambda d: keyword(d, "input"),
        in_place_by_keyword,
        statistics_by_keyword,
        lambda d: d["training"]["calls"].reverse(),
        lambda d: d["training"].update(output="nothing"),
        lambda d: d["training"].update(output=next(iter(d["training"]["reads"]))),
        lambda d: d["evaluation"]["reads"].update(x="no tensor"),
        lambda d: d["tensors"].pop(),
        lambda d: d["tensors"].append(d["tensors"][0]),
        lambda d: d.pop("training"),
        lambda d: d["training"]["calls"][0]["arguments"].append({"code": "print(1)"}),
        lambda d: d["training"]["calls"][0].update(arguments=[{"value": "tensor_0"}] * 40),
    ],
)
def test_refuses_a_forged_graph(damage: Callable[[dict[str, object]], object]) -> None:
    definition, tensors = handed_over(small())
    described = json.loads(definition)
    damage(described)
    with pytest.raises(Refused):
        admit(json.dumps(described).encode(), tensors)


def test_refuses_bytes_that_are_no_tensors() -> None:
    definition, tensors = handed_over(small())
    for bad in (b"", b"x" * 100, tensors[:-1], b"\xff" * 8 + tensors[8:]):
        with pytest.raises(Refused):
            admit(definition, bad)


def test_the_digest_tells_networks_apart_and_not_lines() -> None:
    torch.manual_seed(0)
    network = small()
    definition, tensors = handed_over(network)
    described = json.loads(definition)
    for call in described["training"]["calls"]:
        call["line"] = 99
    digest = admit(definition, tensors).digest
    assert admit(json.dumps(described).encode(), tensors).digest == digest
    assert crossed(small()).digest != digest


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


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Conv2d(1, 4, 28, padding_mode="reflect", padding=1), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 10, 1), nn.Flatten()),
        nn.Sequential(nn.Conv2d(1, 4, 3, groups=1, dilation=2, padding="same"), nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(16, 10)),
        nn.Sequential(nn.Conv2d(1, 4, 3, stride=4), nn.GroupNorm(2, 4), nn.GELU(), nn.ConvTranspose2d(4, 2, 2), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(8, 10), nn.LogSoftmax(1)),
        nn.Sequential(nn.Unfold(4, stride=4), nn.Flatten(), nn.Linear(784, 10), nn.Hardswish(), nn.PReLU()),
        nn.Sequential(nn.Conv2d(1, 4, 7, stride=7), nn.LocalResponseNorm(2), nn.Dropout2d(0.1), nn.Flatten(), nn.Linear(64, 10)),
        nn.Sequential(nn.PixelUnshuffle(4), nn.InstanceNorm2d(16), nn.SiLU(), nn.Upsample(scale_factor=2), nn.AvgPool2d(14), nn.Flatten(), nn.Linear(16, 10)),
        nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.LayerNorm(784), nn.Linear(784, 10), nn.ELU()),
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Softplus(), nn.Mish(), nn.Hardtanh(), nn.SELU()),
    ],
    ids=lambda network: "-".join(type(layer).__name__ for layer in network),
)  # fmt: skip
def test_honest_constructions_cross_unchanged(network: nn.Sequential) -> None:
    candidate = crossed(network)
    rebuilt = GraphNetwork(candidate, candidate.tensors).eval()
    images = torch.rand(3, 1, 28, 28)
    with torch.no_grad():
        assert torch.equal(rebuilt(images.clone()), network.eval()(images.clone()))
    assert reset(candidate).keys() == candidate.tensors.keys()
