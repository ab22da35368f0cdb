"""Parameters that a network holds and does not show are counted, or the network is refused."""

import pytest
from batches import Laboratory
from networks import BYTES, FLOATS, FORMS, HIDDEN, SHOWN, Attack, Graded, added, both_forms

ALL = SHOWN + HIDDEN
EVERYWHERE = f"torch.randn({HIDDEN})"

COUNTED = {
    "a buffer": Attack(added("self.more"), f"self.register_buffer('more', {EVERYWHERE})", least=ALL),
    "a buffer that no file keeps": Attack(added("self.more"), f"self.register_buffer('more', {EVERYWHERE}, persistent=False)", least=ALL),
    "an attribute": Attack(added("self.more"), f"self.more = {EVERYWHERE}", least=ALL),
    "a list": Attack(added("self.more[0]"), f"self.more = [{EVERYWHERE}]", least=ALL),
    "__dict__": Attack(added("self.more"), f"self.__dict__['more'] = nn.Parameter({EVERYWHERE}, requires_grad=False)", least=ALL),
    "a closure": Attack(added("self.more()"), f"more = {EVERYWHERE}\nself.more = lambda: more", least=ALL),
    "a global": Attack(added("MORE"), before=f"MORE = {EVERYWHERE}", least=ALL),
    "an object that is no module": Attack(added("self.box.more"), f"self.box = type('Box', (), {{}})()\nself.box.more = {EVERYWHERE}", least=ALL),
    "a list of parameters outside": Attack(added("MORE[0]"), before=f"MORE = nn.ParameterList([nn.Parameter({EVERYWHERE}, requires_grad=False)])", least=ALL),
    "a default argument": Attack("self.add(x)", methods=f"def add(self, x, more={EVERYWHERE}):\n    return {added('more')}", least=ALL),
    "a hook": Attack("self.head(x)", f"more = {EVERYWHERE}\nself.head.register_forward_pre_hook(lambda module, given: (given[0] * more,))", least=ALL),
    "a function of autograd": Attack("self.head(Scaled.apply(x))", before=f"MORE = {EVERYWHERE}\nclass Scaled(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x * MORE\n    @staticmethod\n    def backward(ctx, gradient):\n        return gradient * MORE", least=ALL),
    "floats": Attack(added("torch.tensor(FLOATS)"), before=f"FLOATS = {FLOATS}", least=ALL),
    "a text": Attack(added("torch.frombuffer(bytearray(base64.b64decode(TEXT)), dtype=torch.float32)"), before=f"TEXT = {BYTES!r}", least=ALL),
    "floats in arithmetic": Attack("self.head(x) * sum(x[:, i : i + 1] * f for i, f in enumerate(FLOATS[:100]))", before=f"FLOATS = {FLOATS}", least=SHOWN + 100),
    "the alpha of additions": Attack("self.head(x) + self.table(x)", before=f"FLOATS = {FLOATS}", methods="def table(self, x):\n    total = x[:, :1]\n    for i, f in enumerate(FLOATS[:200]):\n        total = torch.add(total, x[:, :1], alpha=int(f * 30) * 2 + 3)\n    return total", least=SHOWN + 140),
    "the sizes of expanded values": Attack("self.head(x) + self.table(x)", before=f"FLOATS = {FLOATS}", methods="def table(self, x):\n    total = x[:, :1]\n    for f in FLOATS[:150]:\n        total = total + x[:, :1].expand(-1, int(abs(f) * 1_000) + 2).sum(1, keepdim=True)\n    return total", least=SHOWN + 50),
    "running statistics": Attack("self.head(self.norm(x))", f"self.norm = nn.BatchNorm1d({HIDDEN}, affine=False)\nself.norm.running_mean.copy_({EVERYWHERE})", least=SHOWN + 2 * HIDDEN - 1_000, words="running statistics"),
    "weights that weights make": Attack("F.linear(F.linear(x, (self.left * self.right).view(100, 784)), self.out)", "self.left, self.right = nn.Parameter(torch.randn(280, 1)), nn.Parameter(torch.randn(1, 280))\nself.out = nn.Parameter(torch.randn(10, 100))", least=78_400),
    "frozen weights": Attack("self.head(x) + self.more(x)", f"self.more = nn.Linear({HIDDEN}, 10).requires_grad_(False)", least=2 * SHOWN),
    "weights that come late": Attack("self.late(x)", methods=f"def late(self, x):\n    if not hasattr(self, 'more'):\n        self.more = nn.Linear({HIDDEN}, 10)\n    return self.head(x) + self.more(x)", least=2 * SHOWN),
    "a lazy layer": Attack("self.head(x) + self.more(x)", "self.more = nn.LazyLinear(10)", least=2 * SHOWN),
    "weights that train() makes": Attack("self.head(x) + self.more(x)", "self.more = nn.Identity()", methods=f"def train(self, mode=True):\n    if isinstance(self.more, nn.Identity):\n        self.more = nn.Linear({HIDDEN}, 10)\n    return super().train(mode)", least=2 * SHOWN),
    "a method that tells few": Attack("self.head(x) + self.more(x)", f"self.more = nn.Linear({HIDDEN}, 10)", methods="def parameters(self, recurse=True):\n    return iter([self.head.bias])\ndef numel(self):\n    return 10\ndef __len__(self):\n    return 10", least=2 * SHOWN),
    "an evaluation of its own": Attack("self.head(x) if self.training else self.more(x)", f"self.more = nn.Linear({HIDDEN}, 10)", least=2 * SHOWN),
}  # fmt: skip
"""Held in one way or another, and counted all the same."""

REFUSED = {
    "names that are told to nobody": Attack("self.head(x) + self.more(x)", f"self.more = nn.Linear({HIDDEN}, 10)", methods="def named_parameters(self, *args, **kwargs):\n    return iter([('head.bias', self.head.bias)])\ndef state_dict(self, *args, **kwargs):\n    return {}", words="cannot be written as a graph"),
    "drawn from a seed": Attack("self.draw(x)", methods=f"def draw(self, x):\n    torch.manual_seed(7)\n    return {added(EVERYWHERE)}", words="otherwise than the network does"),
    "drawn from a generator": Attack(added(f"torch.randn({HIDDEN}, generator=torch.Generator().manual_seed(7))"), words="Generator"),
    "made in the forward pass": Attack("self.head(x) + nn.Linear(784, 10)(x)", words="uniform_ is not allowed"),
    "double precision": Attack(added("self.more").replace("x @", "x.double() @").replace(")[", ").float()["), f"self.register_buffer('more', {EVERYWHERE}.double())", words="must be float32"),
    "half precision": Attack("self.head(x) * self.more", "self.register_buffer('more', torch.randn(10).half())", words="must be float32"),
    "complex numbers": Attack("self.head(x) * torch.view_as_real(self.more)[:, 0]", "self.more = nn.Parameter(torch.randn(10, dtype=torch.complex64))", words="view_as_real is not allowed"),
    "whole numbers": Attack("self.head(x) * self.more", "self.register_buffer('more', torch.randint(0, 99, (10,)))", words="is int64; parameters and constants must be float32"),
    "bytes": Attack("self.head(x) * self.more", "self.register_buffer('more', torch.randint(0, 99, (10,), dtype=torch.uint8))", words="is uint8"),
    "truth values": Attack("self.head(x) * self.more", "self.register_buffer('more', torch.rand(10) > 0.5)", words="is bool"),
    "a number that counts batches": Attack("self.head(x) * self.more", "self.register_buffer('more', torch.tensor(123_456_789))", words="batch counter, and is read"),
    "quantised numbers": Attack("self.head(x) * self.more.dequantize()", "self.more = torch.quantize_per_tensor(torch.randn(10), 0.1, 0, torch.qint8)", words="cannot be written as a graph"),
    "bits of an integer": Attack("self.head(x) * (self.more & 7)", "self.register_buffer('more', torch.arange(10))", words="could unpack several weights from one number"),
    "bits of a float": Attack("self.head(x) * self.head.bias.view(torch.int32)", words="view is not allowed: it could unpack"),
    "whole parts of weights": Attack("self.head(x) * torch.floor(self.head.bias)", words="floor is not allowed: it could unpack"),
    "rests of weights": Attack("self.head(x) * torch.remainder(self.head.bias, 1)", words="remainder is not allowed: it could unpack"),
    "rounded weights": Attack("self.head(x) * torch.round(self.head.bias)", words="round is not allowed: it could unpack"),
    "mantissas": Attack("self.head(x) * torch.frexp(self.head.bias)[0]", words="frexp is not allowed: it could unpack"),
    "exponents": Attack("self.head(x) * torch.ldexp(self.head.bias, torch.tensor(3))", words="ldexp is not allowed: it could unpack"),
    "a running mean that is read": Attack("self.head(self.norm(x)) + (x @ self.norm.running_mean)[:, None]", f"self.norm = nn.BatchNorm1d({HIDDEN})", words="is a running statistic, and is read by something other than batch norm"),
    "a count of positions": Attack("self.head(x * torch.arange(784.0))", words="arange is not allowed: it makes constants that no parameter holds"),
    "a buffer that learns": Attack("self.remember(x)", "self.register_buffer('more', torch.zeros(10, 784))", methods="def remember(self, x):\n    with torch.no_grad():\n        self.more.mul_(0.9).add_(self.head.weight)\n    return F.linear(x, self.more.clone()) + self.head(x)", words="changes more during the forward pass"),
    "weights of an image": Attack("F.linear(x, x[:10] * self.head.weight)", words="must not depend on the images"),
    "an image's number": Attack("self.head(x) * float(x.sum())", words="takes a number or a decision from the values"),
    "a lookup in a table": Attack("self.head(x) * self.more(torch.tensor([1]))", "self.more = nn.Embedding(100, 10)", words="embedding.default is not on the harness's list", owner="harness"),
    "an indexed table": Attack("self.head(x) * self.head.bias[torch.tensor([1] * 10)]", words="index.Tensor is not on the harness's list", owner="harness"),
    "a copy into a buffer": Attack("self.remember(x)", "self.register_buffer('more', torch.zeros(10))", methods="def remember(self, x):\n    with torch.no_grad():\n        self.more.copy_(self.head.bias)\n    return self.head(x) * self.more.clone()", words="copy_.default is not on the harness's list", owner="harness"),
}  # fmt: skip
"""Not admitted, so that there is nothing to grade. What is not on the list of operators is not
graded rather than failed: no network comes to points by it."""


@pytest.fixture(scope="module")
def counted(best: Laboratory) -> dict[tuple[str, str], Graded]:
    return both_forms(best, COUNTED)


@pytest.fixture(scope="module")
def refused(best: Laboratory) -> dict[tuple[str, str], Graded]:
    return both_forms(best, REFUSED)


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("form", FORMS)
def test_what_is_hidden_counts(
    counted: dict[tuple[str, str], Graded], form: str, name: str
) -> None:
    counted[form, name].expect_no_gain()


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("form", FORMS)
def test_what_could_hide_numbers_is_refused(
    refused: dict[tuple[str, str], Graded], form: str, name: str
) -> None:
    refused[form, name].expect_no_gain()
