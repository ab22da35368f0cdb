"""What the probe tells of training loops, one for each hazard of real notebooks."""

import pytest
import torch
from watched import PRELUDE, TEST, TRAIN, equal, execute, observe, state

from harness.frames import Kind

# A notebook's cells; the whole epochs' samples of each run; what its last epoch adds, if anything.
LOOPS: dict[str, tuple[str, list[list[int]], list[int]]] = {
    "one epoch": ("train(model, optimizer)", [[96]], [0]),
    "images by keyword": (
        "for images, y in train_loader:\n    optimizer.zero_grad()\n"
        "    F.nll_loss(model(x=images), y).backward()\n    optimizer.step()",
        [[96]],
        [0],
    ),
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


BY_HAND = {
    "no optimiser at all": (
        """
for epoch in range(2):
    for x, y in train_loader:
        model.zero_grad()
        F.nll_loss(model(x), y).backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
""",
        [6, 6],
    ),
    "weights clamped after each step": (
        """
for x, y in train_loader:
    step(model, optimizer, x, y)
    model.conv.weight.data.clamp_(-0.05, 0.05)
""",
        [6],
    ),
    "an earlier checkpoint loaded": (
        """
for epoch in range(3):
    train(model, optimizer)
    if epoch == 0:
        best = copy.deepcopy(model.state_dict())
    if epoch == 1:
        model.load_state_dict(best)
""",
        [0, 0, 1],
    ),
    "averages put in the weights' place at the end": (
        """
train(model, optimizer)
with torch.no_grad():
    for p in model.parameters():
        p.mul_(0.9)
""",
        [0, 1],
    ),
    "averages in the weights' place while testing": (
        """
for epoch in range(2):
    train(model, optimizer)
    trained = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(0.9)
    test(model)
    model.load_state_dict(trained)
""",
        [0, 0],
    ),
}


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize("name", BY_HAND)
def test_changes_by_hand_are_counted(name: str) -> None:
    cell, counts = BY_HAND[name]
    alone = state(execute((cell,)))
    observed = observe(cell)
    assert equal(alone, state(observed.space))
    assert len(observed.of(Kind.RUN)) == 1
    found = [epoch["by_hand"] for epoch in observed.epochs()]
    assert found == counts
    for key, value in observed.space["model"].named_parameters():
        assert torch.equal(observed.weights()[-1][key], value)
    if name.startswith("no optimiser"):
        assert observed.epochs()[0]["recipe"]["optimizer"] is None


SEEN = {
    "the test set": ("test(model)", [("test", TEST, False)]),
    "training images": ("test(model, train_loader)", [("train", TRAIN, False)]),
    "both": (
        "test(model)\ntest(model, train_loader)",
        [("test", TEST, False), ("train", TRAIN, False)],
    ),
    "a test loader over training images": (
        "test(model, DataLoader(Digits(train=True, transform=to_tensor), batch_size=10))",
        [("train", TRAIN, False)],
    ),
    "a part of the training images": (
        "test(model, DataLoader(Subset(train_set, range(30)), batch_size=10))",
        [("train", 30, False)],
    ),
    "both joined": (
        "test(model, DataLoader(ConcatDataset([train_set, test_set]), batch_size=10))",
        [("unknown", TRAIN + TEST, False)],
    ),
    "tensors": (
        "test(model, DataLoader(TensorDataset(torch.rand(8, 1, 28, 28), torch.zeros(8).long())))",
        [("unknown", 8, False)],
    ),
    "without labels": ("model.eval()\nwith torch.no_grad(): model(torch.rand(4, 1, 28, 28))", []),
    "an averaged copy": (
        "mean = torch.optim.swa_utils.AveragedModel(model)\nmean.update_parameters(model)\n"
        "train(model, optimizer)\nmean.update_parameters(model)\ntest(mean)",
        [("test", TEST, True)],
    ),
    "a copy": ("test(copy.deepcopy(model))", [("test", TEST, False)]),
    "other weights in their place": (
        "model.head.weight.data *= 2\ntest(model)",
        [("test", TEST, True)],
    ),
    "neither eval nor no_grad": (
        "for x, y in test_loader:\n    model(x)",
        [("test", TEST, False)],
    ),
}


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize("name", SEEN)
def test_what_was_evaluated_is_told(name: str) -> None:
    cell, seen = SEEN[name]
    observed = observe("train(model, optimizer)", cell)
    epoch = 2 if "train(model, optimizer)" in cell else 1
    assert observed.seen() == [(1, epoch, *each) for each in seen]


@pytest.mark.usefixtures("unexported")
def test_right_answers_are_counted_as_the_notebook_counts_them() -> None:
    observed = observe(
        """
right = trained = 0
for x, y in train_loader:
    optimizer.zero_grad()
    answer = model(x)
    F.nll_loss(answer, y).backward()
    optimizer.step()
    trained += int((answer.argmax(1) == y).sum())
model.eval()
with torch.no_grad():
    for x, y in test_loader:
        right += int((model(x).argmax(1) == y).sum())
"""
    )
    assert observed.epochs()[0]["correct"] == observed.space["trained"]
    (told,) = observed.of(Kind.SEEN)
    assert told["seen"][0]["correct"] == observed.space["right"]


@pytest.mark.usefixtures("unexported")
def test_a_run_belongs_to_the_cell_that_defined_its_class() -> None:
    net = PRELUDE[PRELUDE.index("class Net") : PRELUDE.index("to_tensor")]
    run = "model = Net()\ntrain(model, SGD(model.parameters(), lr=0.1))"
    cells = [text for _ in range(13) for text in (net, run)]
    # The first class trains once more, after it has been redefined.
    observed = observe("first = Net()", *cells, "train(first, SGD(first.parameters(), lr=0.1))")
    told = [(r["network"], r["defined"], r["cell"]) for r in observed.of(Kind.RUN)]
    assert told == [("Net", 2 + 2 * n, 3 + 2 * n) for n in range(13)] + [("Net", 0, 28)]
