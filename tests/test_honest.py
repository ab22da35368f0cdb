"""Honest constructions are admitted, and train and answer to the bit as the eager model does."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from crossing import Net, crossed
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

from harness.collect.graph import Candidate, GraphNetwork
from harness.collect.state import reset
from harness.inside import capture

BATCHES = (16, 16, 11)


def through(*layers: nn.Module) -> nn.Module:
    """4 x 7 x 7 features through the layers to scores."""
    return nn.Sequential(nn.Conv2d(1, 4, 4, stride=4), *layers, nn.Flatten(), nn.LazyLinear(10))


def normed(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 4, stride=4), *layers, nn.Flatten(), nn.Linear(196, 10))


def tied() -> nn.Module:
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Linear(10, 10), nn.Linear(10, 10))
    network[3].weight = network[2].weight
    return network


def frozen() -> nn.Module:
    network = normed(nn.ReLU())
    network[0].weight.requires_grad_(False)
    return network


def hooked() -> nn.Module:
    network = normed(nn.ReLU())
    network[1].register_forward_hook(lambda module, inputs, output: output * 0.5)
    network[1].register_forward_pre_hook(lambda module, inputs: (inputs[0] + 1,))
    return network


def straight_through(net: Net, x: Tensor) -> Tensor:
    scores = net.head(x.flatten(1))
    return scores + (scores.clamp(-1, 1) - scores).detach()


def in_place_arithmetic(net: Net, x: Tensor) -> Tensor:
    scores = net.head(x.flatten(1))
    scores -= scores.mean(1, keepdim=True)
    scores /= 2 * torch.ones(10)
    return scores


def two_ways(net: Net, x: Tensor) -> Tensor:
    x = x.flatten(1)
    return net.head(F.dropout(x, 0.2, net.training) if net.training else x * 1.5)


def with_scale() -> nn.Module:
    network = Net(lambda net, x: net.head(x.flatten(1)) * net.scale + net.shift)
    network.scale, network.shift = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.zeros(()))
    return network


def squeezed(net: Net, x: Tensor) -> Tensor:
    x = net.conv(x)
    return net.out((x * net.gate(x.mean((2, 3), keepdim=True)).sigmoid()).flatten(1))


def by_windows(net: Net, x: Tensor) -> Tensor:
    patches = F.unfold(x, 4, stride=4).transpose(1, 2) @ net.kernel.weight.t()
    return net.out(patches.flatten(1))


def without_gradient(net: Net, x: Tensor) -> Tensor:
    scores = net.head(x.flatten(1))
    with torch.no_grad():
        scale = scores.abs().amax(1, keepdim=True) + net.head.bias.abs().sum()
    return scores / scale


def without_gradient_in_batch_norm(net: Net, x: Tensor) -> Tensor:
    with torch.no_grad():
        x = F.relu(net.norm(x), inplace=True)
    return net.head(x.flatten(1))


class Defaulted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(784, 10)

    def forward(self, x: Tensor, scale: float = 2.0, mask: Tensor | None = None) -> Tensor:
        return self.head(x.flatten(1)) * (scale if mask is None else mask)


class GhostBatchNorm(nn.BatchNorm2d):
    """As it went round in the course of 2021."""

    def __init__(self, num_features: int, num_splits: int) -> None:
        super().__init__(num_features)
        self.num_splits = num_splits
        self.register_buffer("running_mean", torch.zeros(num_features * num_splits))
        self.register_buffer("running_var", torch.ones(num_features * num_splits))

    def train(self, mode: bool = True) -> "GhostBatchNorm":
        if self.training is True and mode is False:
            shape = (self.num_splits, self.num_features)
            self.running_mean = self.running_mean.view(shape).mean(0).repeat(self.num_splits)
            self.running_var = self.running_var.view(shape).mean(0).repeat(self.num_splits)
        return super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        if self.training or not self.track_running_stats:
            return F.batch_norm(
                x.view(-1, c * self.num_splits, h, w),
                self.running_mean,
                self.running_var,
                self.weight.repeat(self.num_splits),
                self.bias.repeat(self.num_splits),
                True,
                self.momentum,
                self.eps,
            ).view(n, c, h, w)
        mean, variance = (
            self.running_mean[: self.num_features],
            self.running_var[: self.num_features],
        )
        return F.batch_norm(
            x, mean, variance, self.weight, self.bias, False, self.momentum, self.eps
        )


HONEST: dict[str, Callable[[], nn.Module]] = {
    "tied": tied,
    "reused": lambda: Net(lambda net, x: net.again(net.again(net.head(x.flatten(1)))), again=nn.Linear(10, 10)),
    "reused_norm": lambda: Net(lambda net, x: net.head(net.norm(net.norm(x)).flatten(1)), norm=nn.BatchNorm2d(1)),
    "weight_norm": lambda: nn.Sequential(nn.Flatten(), parametrizations.weight_norm(nn.Linear(784, 10))),
    "old_weight_norm": lambda: nn.Sequential(nn.Flatten(), nn.utils.weight_norm(nn.Linear(784, 10))),
    "spectral_norm": lambda: nn.Sequential(nn.Flatten(), parametrizations.spectral_norm(nn.Linear(784, 10))),
    "old_spectral_norm": lambda: normed(nn.utils.spectral_norm(nn.Conv2d(4, 4, 3, padding=1))),
    "dropout": lambda: normed(nn.Dropout(0.2)),
    "dropout_in_place": lambda: normed(nn.Dropout(0.2, inplace=True)),
    "dropout2d": lambda: normed(nn.Dropout2d(0.2)),
    "alpha_dropout": lambda: normed(nn.SELU(), nn.AlphaDropout(0.2)),
    "feature_alpha_dropout": lambda: normed(nn.FeatureAlphaDropout(0.2)),
    "batch_norm": lambda: normed(nn.BatchNorm2d(4)),
    "cumulative_batch_norm": lambda: normed(nn.BatchNorm2d(4, momentum=None)),
    "frozen_cumulative_batch_norm": lambda: Net(lambda net, x: net.head(net.norm.eval()(x).flatten(1)), norm=nn.BatchNorm2d(1, momentum=None)),
    "cumulative_batch_norm_reused": lambda: Net(lambda net, x: net.head(net.norm(net.norm(x)).flatten(1)), norm=nn.BatchNorm2d(1, momentum=None)),
    "batch_norm_1d": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10, affine=False)),
    "group_norm": lambda: normed(nn.GroupNorm(2, 4)),
    "layer_norm": lambda: normed(nn.LayerNorm((4, 7, 7))),
    "instance_norm": lambda: normed(nn.InstanceNorm2d(4, affine=True)),
    "local_response_norm": lambda: normed(nn.LocalResponseNorm(2)),
    "rms_norm": lambda: normed(nn.RMSNorm(7)),
    "normalize": lambda: Net(lambda net, x: net.head(F.normalize(x.flatten(1)))),
    "activations": lambda: normed(nn.ReLU(), nn.ReLU6(), nn.ELU(), nn.SELU(), nn.CELU(), nn.GELU(), nn.SiLU(), nn.Mish()),
    "more_activations": lambda: normed(nn.LeakyReLU(), nn.PReLU(), nn.Hardtanh(), nn.Hardswish(), nn.Hardsigmoid(), nn.Softplus(), nn.Tanh()),
    "still_more_activations": lambda: normed(nn.Sigmoid(), nn.LogSigmoid(), nn.Softsign(), nn.Tanhshrink(), nn.Hardshrink(), nn.Softshrink(), nn.Softmin(1)),
    "activations_in_place": lambda: normed(nn.SiLU(inplace=True), nn.BatchNorm2d(4), nn.LeakyReLU(inplace=True), nn.BatchNorm2d(4), nn.ReLU(inplace=True)),
    "gated": lambda: through(nn.GLU(1)),
    "log_softmax": lambda: normed(nn.Softmax(1), nn.LogSoftmax(1)),
    "poolings": lambda: through(nn.MaxPool2d(2, ceil_mode=True), nn.AvgPool2d(2, padding=1), nn.AdaptiveAvgPool2d(2), nn.AdaptiveMaxPool2d(1)),
    "straight_through": lambda: Net(straight_through),
    "maxout": lambda: Net(lambda net, x: net.head(torch.max(x, -x).flatten(1))),
    "in_place_arithmetic": lambda: Net(in_place_arithmetic),
    "frozen": frozen,
    "branch_on_training": lambda: Net(two_ways),
    "scalars": with_scale,
    "module_dict": lambda: Net(lambda net, x: net.layers["out"](net.layers["in"](x.flatten(1))), layers=nn.ModuleDict({"in": nn.Linear(784, 4), "out": nn.Linear(4, 10)})),
    "einsum": lambda: Net(lambda net, x: torch.einsum("ni,oi->no", x.flatten(1), net.head.weight) + net.head.bias),
    "unfold_and_matmul": lambda: Net(by_windows, kernel=nn.Linear(16, 3), out=nn.Linear(147, 10)),
    "depthwise": lambda: normed(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 4, 1)),
    "dilated": lambda: normed(nn.Conv2d(4, 4, 3, padding="same", dilation=2)),
    "transposed": lambda: through(nn.ConvTranspose2d(4, 2, 2, stride=2)),
    "padded_by_reflection": lambda: normed(nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")),
    "padded_by_replication": lambda: normed(nn.Conv2d(4, 4, 3, padding=1, padding_mode="replicate")),
    "padded_circularly": lambda: normed(nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular")),
    "padded_apart": lambda: through(nn.ZeroPad2d(1), nn.ReflectionPad2d((0, 1, 0, 1))),
    "squeeze_excite": lambda: Net(squeezed, conv=nn.Conv2d(1, 4, 4, stride=4), gate=nn.Conv2d(4, 4, 1), out=nn.Linear(196, 10)),
    "interpolate": lambda: through(nn.Upsample(scale_factor=2), nn.Upsample(size=9, mode="bilinear")),
    "pixel_shuffle": lambda: through(nn.PixelShuffle(2), nn.PixelUnshuffle(2), nn.ChannelShuffle(2)),
    "residual": lambda: Net(lambda net, x: net.head((x + net.conv(x)).flatten(1)), conv=nn.Conv2d(1, 1, 3, padding=1)),
    "concatenated": lambda: Net(lambda net, x: net.head(torch.cat([x[:, :, :14], net.conv(x)[:, :, 14:]], 2).flatten(1)), conv=nn.Conv2d(1, 1, 1)),
    "attention": lambda: Net(lambda net, x: net.head(F.scaled_dot_product_attention(x, x, x).flatten(1))),
    "constants": lambda: Net(lambda net, x: net.head(x.flatten(1)) * torch.tensor(0.5) + torch.ones(10) * torch.full((10,), 3.5)),
    "constants_by_mode": lambda: Net(lambda net, x: net.head(x.flatten(1)) * (torch.tensor(0.5) if net.training else torch.tensor(2.5))),
    "moved_to_the_images": lambda: Net(lambda net, x: net.head(x.flatten(1)) * torch.tensor(0.5).to(x.device)),
    "noise_in_training": lambda: Net(lambda net, x: net.head(x.flatten(1) + 0.1 * torch.randn_like(x.flatten(1)) if net.training else x.flatten(1))),
    "defaulted_arguments": Defaulted,
    "hooks": hooked,
    "checkpoint": lambda: Net(lambda net, x: checkpoint(net.head, x.flatten(1), use_reentrant=False)),
    "no_grad": lambda: Net(without_gradient),
    "no_grad_batch_norm": lambda: Net(without_gradient_in_batch_norm, norm=nn.BatchNorm2d(1)),
    "autocast_of_another_device": lambda: Net(lambda net, x: torch.amp.autocast("cuda", enabled=False)(net.head)(x.flatten(1))),
    "lazy": lambda: nn.Sequential(nn.LazyConv2d(4, 4, stride=4), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(10)),
    "ghost_batch_norm": lambda: normed(GhostBatchNorm(4, 2), nn.ReLU(), GhostBatchNorm(4, 4)),
}  # fmt: skip


def admitted(network: nn.Module) -> Candidate:
    """A network as the trusted side has it, by the child's whole way."""
    batch = capture.attempt(network)
    programs = {mode: capture.export(network, mode, batch) for mode in ("training", "evaluation")}
    definition, tensors = capture.describe(network, programs, None, Path(__file__))
    capture.compare(network, programs["training"], definition, tensors)
    return crossed(network, batch)


def started(network: nn.Module, tensors: dict[str, Tensor]) -> nn.Module:
    """The eager network with the tensors that the graph starts from."""
    held = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    with torch.no_grad():
        for name, tensor in held.items():
            tensor.copy_(tensors.get(name, tensor))
    return network


def trained(network: nn.Module, batches: tuple[int, ...]) -> list[Tensor]:
    """Answers before, in, and after some steps of training."""
    torch.manual_seed(1)
    images, labels = torch.randn(sum(batches), 1, 28, 28), torch.arange(sum(batches)) % 10
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=0.05, momentum=0.9)

    def answers() -> Tensor:
        with torch.no_grad():
            return network.eval()(images[:13].clone())

    seen = [answers()]
    for chosen, wanted in zip(images.split(batches), labels.split(batches), strict=True):
        network.train()
        optimizer.zero_grad()
        scores = network(chosen.clone())
        F.cross_entropy(scores, wanted).backward()
        optimizer.step()
        seen += [scores.detach(), answers()]
    return seen


@pytest.mark.parametrize("name", HONEST)
def test_it_trains_as_the_eager_model_does(name: str) -> None:
    torch.manual_seed(0)
    eager = HONEST[name]()
    candidate = admitted(eager)
    ours = GraphNetwork(candidate, reset(candidate))
    batches = (16, 16, 8) if candidate.parts > 1 else BATCHES
    theirs = trained(started(eager, reset(candidate)), batches)
    for our, their in zip(trained(ours, batches), theirs, strict=True):
        assert torch.equal(our, their)
    assert not torch.equal(theirs[0], theirs[-1])
