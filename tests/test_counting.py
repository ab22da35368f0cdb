"""How an admitted network's numbers are counted, and that none hides from it."""

import itertools

import torch
import torch.nn.functional as F
from crossing import Net, crossed, small
from torch import Tensor, nn

from harness.collect.count import count
from harness.collect.remarks import remarks


def test_counts_what_pytorch_counts() -> None:
    network = small()
    counted = count(crossed(network))
    expected = sum(parameter.numel() for parameter in network.parameters())
    assert (counted.judged, counted.used, counted.trainable) == (expected, expected, expected)


def test_a_network_of_millions_counts_as_torchsummary_prints_it() -> None:
    sizes = (1, 256, 512, 512)
    layers = [
        layer
        for inputs, outputs in itertools.pairwise(sizes)
        for layer in (nn.Conv2d(inputs, outputs, 3, stride=3), nn.BatchNorm2d(outputs))
    ]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    held = sum(parameter.numel() for parameter in network.parameters())
    candidate = crossed(network)
    assert count(candidate).judged == held
    assert remarks(candidate) == []


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


def test_an_unused_batch_norm_is_held_as_any_layer() -> None:
    network = Net()
    network.spare = nn.BatchNorm2d(16)
    counted = count(crossed(network))
    assert (counted.judged, counted.used) == (7_850 + 32, 7_850)


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


def test_einsum_within_an_image_passes() -> None:
    network = Net(lambda net, x: torch.einsum("ni,oi->no", x.flatten(1), net.head.weight))
    assert count(crossed(network)).judged == 7_850


def test_numbers_that_are_the_same_everywhere_count_as_one_or_none() -> None:
    def scaled(net: Net, x: Tensor) -> Tensor:
        scores = net.head(x.flatten(1)) * torch.ones(10) * torch.full((10,), 0.5)
        return scores * torch.tensor([1.0] * 10) * net.scale + net.offset

    network = Net(scaled)
    network.register_buffer("scale", torch.full((10,), 2.5))
    network.register_buffer("offset", torch.zeros(10))
    assert count(crossed(network)).judged == 7_850 + 2


def test_a_frozen_parameter_counts_whole_whatever_it_holds() -> None:
    network = Net(lambda net, x: net.head(x.flatten(1)) * net.scale)
    network.scale = nn.Parameter(torch.ones(10), requires_grad=False)
    assert count(crossed(network)).judged == 7_850 + 10


def test_the_settings_of_layers_are_free() -> None:
    layers = [
        nn.BatchNorm2d(1, momentum=0.3, eps=0.01, affine=False),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.15),
        nn.GroupNorm(1, 1, eps=0.003, affine=False),
        nn.Upsample(scale_factor=(1.5, 1.5), mode="bilinear"),
        nn.AdaptiveAvgPool2d(28),
    ]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(784, 10))
    assert count(crossed(network)).judged == 7_850


def test_hundreds_of_settings_are_weights() -> None:
    def slopes(net: Net, x: Tensor) -> Tensor:
        one = x.flatten(1)[:, :1] * 0 - 1
        table = [F.leaky_relu(one, k / 100) for k in range(10, 60)]
        return net.head(x.flatten(1)) + torch.cat(table, 1).view(-1, 5, 10).sum(1)

    assert count(crossed(Net(slopes))).judged == 7_850 + 20


def test_relu6_in_place_counts_no_more_than_relu6() -> None:
    for layer in (nn.ReLU6(), nn.ReLU6(inplace=True), nn.Hardtanh(-2, 2)):
        network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), layer)
        assert count(crossed(network)).judged == 7_850


def test_constants_of_both_modes_count() -> None:
    def by_mode(net: Net, x: Tensor) -> Tensor:
        table = [k / 10 for k in range(10)]
        scale = torch.tensor(table) if net.training else torch.tensor(table[::-1])
        return net.head(x.flatten(1)) * scale

    assert count(crossed(Net(by_mode))).judged == 7_850 + 20


def test_the_vectors_of_spectral_norm_are_free_as_statistics_are() -> None:
    linear = nn.utils.parametrizations.spectral_norm(nn.Linear(784, 10))
    network = nn.Sequential(nn.Flatten(), linear)
    assert count(crossed(network)).judged == 7_850
    narrow = nn.utils.parametrizations.spectral_norm(nn.Linear(784, 4))
    wide = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 400))
    network = nn.Sequential(nn.Flatten(), narrow, wide, nn.Linear(400, 10))
    weights = 784 * 4 + 4 + 4 * 400 + 400 + 400 * 10 + 10
    assert count(crossed(network)).judged == weights + (784 + 4 + 4 + 400 - 1_000)
