"""Foreign graphs are trained and asked apart: with bounds, without test labels, and for nobody else."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import safetensors.torch
import torch
from crossing import Net, handed_over, small
from torch import nn

from harness import data
from harness.collect import bench as benches
from harness.collect import evaluator
from harness.collect.bench import Bench, BenchFailed, TooMuch, Trained, bench
from harness.collect.resolve import RecipeError
from harness.collect.sandbox import walls
from harness.collect.sandbox.room import room
from harness.recipe import Recipe
from harness.store import Store

RECIPE = Recipe.model_validate(
    {"epochs": 2, "batch_size": 64, "optimizer": {"name": "SGD", "lr": 0.1}}
    | {"loss": "cross_entropy", "normalize": {"mean": 0.3, "std": 0.3}}
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("bench"))


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Has the next bench start a process of its own, with so much memory."""
    monkeypatch.setattr(benches, "_PROCESSES", {})
    yield lambda size: monkeypatch.setattr(benches, "MEMORY", size)
    for process in benches._PROCESSES.values():
        process.end()


@pytest.fixture
def on(store: Store) -> Bench:
    return bench("cpu", data.load("digits", data.folder()), store, walls.best())


def trained(on: Bench, network: nn.Module, recipe: Recipe = RECIPE) -> list[int]:
    """Right answers after each epoch."""
    with on.network(handed_over(network)) as taken:
        told = list(taken.train(recipe, 1, None))
    labels = on.images.test_labels
    return [evaluator.right(each.scores, labels) for each in told if isinstance(each, Trained)]


def test_it_has_the_images_and_no_test_label(bound: object, on: Bench) -> None:
    assert trained(on, small())[-1] > 200
    (process,) = benches._PROCESSES.values()
    assert process._room is not None
    given = list(process._room.given.iterdir())
    (images,) = (path for path in given if path.name.startswith("images-"))
    assert sorted(safetensors.torch.load_file(images)) == ["labels", "test", "train"]
    assert torch.equal(safetensors.torch.load_file(images)["labels"], on.images.train_labels)
    # What was lent for a network is gone with it.
    assert [path.name for path in given if path.is_file() and path != images] == []


def greedy(net: Net, x: torch.Tensor) -> torch.Tensor:
    """Takes 3.6 MB for each image, and as much for its gradient."""
    wide = x.flatten(1)[:, :1].expand(-1, 900_000) * 1.5
    return net.head(x.flatten(1)) + wide.mean(1, keepdim=True)


def test_a_graph_that_asks_for_too_much_is_told_so(bound: Callable[[int], None], on: Bench) -> None:
    bound(2 * 2**30)
    whole = RECIPE.model_copy(update={"batch_size": 1_437})
    with pytest.raises(TooMuch, match="allocate"):
        trained(on, Net(greedy), whole)
    assert trained(on, small())[-1] > 200


def test_a_graph_that_takes_too_much_unasked_is_told_so(
    bound: object, on: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel's limit does not hold, the watch over all processes does."""
    monkeypatch.setattr(benches, "room", lambda _, *given, **more: room(2**30, *given, **more))
    with pytest.raises(TooMuch, match="its processes used more than 1 GiB of memory"):
        trained(on, Net(greedy), RECIPE.model_copy(update={"batch_size": 400, "epochs": 9}))
    assert trained(on, small())[-1] > 200


def running() -> tuple[psutil.Process, Path]:
    """The first process of the only bench, and its folder."""
    (process,) = benches._PROCESSES.values()
    assert process._process is not None
    assert process._room is not None
    return psutil.Process(process._process._popen.pid), process._room.folder


def test_a_process_that_dies_takes_no_other_network_with_it(bound: object, on: Bench) -> None:
    def dying() -> None:
        with on.network(handed_over(small())) as taken:
            told = taken.train(RECIPE.model_copy(update={"epochs": 100}), 1, None)
            next(told)
            running()[0].children(recursive=True)[-1].kill()
            list(told)

    with pytest.raises(BenchFailed):
        dying()
    assert trained(on, small())[-1] > 200


def test_times_are_told_as_often_as_they_were_asked_for(on: Bench) -> None:
    with on.network(handed_over(small())) as taken:
        assert len(taken.seconds_an_epoch(RECIPE)) == 1
        times = [*taken.seconds_an_epoch(RECIPE, 2), *taken.seconds_to_answer(RECIPE, 1, 3)]
        more_than_there_are = taken.seconds_to_answer(RECIPE, 1_000, 4)
    assert len(times) == 5
    assert len(more_than_there_are) == 4
    assert min(times + more_than_there_are) > 0


def test_a_recipe_that_cannot_be_followed_costs_no_new_process(on: Bench) -> None:
    trained(on, small())
    process = benches._PROCESSES[on.wall.name, "cpu"]
    started = process._process
    normed = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Linear(784, 10))
    wrong = RECIPE.model_copy(update={"batch_size": 1_436})
    with pytest.raises(RecipeError, match="last batch of 1"):
        trained(on, normed, wrong)
    assert process._process is started


def test_whoever_leaves_midway_leaves_nothing_behind(bound: object, on: Bench) -> None:
    left = []

    def leaving() -> None:
        with on.network(handed_over(small())) as taken:
            next(taken.train(RECIPE, 1, None))
            left.append(running())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leaving()
    ((first, folder),) = left
    assert not first.is_running()
    assert not folder.exists()
