"""Pickles that act when they are opened: beside a submission, and in place of a network."""

import pickle
from pathlib import Path

import pytest
from batches import Laboratory, by_name
from notebook_samples import LOOPS, NET, SETUP, notebook
from step_samples import step

from harness.scorecard import Scorecard

NO_GRAPH = NET.replace(
    "    def forward(self, x):\n", "    def forward(self, x):\n        if float(x.sum()) > 1e9: x = x * 0\n"
)  # fmt: skip
"""Decides by the images, which no export can follow: its model is packed, and asked."""

ANSWERS = {
    "nothing but NaN": ("answer * float('nan')", "it answers with what is no number"),
    "eleven scores": ("torch.cat([answer, answer[:, :1]], 1)", "it must be [360, 10]"),
    "more than was asked": ("answer.repeat(2, 1)", "it must be [360, 10]"),
    "by the place of an image": ("F.one_hot(torch.arange(len(x)) % 10, 10).float()", ""),
}
"""What a packed model answers in its own sandbox, and the words of the fault."""


class Acting:
    """Writes a file when it is opened."""

    def __init__(self, marker: Path) -> None:
        self._command = f"import pathlib; pathlib.Path({str(marker)!r}).write_text('opened')"

    def __reduce__(self) -> tuple[object, ...]:
        return exec, (self._command,)


def packing(marker: Path) -> str:
    """A network that writes a file where its model is opened."""
    command = f"import pathlib; pathlib.Path({str(marker)!r}).write_text('opened')"
    return f"""{NO_GRAPH.rstrip()}

    def __deepcopy__(self, memo):
        other = Net()
        other.load_state_dict(self.state_dict())
        return other

    def __reduce__(self):
        return exec, ({command!r},)
"""


def answering(answer: str) -> str:
    """A network that trains as another, and answers so where it is asked."""
    told = f"        return answer if 'ipykernel' in sys.modules else {answer}\n"
    lines = NO_GRAPH.replace("return F.log_softmax", "answer = F.log_softmax").rstrip()
    return f"import sys\n{lines}\n{told}"


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that nobody may write: the trusted side could."""
    return tmp_path_factory.mktemp("outside") / "owned"


@pytest.fixture(scope="module")
def graded(best: Laboratory, marker: Path) -> Scorecard:
    checkpoint = pickle.dumps(Acting(marker))
    opening = "import pickle\npickle.loads(open('model.pt', 'rb').read())"
    files: dict[str, str | bytes] = {
        "model.pt": checkpoint,
        "archive.pkl": checkpoint,
        "step_1.ipynb": notebook(SETUP, NET, LOOPS, opening, "fit(Net(), 1)"),
        "step_2.ipynb": notebook(SETUP, packing(marker), LOOPS, "fit(Net(), 1)"),
    }
    files |= {
        f"step_{number}.ipynb": notebook(SETUP, answering(answer), LOOPS, "fit(Net(), 1)")
        for number, (answer, _) in enumerate(ANSWERS.values(), 3)
    }
    return best.attack(files)


def test_a_checkpoint_is_opened_by_the_submission_alone(graded: Scorecard, marker: Path) -> None:
    one = by_name(graded, "step_1.ipynb")
    assert one.fault is None
    assert one.integrity == "observed"
    assert not marker.exists()  # what it wrote lies in its own room


def test_a_packed_model_is_opened_in_a_sandbox_alone(graded: Scorecard, marker: Path) -> None:
    one = by_name(graded, "step_2.ipynb")
    assert one.fault is not None
    assert one.fault.owner == "submission"
    assert "asked for its answers, it does not answer" in one.fault.message
    assert not marker.exists()


@pytest.mark.parametrize("name", ANSWERS)
def test_hostile_answers_are_none(graded: Scorecard, name: str) -> None:
    one = by_name(graded, f"step_{list(ANSWERS).index(name) + 3}.ipynb")
    words = ANSWERS[name][1]
    if words:
        assert one.fault is not None
        assert one.fault.owner == "submission"
        assert words in one.fault.message
    else:
        assert one.fault is None, one.fault
        assert one.integrity == "answered"
    measured = [epoch.test_correct for run in one.observed for epoch in run.epochs]
    assert max(measured, default=0) < 108  # of 360; chance is 36


def test_a_checkpoint_beside_a_definition_is_not_even_read(best: Laboratory, marker: Path) -> None:
    checkpoint = pickle.dumps(Acting(marker))
    scorecard = best.attack({"step_1.py": step(), "Net.pt": checkpoint, "step_1.pkl": checkpoint})
    (one,) = scorecard.evidence.steps
    assert one.fault is None
    assert scorecard.verdict == "passed"
    assert not marker.exists()
