"""A network that is no graph answers in a sandbox: as the eager model, or with one message."""

from pathlib import PurePosixPath
from typing import Any

import cloudpickle
import pytest
import torch
from observed import Frames, ended, epoch, nudged, packed
from torch import Tensor, nn

from harness import data
from harness.collect.answers import answers
from harness.collect.bench import bench
from harness.collect.observe import Observer
from harness.collect.sandbox import walls
from harness.collect.sandbox.child import ChildFailed
from harness.store import Store

PLACE = PurePosixPath("nested/Step_1.ipynb")
SANDBOX = walls.Sandbox(walls.best())
IMAGES = torch.rand(7, 1, 28, 28)

MODULE = b"""
def threshold():
    return 0.3
"""


class Choosing(nn.Module):
    """Answers by one of two layers, by the values that it sees: no graph can say so."""

    def __init__(self) -> None:
        super().__init__()
        self.dark, self.bright = nn.Linear(784, 10), nn.Linear(784, 10)

    def forward(self, x: Tensor) -> Tensor:
        from beside import threshold  # type: ignore[import-not-found]

        if float(x[0].mean()) > threshold():
            return self.bright(x.flatten(1))  # type: ignore[no-any-return]
        return self.dark(x.flatten(1))  # type: ignore[no-any-return]


def told(model: nn.Module) -> bytes:
    """The model as a notebook's process packs it: its class with it, as of `__main__`."""
    import sys

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    packed: bytes = cloudpickle.dumps(model)
    return packed


def test_it_answers_as_the_eager_model_does(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way from frames to a run; the module beside the notebook is found."""
    (tmp_path / "beside.py").write_bytes(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    torch.manual_seed(0)
    on = bench("cpu", data.load("digits", data.folder()), Store(tmp_path / "store"), SANDBOX.wall)
    network = Choosing()
    observed = Observer(on, "key", lambda run: None)
    test = (on.images.test / 255 - 0.3) / 0.3
    parts: list[Frames] = [packed(told(network))]
    expected = [right(network, test, on.images.test_labels)]
    for number in (1, 2):
        parts.append(ended(nudged(network, number), epoch(number)))
        expected.append(right(network, test, on.images.test_labels))
    for frame in [frame for part in parts for frame in part]:
        observed.take(*frame)
    observed.finish()
    observed.ask(PLACE, {PurePosixPath("nested/beside.py"): MODULE}, SANDBOX)
    (training,) = observed.trainings
    assert training.fault is None
    made = observed.run(training, None)
    assert [made.before_training, *(each.test_correct for each in made.epochs)] == expected
    assert made.complete
    assert made.shifted is not None
    assert made.observed
    assert made.observed.answered
    assert made.observed.unreplayable == "its network is no graph"
    assert made.observed.network
    assert made.observed.network.parameters.judged == 2 * 7850


def right(network: nn.Module, images: Tensor, labels: Tensor) -> int:
    with torch.no_grad():
        return int((network(images).argmax(1) == labels).sum())


class Narrow(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :3]


class Nameless(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :10] * float("nan")


class Endless(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        while True:
            pass


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (b"no pack", "it does not answer; its last line: _pickle.UnpicklingError"),
        (told(Narrow()), r"it answers \[7, 3\]; it must be \[7, 10\]"),
        (told(Nameless()), "it answers with what is no number"),
        (told(Endless()), "it does not answer"),
    ],
    ids=["no pack", "shape", "NaN", "endless"],
)
def test_what_does_not_answer_says_why(model: bytes, why: str) -> None:
    with pytest.raises(ChildFailed, match=why):
        answers(model, [(b"", IMAGES)], PLACE, {}, SANDBOX, seconds=2)
