"""Frames that no exporter and no probe wrote: from definitions, from notebooks, and as bare bytes."""

import base64
import resource
from dataclasses import replace

import pytest
from batches import Laboratory, by_name, worth
from crossing import handed_over
from notebook_samples import LOOPS, SETUP, notebook
from notebook_samples import NET as NOTEBOOK_NET
from step_samples import NET, step
from test_notebook_hazards import EPOCH, FORGE, SEEN, UNTRAINED
from torch import nn

from harness.grade import grade
from harness.scorecard import Scorecard

# Definitions ---------------------------------------------------------------------------------

DEFINITION, TENSORS = handed_over(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
OTHER = f"""
import base64
definition = base64.b64decode({base64.b64encode(DEFINITION)!r})
tensors = base64.b64decode({base64.b64encode(TENSORS)!r})
"""
"""A network of 7,850 parameters, which is none of the file's."""

RAW = """
def raw(content):
    for number in pipes():
        try:
            os.write(number, content)
        except OSError:
            pass
"""

END = "os._exit(0)\n"

DEFINITIONS = {
    "tensors of another": (
        "forge('DEFINITION', definition)\nforge('TENSORS', bytes(8))\n" + END,
        "malformed",
    ),
    "a fault of a million letters": (
        "forge('FAULT', dict(owner='harness', stage='x' * 10**6, message='y' * 10**6, line=1, traceback='z' * 10**6))\n"
        + END,
        "yyy",
    ),
    "no fault": ("forge('FAULT', [0] * 10**6)\n" + END, "its process sent no fault"),
    "a frame of a terabyte": (
        "raw(b'\\x02' + (2**40).to_bytes(8, 'big'))\n" + END,
        "a frame of 1,099,511,627,776 bytes; at most",
    ),
    "an unknown kind": ("raw(b'\\xff' * 9)\n" + END, "unknown kind of frame: 255"),
    "a flood of frames": (
        "for _ in range(1_000):\n    forge('SHIM', {})\n" + END,
        "it sent more than 16 frames",
    ),
    "a flood of bytes": (
        "for _ in range(16):\n    forge('TENSORS', bytes(2**26))\n" + END,
        "more than 536,870,912 bytes of frames",
    ),
    "an end of its own": ("forge('END', b'0')\n", "ended its own process with exit code 0"),
}
"""What a file does when it is imported, and what its fault says; all of them are the file's own."""

LATER = """
if os.fork() == 0:
    os.setsid()
    import time
    for _ in range(1_000):
        forge('DEFINITION', definition)
        forge('TENSORS', tensors)
        forge('END', b'0')
        time.sleep(0.02)
    os._exit(0)
"""
"""A process that goes on to speak when its step's turn is over."""


@pytest.fixture(scope="module")
def definitions(best: Laboratory) -> Scorecard:
    """One submission: a forger, an honest step, a forger, ..."""
    files: dict[str, str | bytes] = {}
    for number, (attack, _) in enumerate(DEFINITIONS.values()):
        files[f"step_{number}_a.py"] = step(network=FORGE + RAW + OTHER + attack + NET)
        files[f"step_{number}_b.py"] = step(f"Honest {number}.")
    return best.attack(files)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_forged_frames_of_a_definition_are_its_own_fault(definitions: Scorecard, name: str) -> None:
    number = list(DEFINITIONS).index(name)
    one = by_name(definitions, f"step_{number}_a.py")
    assert one.fault is not None
    assert one.fault.owner == "submission"
    assert any(words in one.fault.message for words in DEFINITIONS[name][1].split("|"))
    assert len(one.fault.message) <= 2_000
    assert not one.runs
    assert worth(definitions, one) == 0


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_step_after_a_forger_is_its_own(definitions: Scorecard, name: str) -> None:
    honest = by_name(definitions, f"step_{list(DEFINITIONS).index(name)}_b.py")
    assert honest.fault is None, honest.fault
    assert honest.network is not None
    assert (honest.network.name, honest.network.parameters.judged) == ("Net", 2_018)
    assert honest.runs[0].epochs[-1].test_correct > 180


def test_frames_take_a_bounded_memory(definitions: Scorecard) -> None:
    """Half a gigabyte through one pipe is the most, and this process has had it all."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4 * 2**20


def test_a_network_that_was_forged_is_the_one_that_counts_and_trains(
    laboratory: Laboratory,
) -> None:
    forged = "forge('DEFINITION', definition)\nforge('TENSORS', tensors)\n" + END
    scorecard = laboratory.attack(
        {
            "step_1.py": step(network=FORGE + OTHER + forged + NET),
            "step_2.py": step(network=FORGE + OTHER + LATER + NET),
            "step_3.py": step("Honest."),
        }
    )
    first, second, third = scorecard.evidence.steps
    for one in (first, second, third):
        assert one.fault is None, one.fault
        assert one.network is not None
    assert first.network is not None
    assert first.network.parameters.judged == 7_850
    assert third.network is not None
    assert third.network.parameters.judged == 2_018


def test_half_a_frame_costs_its_step_alone(best: Laboratory) -> None:
    """Nobody waits for its other half longer than for any answer."""
    code = "raw(b'\\x01' + (1_000).to_bytes(8, 'big') + b'{')\nimport time\ntime.sleep(50)\n"
    path = best.put({"step_1.py": step(network=FORGE + RAW + code), "step_2.py": "1 / 0\n"})
    short = replace(best.workshop, limits=replace(best.workshop.limits, wall_seconds=5))
    scorecard = grade(path, best.rubric, short, lambda told: None)
    faults = [one.fault for one in scorecard.evidence.steps]
    assert [fault and fault.owner for fault in faults] == ["submission"] * 2
    assert faults[0] is not None
    assert "no answer within 5 s" in faults[0].message
    best.expect_unharmed()


# Notebooks -----------------------------------------------------------------------------------

WEIGHTS = """
import safetensors.torch
def weights(value):
    return safetensors.torch.save({name: torch.full_like(tensor, value) if tensor.is_floating_point() else tensor for name, tensor in Net().state_dict().items()})
"""

QUIET = {
    "right answers": f"forge('SEEN', {SEEN})",
    "an epoch of right answers": f"forge('EPOCH', {EPOCH | {'number': 2}})\nforge('WEIGHTS', weights(0.0))",
    "weights that are no numbers": f"forge('EPOCH', {EPOCH | {'number': 3}})\nforge('WEIGHTS', weights(float('nan')))",
    "infinite weights": f"forge('EPOCH', {EPOCH | {'number': 4}})\nforge('WEIGHTS', weights(float('inf')))",
    "a notebook to look at": "forge('EXECUTED', b'<script>')",
    "an end of its own": "forge('END', b'0')",
}  # fmt: skip
"""What a notebook may say, and what is measured all the same."""

LOUD = {
    "weights that are none": (
        f"forge('EPOCH', {EPOCH | {'number': 2}})\nforge('WEIGHTS', b'no weights')\n",
        "what its process sent cannot be read: weights",
    ),
    "another network's weights": (
        f"forge('EPOCH', {EPOCH | {'number': 2}})\n"
        "forge('WEIGHTS', safetensors.torch.save({'head.weight': torch.zeros(10, 784)}))\n",
        "its network was changed while it trained",
    ),
    "a frame of a terabyte": (
        "raw(b'\\x08' + (2**40).to_bytes(8, 'big'))\n",
        "a frame of 1,099,511,627,776 bytes; at most",
    ),
    "a flood of cells": (
        "for _ in range(3_000):\n"
        "    forge('CELL', dict(cell=0, seconds=0, error='', line=None, traceback=''))\n",
        "more than 2,000 cells",
    ),
}
"""What no probe says, in a cell after a training that learns nothing; and the words of the fault."""


@pytest.fixture(scope="module")
def notebooks(best: Laboratory) -> Scorecard:
    """One submission, whose notebooks train nothing and forge the rest."""
    begin = (SETUP, NOTEBOOK_NET, LOOPS, FORGE + RAW + WEIGHTS, UNTRAINED)
    files: dict[str, str | bytes] = {
        f"step_{number}.ipynb": notebook(*begin, attack)
        for number, (attack, _) in enumerate(LOUD.values(), 1)
    }
    return best.attack(files | {"step_0.ipynb": notebook(*begin, *QUIET.values())})


def test_a_notebook_may_say_what_it_likes(notebooks: Scorecard) -> None:
    one = by_name(notebooks, "step_0.ipynb")
    assert one.fault is None
    (run,) = one.observed
    assert len(run.epochs) == 4
    assert [epoch.train_correct for epoch in run.epochs[1:]] == [1_437] * 3
    assert max(epoch.test_correct for epoch in run.epochs) < 108  # of 360; chance is 36
    assert worth(notebooks, one) < 100


@pytest.mark.parametrize("name", LOUD)
def test_what_no_probe_sends_is_the_notebooks_fault(notebooks: Scorecard, name: str) -> None:
    one = by_name(notebooks, f"step_{list(LOUD).index(name) + 1}.ipynb")
    (run,) = one.observed
    faults = [fault for fault in (one.fault, run.fault) if fault]
    assert {fault.owner for fault in faults} == {"submission"}
    assert LOUD[name][1] in faults[0].message
    assert [epoch.test_correct < 108 for epoch in run.epochs] == [True]
    assert worth(notebooks, one) < 100
