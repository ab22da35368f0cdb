"""Notebooks as learners write them, made of cells: small networks, and loops that train them."""

from pathlib import Path

import nbformat
from step_samples import LIMITS

from harness import data
from harness.collect.workshop import Workshop
from harness.evidence import Run, Step
from harness.grade import grade
from harness.rubric import Rubric, find, load
from harness.scorecard import Scorecard
from harness.store import Store

SETUP = """
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torchvision import datasets, transforms

torch.manual_seed(1)
transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.3,), (0.35,))])
train_set = datasets.MNIST("./data", train=True, download=True, transform=transform)
test_set = datasets.MNIST("./data", train=False, download=True, transform=transform)
train_loader = torch.utils.data.DataLoader(train_set, batch_size=32, shuffle=True)
test_loader = torch.utils.data.DataLoader(test_set, batch_size=360)
"""

NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, stride=2)
        self.norm1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 12, 3)
        self.norm2 = nn.BatchNorm2d(12)
        self.head = nn.Linear(192, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.relu(self.norm2(self.conv2(x)))
        return F.log_softmax(self.head(x.flatten(1)), dim=1)
"""
"""3,054 parameters, which learn the digits in five epochs of a fraction of a second."""

LOOPS = """
def train(model, optimizer, loader=train_loader):
    model.train()
    for data, target in loader:
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()


def test(model, loader=test_loader):
    model.eval()
    correct = 0
    with torch.no_grad():
        for data, target in loader:
            correct += int((model(data).argmax(1) == target).sum())
    print(f"Accuracy: {correct}/{len(loader.dataset)}")


def fit(model, epochs, lr=0.05):
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for epoch in range(epochs):
        train(model, optimizer)
        test(model)
"""

NOTES = """md: # Step 1

Target: a small network that learns the digits at all
Result: 3,054 parameters, as the summary below says
Analysis: it learns fast; the next step makes it smaller
"""


def notebook(*cells: str) -> str:
    """A notebook: a cell that begins with `md:` holds text, and all others code."""
    made = nbformat.v4.new_notebook()
    made.cells = [
        nbformat.v4.new_markdown_cell(cell.removeprefix("md:").strip())
        if cell.startswith("md:")
        else nbformat.v4.new_code_cell(cell.strip())
        for cell in cells
    ]
    return nbformat.writes(made)


QUICKSTART = load(find("digits-quickstart"))


def workshop_in(folder: Path) -> Workshop:
    return Workshop(Store(folder / "store"), data.folder(), "cpu", LIMITS)


def graded(
    path: Path, folder: Path, rubric: Rubric = QUICKSTART, replay: bool = False
) -> Scorecard:
    return grade(path, rubric, workshop_in(folder), lambda told: None, replay=replay)


def only_run(step: Step) -> Run:
    (run,) = step.observed
    return run
