"""A file that cannot become a graph is told why, where, and what to write instead."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from step_samples import step
from torch import nn

from harness import frames
from harness.inside import exporter

NET = """
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(784, 10)
        {made}

    def forward(self, x):
        scores = self.head(x.flatten(1))
        {answered}
        return scores
"""

LINE = 18
"""Of what a test answers with."""


@pytest.fixture
def handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a step's source as the child does: to its definition or its fault."""
    # What the exporter replaces in its own process is put back in this one.
    monkeypatch.setattr(torch, "compile", torch.compile)
    monkeypatch.setattr(nn.Module, "compile", nn.Module.compile)

    def run(made: str = "pass", answered: str = "pass") -> dict[frames.Kind, Any]:
        path = tmp_path / "step_1.py"
        path.write_text(step(network=NET.format(made=made, answered=answered)))
        stream = io.BytesIO()
        exporter.main(path, "", stream)
        stream.seek(0)
        kinds = (frames.Kind.DEFINITION, frames.Kind.FAULT)
        return {kind: json.loads(sent) for kind, sent in frames.read(stream) if kind in kinds}

    return run


@pytest.mark.parametrize(
    ("made", "answered", "words", "line"),
    [
        ("pass", "scores = scores if scores.sum() > 0 else -scores", "takes a number or a decision from the values", LINE),
        ("pass", "scores = scores * float(scores.max())", "takes a number or a decision from the values", LINE),
        ("pass", "scores = torch.stack([self.head(image.flatten()) for image in x])", "treat the whole batch at once", None),
        ("pass", "scores = -scores if len(x) > 3 else scores", "write x.size(0) for its size", None),
        ("pass", "scores.data.mul_(2)", "use detach() or torch.no_grad()", None),
        ("pass", "scores = torch.from_numpy(scores.detach().numpy())", "into a NumPy array", LINE),
        ("pass", "scores = checkpoint(torch.tanh, scores, use_reentrant=True)", "use_reentrant=False", None),
        ("pass", "scores = scores.detach()", "no parameter of the network gets a gradient", None),
        ("self.head = torch.jit.script(self.head)", "pass", "hand in the plain module", None),
        ("self.head = parametrizations.orthogonal(self.head)", "pass", "nn.init.orthogonal_", None),
        ("pass", "scores = torch.autocast('cpu')(self.head)(x.flatten(1)).float()", "leave torch.autocast out", None),
    ],
)  # fmt: skip
def test_says_why_and_what_to_change(
    handed_over: Any, made: str, answered: str, words: str, line: int | None
) -> None:
    fault = handed_over(made, answered)[frames.Kind.FAULT]
    assert words in fault["message"]
    assert fault["owner"] == "submission"
    assert line is None or fault["line"] == line  # some errors name it in a newer torch alone


@pytest.mark.parametrize(
    ("made", "answered"),
    [
        ("self.head = torch.compile(self.head)", "pass"),
        ("self.compile()", "pass"),
        ("self.again = nn.LazyLinear(10)", "scores = self.again(scores)"),
        ("self.again = nn.LazyLinear(10)", "scores = torch.compile(mode='default')(self.again)(scores)"),
    ],
)  # fmt: skip
def test_unwraps_what_only_makes_it_faster(handed_over: Any, made: str, answered: str) -> None:
    definition = handed_over(made, answered)[frames.Kind.DEFINITION]
    operators = {call["operator"] for call in definition["evaluation"]["calls"]}
    assert operators == {"aten.flatten.using_ints", "aten.linear.default"}
    assert all("_orig_mod" not in info["name"] for info in definition["tensors"])
