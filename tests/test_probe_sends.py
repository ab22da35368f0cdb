"""What the probe hands over and when, and that no order of a notebook's doings disturbs it."""

import io

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from watched import TEST, TRAIN, equal, execute, observe, state

from harness import frames
from harness.frames import Kind
from harness.inside import probe
from harness.inside.reporter import TrainingStopped


@pytest.mark.usefixtures("unexported")
def test_replay_stops_after_the_first_epochs() -> None:
    cell = """
reached = []
try:
    for epoch in range(5):
        reached.append(epoch)
        try:
            train(model, optimizer)
        except Exception:
            pass
        test(model)
except BaseException as error:
    ended = error
"""
    observed = observe(cell, "afterwards = True", stop_after=2)
    assert isinstance(observed.space["ended"], TrainingStopped)
    assert observed.space["reached"] == [0, 1, 2]
    assert observed.space["afterwards"]
    assert [epoch["last"] for epoch in observed.epochs()][:2] == [False, False]
    # Without a declared number the whole schedule is not known, so nothing is stopped.
    assert len(observe("train(model, optimizer)\n" * 3, stop_after=2).epochs()) == 3


def test_a_check_stops_what_takes_long() -> None:
    loop = "for epoch in range(5):\n    train(model, optimizer)"
    quick = observe(loop, stop_after=2, stop_seconds=1e9)
    assert len(quick.epochs()) == 5
    with pytest.raises(TrainingStopped, match="2 of 5 epochs were observed"):
        observe(loop, stop_after=2, stop_seconds=1e-9)


def test_the_graph_is_handed_over_with_the_first_weights() -> None:
    cells = ("first = copy.deepcopy(model.state_dict())", "train(model, optimizer)\ntest(model)")
    alone = state(execute(cells))
    observed = observe(*cells)
    assert equal(alone, state(observed.space))
    assert not observed.of(Kind.FAULT)
    (definition,), (tensors,) = observed.of(Kind.DEFINITION), observed.of(Kind.TENSORS)
    assert definition["network"] == "Net"
    assert definition["image"] == [1, 28, 28]
    assert any(call["line"] for call in definition["training"]["calls"])
    names = [info["name"] for info in definition["tensors"] if info["kind"] != "constant"]
    assert sorted(observed.weights()[0]) == sorted(names)
    for key, value in observed.space["first"].items():
        assert torch.equal(tensors[key], value)


UNEXPORTED = {
    "a branch on values": (
        """
class Branching(Net):
    def forward(self, x):
        return super().forward(x if x.mean() > 0 else -x)
""",
        "takes a number or a decision from the values",
    ),
    "an answer of four dimensions": (
        """
class Branching(Net):
    def forward(self, x):
        return super().forward(x)[:, :, None, None]
""",
        "ten scores for each image",
    ),
}


@pytest.mark.parametrize("name", UNEXPORTED)
def test_a_model_that_is_no_graph_is_told_and_packed(name: str) -> None:
    source, told = UNEXPORTED[name]
    cell = (
        "model = Branching()\noptimizer = SGD(model.parameters(), lr=0.1)\n"
        "for epoch in range(2):\n    for x, y in train_loader:\n        optimizer.zero_grad()\n"
        "        F.nll_loss(model(x).flatten(1), y).backward()\n        optimizer.step()\n"
        "    test(model)"
    )
    alone = state(execute((source, cell)))
    observed = observe(source, cell)
    assert equal(alone, state(observed.space))
    (fault,) = observed.of(Kind.FAULT)
    assert told in fault["message"]
    assert len(observed.of(Kind.PACKED)) == 1
    assert [epoch["samples"] for epoch in observed.epochs()] == [96, 96]
    assert observed.seen() == [(1, 1, "test", TEST, False), (1, 2, "test", TEST, False)]
    assert observed.weights()[-1].keys() == observed.space["model"].state_dict().keys()


@pytest.mark.usefixtures("unexported")
def test_what_has_ended_is_told_before_the_next_cell() -> None:
    """Which may end the process."""
    cells = ("train(model, optimizer)", "pass", "test(model)", "pass")
    sent: list[list[Kind]] = []
    stream = io.BytesIO()
    probe.install({"sizes": [TRAIN, TEST]}, stream)

    def began(number: int, source: str) -> None:
        probe.cell_began(number, source)
        sent.append([kind for kind, _ in frames.read(io.BytesIO(stream.getvalue()))])

    try:
        execute(cells, began)
    finally:
        probe.finish()
    assert Kind.EPOCH in sent[2]
    assert Kind.SEEN in sent[4]


# Every one of these in any order must neither fail nor change a number.
HAZARDS = [
    "train(model, optimizer)",
    "test(model)",
    "test(model, train_loader)",
    "model = Net()\noptimizer = Adam(model.parameters())",
    "optimizer = SGD(model.parameters(), lr=0.05)",
    "kept = copy.deepcopy(model.state_dict())",
    "model.load_state_dict(kept)",
    "model.head.weight.data.mul_(0.9)",
    "model.head.weight.data.fill_(float('nan'))",
    "model.apply(lambda m: m.reset_parameters() if hasattr(m, 'reset_parameters') else None)",
    "x, y = next(iter(train_loader))\nstep(model, optimizer, x, y)",
    "x, y = next(iter(train_loader))\nloss = F.nll_loss(model(x), y)\nloss.backward()",
    "for p in model.parameters():\n    if p.grad is not None: p.data -= 0.01 * p.grad",
    "try: model(torch.rand(2, 3, 5))\nexcept Exception: pass",
    "with torch.inference_mode(): test(model)",
    "scheduler = StepLR(optimizer, 1)\nscheduler.step()",
    "optimizer.step()",
    "nn.CrossEntropyLoss()(model(torch.rand(3, 1, 28, 28)), torch.zeros(3).long())",
    "mean = torch.optim.swa_utils.AveragedModel(model)\ntest(mean)",
    "mean = copy.deepcopy(model)\ntrain(mean, SGD(mean.parameters(), lr=0.1))",
    "for p in model.conv.parameters(): p.requires_grad_(False)",
    "torch.jit.trace(model.eval(), torch.rand(2, 1, 28, 28))",
    "line = nn.Conv2d(1, 1, 3)\nline(torch.rand(1, 1, 4, 4)).sum().backward()",
]


@pytest.mark.usefixtures("unexported")
@settings(max_examples=25)
@given(st.lists(st.sampled_from(HAZARDS), min_size=3, max_size=8))
def test_no_sequence_of_hazards_fails_or_changes_a_number(cells: list[str]) -> None:
    sequence = ("kept = copy.deepcopy(model.state_dict())", *cells)
    alone = state(execute(sequence))
    observed = observe(*sequence)
    found = state(observed.space)
    assert safetensors.torch.save(dict(enumerate_names(alone))) == safetensors.torch.save(
        dict(enumerate_names(found))
    )
    runs = [run["run"] for run in observed.of(Kind.RUN)]
    assert runs == list(range(1, len(runs) + 1))
    for run in runs:
        assert [e["number"] for e in observed.epochs(run)] == list(
            range(1, 1 + len(observed.epochs(run)))
        )


def enumerate_names(tensors: list[torch.Tensor]) -> list[tuple[str, torch.Tensor]]:
    return [(str(number), tensor.contiguous()) for number, tensor in enumerate(tensors)]
