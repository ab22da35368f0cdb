"""Code that changes what the harness's own code beside it calls: torch, json, safetensors, modules."""

import pytest
from batches import Laboratory, by_name, worth
from notebook_samples import LOOPS, SETUP, notebook
from notebook_samples import NET as NOTEBOOK_NET
from step_samples import NET, step
from test_notebook_hazards import UNTRAINED

from harness.evidence import Step
from harness.scorecard import Scorecard

# Definitions ---------------------------------------------------------------------------------

KEPT = {
    "argmax": "torch.argmax = torch.Tensor.argmax = lambda *_, **__: torch.zeros(360).long()",
    "equality": "torch.Tensor.__eq__ = lambda *_: torch.ones(360, dtype=torch.bool)",
    "an optimiser's step": "torch.optim.Optimizer.step = torch.optim.SGD.step = lambda *_, **__: None",
    "counts of elements": "nn.Parameter.numel = lambda *_: 1",
    "the comparison of gradients": "import harness.inside.exporter as exporter\nexporter.compare = lambda *_: None",
    "garbage": "import gc\nfor one in gc.get_objects():\n    if type(one).__name__ in ('Order', 'Fault'):\n        one.__dict__.clear()",
    "modules of the harness": "import sys\nfor name in list(sys.modules):\n    if name.startswith('harness'):\n        sys.modules[name] = None",
}
"""In whose place a definition puts its own, and which nobody asks of it."""

BROKEN = {
    "random numbers": "torch.manual_seed = torch.seed = lambda *_: None",
    "sums": "torch.Tensor.sum = torch.sum = lambda *_, **__: torch.tensor(360)",
    "the export": "torch.export.export = lambda *_, **__: None",
    "JSON": "import json\njson.dumps = lambda *_, **__: '{\"parameters\": 1}'",
    "safetensors": "import safetensors.torch\nsafetensors.torch.save = lambda *_, **__: b'saved'",
    "every module": "nn.Module.__call__ = lambda *_, **__: torch.zeros(11, 10)",
    "frames": "from harness import frames\nframes.write = lambda *_: None",
}
"""Without which there is no network to be had of it: its own fault."""


@pytest.fixture(scope="module")
def definitions(best: Laboratory) -> Scorecard:
    files: dict[str, str | bytes] = {
        f"step_{number}.py": step(network=f"import torch\nimport torch.nn as nn\n{code}\n{NET}")
        for number, code in enumerate((KEPT | BROKEN).values(), 1)
    }
    return best.attack(files | {"step_0.py": step("Honest.")})


def of(definitions: Scorecard, name: str) -> Step:
    return by_name(definitions, f"step_{list(KEPT | BROKEN).index(name) + 1}.py")


@pytest.mark.parametrize("name", KEPT)
def test_what_a_definition_patches_changes_no_figure(definitions: Scorecard, name: str) -> None:
    one, honest = of(definitions, name), by_name(definitions, "step_0.py")
    assert one.fault is None, one.fault
    assert one.network is not None
    assert honest.network is not None
    assert one.network.parameters == honest.network.parameters
    assert counts(one) == counts(honest)


@pytest.mark.parametrize("name", BROKEN)
def test_what_a_definition_breaks_is_its_own_fault(definitions: Scorecard, name: str) -> None:
    one = of(definitions, name)
    assert one.fault is not None
    assert one.fault.owner == "submission"
    assert not one.runs
    assert worth(definitions, one) == 0


def counts(one: Step) -> list[int]:
    return [epoch.test_correct for run in one.runs for epoch in run.epochs]


# Notebooks -----------------------------------------------------------------------------------

LYING = {
    "argmax": KEPT["argmax"],
    "equality": KEPT["equality"],
    "sums": BROKEN["sums"],
    "a loss": "F.nll_loss = lambda answer, target, **_: answer.sum() * 0",
    "garbage": "import gc\nfor one in gc.get_objects():\n    if type(one).__name__ in ('Reporter', 'Account'):\n        one.__dict__.clear()",
    "modules of the harness": KEPT["modules of the harness"],
}
"""Each after a training that learns nothing, and before another."""

SILENT = {
    "hooks of optimisers": "import torch.optim.optimizer as o\no._global_optimizer_pre_hooks.clear()\no._global_optimizer_post_hooks.clear()",
    "the probe": "from harness.inside import probe\nprobe._probe.finish()",
    "every module": "nn.Module.__call__ = lambda self, x: self.forward(x)",
    "the export": BROKEN["the export"],
    "safetensors": BROKEN["safetensors"],
    "JSON": BROKEN["JSON"],
}
"""Each before a training that learns: what the probe does not see, or cannot tell."""


@pytest.fixture(scope="module")
def notebooks(best: Laboratory) -> Scorecard:
    begin = (SETUP, NOTEBOOK_NET, LOOPS)
    lying = [each for code in LYING.values() for each in (code, UNTRAINED)]
    files: dict[str, str | bytes] = {
        f"step_{number}.ipynb": notebook(*begin, code, "fit(Net(), 5)")
        for number, code in enumerate(SILENT.values(), 1)
    }
    return best.attack(files | {"step_0.ipynb": notebook(*begin, UNTRAINED, *lying)})


def test_what_a_notebook_patches_makes_no_right_answer(notebooks: Scorecard) -> None:
    one = by_name(notebooks, "step_0.ipynb")
    measured = [epoch.test_correct for run in one.observed for epoch in run.epochs]
    assert measured
    assert max(measured) < 108  # of 360; chance is 36


@pytest.mark.parametrize("name", SILENT)
def test_what_the_probe_cannot_tell_earns_nothing_for_it(notebooks: Scorecard, name: str) -> None:
    """Silence is no way to fewer epochs or parameters: what was not seen is not graded."""
    one = by_name(notebooks, f"step_{list(SILENT).index(name) + 1}.ipynb")
    samples = sum(epoch.samples for run in one.observed for epoch in run.epochs)
    faults = [fault for fault in (one.fault, *(run.fault for run in one.observed)) if fault]
    assert samples == 5 * 1_437 or faults
    assert all(fault.owner == "submission" for fault in faults)
