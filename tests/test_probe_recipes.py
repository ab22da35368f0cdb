"""What the probe tells of how a notebook trains: its recipe, and the epochs that it declares."""

from typing import Any

import pytest
from watched import observe

from harness.frames import Kind
from harness.inside.reporter import TrainingStopped

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
    "images through own code": (
        "x, y = train_set.data[:, None] / 127.5 - 1, train_set.targets\n"
        "for i in range(0, 96, 16): step(model, optimizer, x[i:i + 16], y[i:i + 16])",
        {
            "train_transform": None,
            "test_transform": [
                {"name": "ToTensor"},
                {"name": "Normalize", "mean": [0.5], "std": [0.5]},
            ],
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


STOPPED = {
    "for epoch in range(5):\n    train(model, optimizer)\nprint('done')": True,
    "def fit():\n    for epoch in range(5):\n        train(model, optimizer)\nfit()": True,
    "def fit():\n    for epoch in range(5):\n        train(model, optimizer)\nfit()\nfit()": False,
    "for lr in (0.1, 0.2):\n    for epoch in range(5):\n        train(model, optimizer)": False,
}


@pytest.mark.usefixtures("unexported")
@pytest.mark.parametrize("cell", STOPPED)
def test_only_a_training_that_is_alone_in_its_cell_is_stopped(cell: str) -> None:
    if STOPPED[cell]:
        with pytest.raises(TrainingStopped):
            observe(cell, stop_after=2)
    else:
        assert len(observe(cell, stop_after=2).epochs()) >= 5
