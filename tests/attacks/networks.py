"""Attacks that lie in a network's own class, each graded in both forms in which it is handed in.

Each stands once as the source of a class: all of a table are the steps of one folder, and the
classes of one notebook.
"""

import base64
import random
from array import array
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from batches import Laboratory
from notebook_samples import LOOPS, SETUP, notebook
from step_samples import RECIPE

from harness.collect.workshop import Workshop
from harness.evidence import Step
from harness.judge.parameters import ANSWERED
from harness.scorecard import Mark, Scorecard

HIDDEN = 784
"""Numbers that each attack hides beside the 7,850 of its linear layer."""

SHOWN = 7_850

LIMIT = 4_000
"""Parameters that the laboratory's rubric allows."""

_DRAWN = random.Random(0)
FLOATS = [round(_DRAWN.uniform(-0.1, 0.1), 4) for _ in range(HIDDEN)]
BYTES = base64.b64encode(array("f", FLOATS).tobytes()).decode()

IMPORTS = """
import base64
import torch
import torch.nn as nn
import torch.nn.functional as F
"""


class Attack(NamedTuple):
    """A class, and what becomes of it."""

    forward: str
    """An expression: the answer to `x`, images of 784 pixels, [N, 784]."""
    init: str = "pass"
    """Lines of the constructor."""
    before: str = ""
    """Lines above the class."""
    methods: str = ""
    """More methods of the class."""
    least: int = 0
    """Parameters that are counted at least; 0 where the network is refused."""
    words: str = ""
    """Of the fault, or of a remark."""
    owner: str = "submission"
    """Of the fault."""
    found: str = ""
    """Words of what integrity finds."""

    @property
    def source(self) -> str:
        """The class `Net`."""
        return f"""{IMPORTS}
{self.before}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear({HIDDEN}, 10)
{_indented(self.init, 8)}

    def forward(self, x):
        x = x.flatten(1)
        return F.log_softmax({self.forward}, 1)

{_indented(self.methods, 4)}
"""


FORMS = ("definition", "notebook")


class Graded(NamedTuple):
    """What became of one attack in one form."""

    form: str
    attack: Attack
    step: Step
    marks: dict[str, Mark]
    """By their checks."""

    def expect_no_gain(self) -> None:
        """What was hidden counts, or nothing earns points; and the report says why."""
        if self.attack.least:
            self._expect_admitted()
        elif self.form == "notebook" and self.step.integrity == "answered":
            # What no graph can say is not refused in a notebook; a person decides.
            assert self.step.network is not None
            assert self.attack.words in self.step.network.remarks[0]
            held = self.marks["parameters"]
            assert not held.points or ANSWERED in held.review
        else:
            fault = self.step.fault
            assert fault is not None
            assert fault.owner == self.attack.owner
            assert self.attack.words in fault.message
            # A notebook's own loop had its epochs all the same.
            earned = {check for check, mark in self.marks.items() if mark.points}
            assert earned <= ({"epochs"} if self.form == "notebook" else set())

    def _expect_admitted(self) -> None:
        assert self.step.fault is None, self.step.fault
        network = self.step.network
        assert network is not None
        assert network.parameters.judged >= self.attack.least
        held = self.marks["parameters"]
        assert (held.status == "failed") is (network.parameters.judged >= LIMIT)
        if self.attack.words:
            assert any(self.attack.words in remark for remark in network.remarks)
        if self.attack.found:
            assert self.marks["integrity"].points == 0
            assert any(self.attack.found in told for told in self.marks["integrity"].review)


def both_forms(
    laboratory: Laboratory, attacks: Mapping[str, Attack], loops: str = LOOPS
) -> dict[tuple[str, str], Graded]:
    """All attacks of a table by form and name, after whose grades honest neighbours are unharmed."""
    laboratory = laboratory._replace(workshop=_patient(laboratory.workshop))
    every = [c.model_copy(update={"scope": "every step"}) for c in laboratory.rubric.checks]
    rubric = laboratory.rubric.model_copy(update={"checks": every})
    files = {f"step_{n}.py": f"{a.source}\n{RECIPE}" for n, a in enumerate(attacks.values(), 1)}
    cells = [f"{attack.source}\nfit(Net(), 1)" for attack in attacks.values()]
    defined = laboratory.attack(files, rubric)
    observed = laboratory.attack({"Step_1.ipynb": notebook(SETUP, loops, *cells)}, rubric)
    of_step = [f"step_{n}.py" for n in range(1, len(attacks) + 1)]
    of_cell = {step.trained: step.name for step in observed.evidence.steps}
    found = {}
    for number, (name, attack) in enumerate(attacks.items()):
        found["definition", name] = _graded("definition", attack, defined, of_step[number])
        # The first two cells hold data and loops.
        step = of_cell.get(number + 2, f"none of cell {number + 3}: {observed.faults}")
        found["notebook", name] = _graded("notebook", attack, observed, step)
    return found


def _patient(workshop: Workshop) -> Workshop:
    """With time for a busy machine: nothing in these tables is endless, and all of it is large."""
    return replace(
        workshop,
        limits=replace(workshop.limits, cpu_seconds=60, wall_seconds=600),
        notebook=replace(workshop.notebook, cell_seconds=300, seconds=900),
    )


def _graded(form: str, attack: Attack, scorecard: Scorecard, name: str) -> Graded:
    steps = [step for step in scorecard.evidence.steps if step.name == name]
    assert steps, name
    marks = {mark.check: mark for mark in scorecard.marks if mark.step == name}
    return Graded(form, attack, steps[0], marks)


def _indented(lines: str, by: int) -> str:
    return "\n".join(" " * by + line for line in lines.strip("\n").splitlines())


def added(hidden: str) -> str:
    """An answer to which 784 numbers contribute that nobody sees."""
    return f"self.head(x) + (x @ {hidden})[:, None] * self.head.bias"
