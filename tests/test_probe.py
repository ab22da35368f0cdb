"""What the probe tells of training loops, one for each hazard of real notebooks."""

import pytest
import torch
from watched import execute, observe, state

from harness.frames import Kind
from harness.inside import account

# A notebook's cells; the whole epochs' samples of each run; what its last epoch adds, if anything.
LOOPS: dict[str, tuple[str, list[list[int]], list[int]]] = {
    "one epoch": ("train(model, optimizer)", [[96]], [0]),
    "three epochs, each tested": (
        "for epoch in range(3):\n    train(model, optimizer)\n    test(model)",
        [[96, 96, 96]],
        [0],
    ),
    "no model.eval()": (
        """
for epoch in range(2):
    train(model, optimizer)
    with torch.no_grad():
        for x, y in test_loader:
            model(x)
""",
        [[96, 96]],
        [0],
    ),
    "neither eval nor no_grad": (
        """
for epoch in range(2):
    train(model, optimizer)
    for x, y in test_loader:
        F.nll_loss(model(x), y).item()
""",
        [[96, 96]],
        [0],
    ),
    "training data evaluated too": (
        "for epoch in range(2):\n    train(model, optimizer)\n    test(model, train_loader)\n    test(model)",
        [[96, 96]],
        [0],
    ),
    "gradient accumulation": (
        """
for epoch in range(2):
    for i, (x, y) in enumerate(train_loader):
        (F.nll_loss(model(x), y) / 4).backward()
        if (i + 1) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
    optimizer.step()
    optimizer.zero_grad()
""",
        [[96, 96]],
        [0],
    ),
    "batches cut by hand": (
        """
images, labels = train_set.data[:, None] / 255, train_set.targets
for epoch in range(3):
    order = torch.randperm(96)
    for i in range(0, 96, 20):
        step(model, optimizer, images[order[i:i + 20]], labels[order[i:i + 20]])
""",
        [[96, 96, 96]],
        [0],
    ),
    "batches cut by hand, the rest dropped, tested": (
        """
images, labels = train_set.data[:, None] / 255, train_set.targets
for epoch in range(3):
    order = torch.randperm(96)
    for i in range(0, 80, 20):
        step(model, optimizer, images[order[i:i + 20]], labels[order[i:i + 20]])
    test(model)
""",
        [[80, 80, 80]],
        [0],
    ),
    "the data joined with itself": (
        """
both = DataLoader(ConcatDataset([train_set, train_set]), batch_size=16, shuffle=True)
for epoch in range(2):
    train(model, optimizer, both)
    test(model)
""",
        [[192, 192]],
        [0],
    ),
    "a second hidden pass": (
        "for epoch in range(2):\n    train(model, optimizer)\n    train(model, optimizer)\n    test(model)",
        [[96, 96, 96, 96]],
        [0],
    ),
    "a hidden half pass": (
        """
for epoch in range(2):
    for i, (x, y) in enumerate(train_loader):
        if i == 3:
            break
        step(model, optimizer, x, y)
    train(model, optimizer)
    test(model)
""",
        [[144, 144]],
        [0],
    ),
    "a test after every few steps": (
        """
for epoch in range(2):
    for i, (x, y) in enumerate(train_loader):
        model.train()
        step(model, optimizer, x, y)
        if i % 2:
            test(model)
""",
        [[96, 96]],
        [0],
    ),
    "fragments that add up": (
        """
for part in range(5):
    for i, (x, y) in enumerate(train_loader):
        step(model, optimizer, x, y)
        if i == 2:
            break
    test(model)
""",
        [[96, 96]],
        [48],
    ),
    "a loader left just before its end": (
        """
loader = DataLoader(train_set, batch_size=2)
for epoch in range(2):
    for i, (x, y) in enumerate(loader):
        if i == 46:
            break
        step(model, optimizer, x, y)
    test(model)
""",
        [[92, 92]],
        [0],
    ),
    "a batch at a time from a new iterator": (
        """
for i in range(9):
    x, y = next(iter(train_loader))
    step(model, optimizer, x, y)
""",
        [[96]],
        [48],
    ),
    "a part of the data": (
        """
part, rest = random_split(train_set, [64, 32])
loader = DataLoader(part, batch_size=16)
for epoch in range(2):
    train(model, optimizer, loader)
    test(model, DataLoader(rest, batch_size=16))
""",
        [[64, 64]],
        [0],
    ),
    "a learning-rate finder that restores the weights": (
        """
before, steps = copy.deepcopy(model.state_dict()), 0
for x, y in train_loader:
    step(model, optimizer, x, y)
    steps += 1
    if steps == 3:
        break
model.load_state_dict(before)
optimizer = SGD(model.parameters(), lr=0.1)
for epoch in range(2):
    train(model, optimizer)
    test(model)
""",
        [[], [96, 96]],
        [48, 0],
    ),
    "two models": (
        """
other = Net()
train(model, optimizer)
train(other, SGD(other.parameters(), lr=0.1))
""",
        [[96], [96]],
        [0, 0],
    ),
    "two models in turn": (
        """
other = Net()
second = SGD(other.parameters(), lr=0.1)
for epoch in range(2):
    for x, y in train_loader:
        step(model, optimizer, x, y)
        step(other, second, x, y)
    test(model)
    test(other)
""",
        [[96, 96], [96, 96]],
        [0, 0],
    ),
    "weights drawn anew": (
        """
train(model, optimizer)
model.apply(lambda m: m.reset_parameters() if hasattr(m, "reset_parameters") else None)
train(model, SGD(model.parameters(), lr=0.1))
""",
        [[96], [96]],
        [0, 0],
    ),
    "a summary and a look at a batch before": (
        """
model(torch.rand(2, 1, 28, 28))
x, y = next(iter(train_loader))
model(x)
train(model, optimizer)
""",
        [[96]],
        [0],
    ),
    "a step in a closure": (
        """
for x, y in train_loader:
    def closure():
        optimizer.zero_grad()
        loss = F.nll_loss(model(x), y)
        loss.backward()
        return loss
    optimizer.step(closure)
""",
        [[96]],
        [0],
    ),
    "batches in inference mode": (
        """
for epoch in range(2):
    train(model, optimizer)
    with torch.inference_mode():
        for x, y in test_loader:
            model(x)
""",
        [[96, 96]],
        [0],
    ),
    "training in eval mode": (
        "for epoch in range(2):\n    for x, y in train_loader:\n        model.eval()\n        step(model, optimizer, x, y)",
        [[96, 96]],
        [0],
    ),
    "an error in the middle": (
        """
try:
    for i, (x, y) in enumerate(train_loader):
        step(model, optimizer, x if i < 2 else x[:, 0, 0], y)
except Exception:
    pass
train(model, optimizer)
""",
        [[128]],
        [0],
    ),
    "no classifier of images": (
        """
line = nn.Linear(1, 1)
for _ in range(3):
    (line(torch.ones(4, 1)) ** 2).mean().backward()
    SGD(line.parameters(), lr=0.1).step()
""",
        [],
        [],
    ),
}


@pytest.fixture
def unexported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting takes a second, and is tested by itself."""
    monkeypatch.setattr(account, "hand_over", lambda *_: ([], None))


def equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize("name", LOOPS)
def test_epochs_are_found_and_nothing_is_changed(name: str) -> None:
    cell, whole, rest = LOOPS[name]
    alone = state(execute((cell,)))
    observed = observe(cell)
    assert equal(alone, state(observed.space))
    runs = [run["run"] for run in observed.of(Kind.RUN)]
    found = [[e["samples"] for e in observed.epochs(run) if not e["last"]] for run in runs]
    assert found == whole
    assert [sum(e["samples"] for e in observed.epochs(run) if e["last"]) for run in runs] == rest
    for run in runs:
        for epoch in observed.epochs(run):
            assert sum(s["count"] * s["samples"] for s in epoch["steps"]) == epoch["samples"]
            assert epoch["by_hand"] == 0
    if runs:
        last = observed.weights(runs[-1])[-1]
        trained = observed.space["other" if "other" in observed.space else "model"].state_dict()
        for key in dict(observed.space["model"].named_parameters()):
            assert torch.equal(last[key], trained[key])
