"""What the probe tells of training loops, one for each hazard of real notebooks."""

import io
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from watched import PRELUDE, TEST, TRAIN, execute, observe, state

from harness import frames
from harness.frames import Kind
from harness.inside import account, probe
from harness.inside.reporter import TrainingStopped

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


RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": (
        "train(model, optimizer)",
        {
            "optimizer": {"name": "SGD", "lr": 0.1, "momentum": 0.9},
            "optimizers": 1,
            "scheduler": None,
            "schedulers": [],
            "loss": {"name": "nll_loss"},
            "train_transform": [{"name": "ToTensor"}],
        },
    ),
    "Adam": (
        "train(model, Adam(model.parameters(), betas=(0.8, 0.99), weight_decay=1e-4))",
        {
            "optimizer": {
                "name": "Adam",
                "lr": 0.001,
                "betas": [0.8, 0.99],
                "weight_decay": 0.0001,
            }
        },
    ),
    "an optimiser of one's own": (
        "class Mine(SGD): pass\ntrain(model, Mine(model.parameters(), lr=0.1))",
        {"optimizer": None},
    ),
    "a rate for each layer": (
        "train(model, SGD([{'params': model.conv.parameters(), 'lr': 0.2}, "
        "{'params': model.head.parameters()}], lr=0.1))",
        {"optimizer": None},
    ),
    "two optimisers": (
        "both = [SGD(model.conv.parameters(), lr=0.1), SGD(model.head.parameters(), lr=0.1)]\n"
        "for x, y in train_loader:\n    F.nll_loss(model(x), y).backward()\n"
        "    both[0].step(); both[1].step()",
        {"optimizers": 2},
    ),
    "each epoch": (
        "s = StepLR(optimizer, step_size=2, gamma=0.5)\n"
        "for epoch in range(4):\n    train(model, optimizer)\n    s.step()",
        {
            "scheduler": {"name": "StepLR", "step_size": 2, "gamma": 0.5, "interval": "epoch"},
            "schedulers": ["StepLR"],
            "stepped": True,
        },
    ),
    "each step": (
        "s = OneCycleLR(optimizer, 0.2, total_steps=12, pct_start=0.5)\n"
        "for epoch in range(2):\n    for x, y in train_loader:\n"
        "        step(model, optimizer, x, y); s.step()",
        {
            "optimizer": {"name": "SGD", "lr": 0.1, "momentum": 0.9},
            "scheduler": {
                "name": "OneCycleLR",
                "max_lr": 0.2,
                "total_steps": 12,
                "pct_start": 0.5,
                "interval": "batch",
            },
        },
    ),
    "on a plateau": (
        "s = ReduceLROnPlateau(optimizer, patience=3)\n"
        "for epoch in range(2):\n    train(model, optimizer)\n    s.step(1.0)",
        {"scheduler": {"name": "ReduceLROnPlateau", "patience": 3, "interval": "epoch"}},
    ),
    "defined, never stepped": (
        "s = StepLR(optimizer, 1)\ntrain(model, optimizer)",
        {"scheduler": None, "schedulers": ["StepLR"], "stepped": False},
    ),
    "a function of one's own": (
        "s = LambdaLR(optimizer, lambda epoch: 0.9 ** epoch)\n"
        "for epoch in range(2):\n    train(model, optimizer)\n    s.step()",
        {"scheduler": None, "schedulers": ["LambdaLR"], "stepped": True},
    ),
    "a criterion": (
        "criterion = nn.CrossEntropyLoss(label_smoothing=0.1)\nfor x, y in train_loader:\n"
        "    optimizer.zero_grad()\n    criterion(model(x), y).backward()\n    optimizer.step()",
        {"loss": {"name": "cross_entropy", "label_smoothing": 0.1}},
    ),
    **{
        name: (
            "for x, y in train_loader:\n    optimizer.zero_grad()\n"
            f"    {lines}\n    optimizer.step()",
            {"loss": None},
        )
        for name, lines in {
            "an L1 term": "(F.nll_loss(model(x), y) + 1e-4 * model.conv.weight.abs().sum()).backward()",
            "a part of the loss": "(F.nll_loss(model(x), y) / 4).backward()",
            "mixup": "a = model(x); (F.nll_loss(a, y) + F.nll_loss(a, y.flip(0))).backward()",
            "other labels": "F.nll_loss(model(x), y.flip(0)).backward()",
            "a changed answer": "F.nll_loss(model(x) * 2, y).backward()",
            "gradients clipped": "F.nll_loss(model(x), y).backward(); nn.utils.clip_grad_norm_(model.parameters(), 0.01)",
            "several backward passes": "F.nll_loss(model(x), y).backward(); F.nll_loss(model(x), y).backward()",
        }.items()
    },
    "noise added to the images": (
        "for x, y in train_loader:\n    x = x + 0.1 * torch.rand_like(x)\n    step(model, optimizer, x, y)",
        {"train_transform": None},
    ),
    "images changed in place": (
        "for x, y in train_loader:\n    x.mul_(2)\n    step(model, optimizer, x, y)",
        {"train_transform": None},
    ),
    "a data set of one's own": (
        "class Mine(Dataset):\n    def __len__(self): return 96\n"
        "    def __getitem__(self, i): return train_set[i]\n"
        "train(model, optimizer, DataLoader(Mine(), 16))",
        {"train_transform": None},
    ),
    "another test transform": (
        "other = transforms.Compose([to_tensor, transforms.Normalize((0.13,), (0.3,))])\n"
        "train(model, optimizer)\ntest(model, DataLoader(Digits(False, other)))",
        {
            "test_transform": [
                {"name": "ToTensor"},
                {"name": "Normalize", "mean": [0.13], "std": [0.3]},
            ]
        },
    ),
}


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize("name", RECIPES)
def test_the_recipe_is_data(name: str) -> None:
    cell, expected = RECIPES[name]
    recipe = observe(cell).epochs()[-1]["recipe"]
    assert {key: recipe[key] for key in expected} == expected


DECLARED = {
    "for epoch in range(3):\n    train(model, optimizer)": 3,
    "EPOCHS = 4\nfor epoch in range(1, EPOCHS):\n    train(model, optimizer)": 3,
    "from tqdm import tqdm\nfor e in tqdm(range(2), desc='e'):\n    train(model, optimizer)": 2,
    "def fit(n):\n    for e in range(n):\n        train(model, optimizer)\nfit(2)": 2,
    "epochs = range(2)\nfor e in epochs:\n    train(model, optimizer)": 2,
    "for k in range(7):\n    for e in range(2):\n        train(model, optimizer)": 2,
    "for e in range(2):\n    for x, y in train_loader:\n        for _ in range(1):\n"
    "            step(model, optimizer, x, y)": 2,
    "x, y = train_set.data[:, None] / 255, train_set.targets\nfor e in range(2):\n"
    "    for i in range(0, 96, 16):\n        step(model, optimizer, x[i:i + 16], y[i:i + 16])": 2,
    "for lr in [0.1, 0.2]:\n    train(model, optimizer)": None,
    "train(model, optimizer)": None,
    "n = 0\nwhile n < 2:\n    n += 1\n    train(model, optimizer)": None,
}


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize("cell", DECLARED)
def test_the_number_of_epochs_is_read_before_they_run(cell: str) -> None:
    assert observe(cell).of(Kind.RUN)[0]["declared_epochs"] == DECLARED[cell]


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize("over", ["range(count())", "range(0 + count())", "tqdm(range(count()))"])
def test_evaluating_a_range_runs_nothing(over: str) -> None:
    count = "calls = []\ndef count():\n    calls.append(1)\n    return 2"
    loop = f"from tqdm import tqdm\nfor epoch in {over}:\n    train(model, optimizer)"
    observed = observe(count, loop)
    assert observed.of(Kind.RUN)[0]["declared_epochs"] is None
    assert observed.space["calls"] == [1]


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
