"""The check `integrity`: whether what was measured looks like an honest network.

What the rules of admission refuse never comes so far; here stands what they let pass.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from harness.evidence import Dataset, Evidence, Network, Run, Step
from harness.percentage import Percentage, percent
from harness.rubric import Check, Finding

UNTRAINED = (Percentage("2 %"), Percentage("19 %"))
"""Accuracies between which 222 honest networks stand before training."""

COSTLIER = 1.05
"""Multiply-adds of the evaluation over those of the training, from which it is another network."""


class Integrity(Check):
    """Nothing about the network suggests that its answers are other than learnt.

    What is found costs the check's points and is put before a person: an honest network can look
    odd, so think twice before you make this check required.
    """

    needs: ClassVar[tuple[str, ...]] = ("network", "runs")
    example: ClassVar[str] = """
[[checks]]
kind = "integrity"
shifted_margin = "5 %"
points = 5
scope = "every step"
"""

    kind: Literal["integrity"]
    shifted_margin: Percentage = Percentage("5 %")
    """Share of the test images that may be lost when all are shifted by one pixel. Of 10,000,
    the four networks of seed 004 lost 188, 83, 30 and 16; a table of answers loses nearly all."""

    def asked(self, dataset: Dataset) -> str:
        """What must not be found."""
        count = self.shifted_margin.of(dataset.test_size)
        return f"at most {count:,} answers lost on shifted images; evaluated as trained"

    def judge(self, step: Step, evidence: Evidence) -> Finding:
        """All or nothing; what only a person can weigh is put before a person."""
        assert step.network is not None
        size = evidence.dataset.test_size
        wrong = _evaluation(step.network)
        told, odd = [], []
        for run in step.runs:
            seed = f"seed {run.seed}: " if len(step.runs) > 1 else ""
            if run.shifted is not None and run.epochs:
                lost = run.epochs[-1].test_correct - run.shifted
                told.append(f"{seed}{max(lost, 0):,} lost on shifted images")
                if lost > self.shifted_margin.of(size):
                    wrong.append(f"{seed}{lost:,} answers are lost when the images are shifted")
            if run.observed:
                wrong += run.observed.findings
            odd += [f"{seed}{sentence}" for sentence in _to_look_at(run, size)]
        if not told:
            why = next((run.fault.message for run in step.runs if run.fault), "no run ended")
            return Finding(0, "not measured", why, review=tuple(wrong))
        return Finding(
            earned=0 if wrong else 1,
            measured="; ".join(told),
            why="; ".join(wrong) or "nothing was found",
            review=(*wrong, *odd),
        )


def _evaluation(network: Network) -> list[str]:
    """How the network that is evaluated differs from the one that was trained."""
    found = []
    if network.multiply_adds > COSTLIER * network.training_multiply_adds:
        found.append(
            f"evaluation takes {network.multiply_adds:,} multiply-adds an image, training "
            f"{network.training_multiply_adds:,}: is it an ensemble?"
        )
    if network.evaluation_only:
        names = ", ".join(network.evaluation_only)
        found.append(f"read in evaluation and never in training: {names}")
    return found


def _to_look_at(run: Run, size: int) -> list[str]:
    """What is seldom with honest networks and yet no fault."""
    found = []
    least, most = (share.of(size) for share in UNTRAINED)
    if not least <= run.before_training <= most:
        share = percent(run.before_training, size)
        found.append(f"{share} right before training; untrained networks answer 2 to 19 %")
    still = [str(epoch.number) for epoch in run.epochs if not epoch.moved]
    if still:
        found.append(f"the weights stood still in epoch {', '.join(still)}")
    return found
