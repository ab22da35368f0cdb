"""A batch with an attack in it, graded as `harness grade attack/ honest/` does."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from step_samples import step

from harness.collect.sandbox.launch import Wall
from harness.collect.workshop import Workshop
from harness.evidence import Step
from harness.grade import grade
from harness.rubric import Rubric
from harness.scorecard import Scorecard

_NUMBERS = itertools.count()

Files = Mapping[str, str | bytes]
"""A submission: places in its folder to contents."""


class Laboratory(NamedTuple):
    """Where attacks are graded: behind one wall, and with a folder for submissions."""

    wall: Wall
    workshop: Workshop
    folder: Path
    rubric: Rubric

    def attack(self, files: Files, rubric: Rubric | None = None) -> Scorecard:
        """The scorecard of an attack, after whose grade an honest neighbour's is what it was."""
        path = self.put(files)
        scorecard = grade(path, rubric or self.rubric, self.workshop, lambda told: None)
        self.expect_unharmed()
        return scorecard

    def put(self, files: Files) -> Path:
        """A folder with these files, of a name of its own."""
        folder = self.folder / f"attack-{next(_NUMBERS)}"
        for place, content in files.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    def expect_unharmed(self) -> None:
        """Grade an honest submission, which goes through a process of its own behind the wall."""
        # What was handed in is new, so that nothing of it is in the store but the runs of its
        # network, which another text does not change.
        path = self.put({"step_1.py": step(f"Honest {next(_NUMBERS)}.")})
        scorecard = grade(path, self.rubric, self.workshop, lambda told: None)
        (honest,) = scorecard.evidence.steps
        assert honest.fault is None, honest.fault
        assert honest.sandbox == self.wall.name
        assert honest.network is not None
        assert honest.network.parameters.judged == 2_018
        assert scorecard.verdict == "passed"


def only_step(scorecard: Scorecard) -> Step:
    """The step of a submission that has one."""
    (only,) = scorecard.evidence.steps
    return only


def last_correct(scorecard: Scorecard) -> int:
    """Correct test answers after the last epoch of the only run of the only step."""
    (run,) = only_step(scorecard).runs
    return run.epochs[-1].test_correct


def by_name(scorecard: Scorecard, name: str) -> Step:
    """The step of this name."""
    return next(step for step in scorecard.evidence.steps if step.name == name)


def worth(scorecard: Scorecard, step: Step) -> float:
    """Points of a step."""
    return sum(mark.points for mark in scorecard.marks if mark.step == step.name)
