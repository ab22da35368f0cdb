"""What a notebook's process tells is measured, and only what was measured counts."""

import contextlib
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest
import safetensors.torch
import torch
from crossing import Net, small
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from observed import NORMAL, Frames, begun, ended, epoch, framed, nudged, recipe, run, seen, weights
from torch import nn
from torchvision import transforms

from harness import data, frames
from harness.collect import received
from harness.collect.bench import Bench, OnBench, TooMuch, bench
from harness.collect.observe import Observer
from harness.collect.received import Malformed
from harness.collect.sandbox import walls
from harness.data import Images
from harness.evidence import Fault, Run
from harness.frames import Kind, Steps
from harness.store import Store

BEGUN = begun(small())


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    store = Store(tmp_path_factory.mktemp("store"))
    return bench("cpu", data.load("digits", data.folder()), store, walls.best())


@pytest.fixture(scope="module")
def few(digits: Bench) -> Bench:
    """A bench with so few test images that many observers are quick."""
    images = digits.images
    return replace(
        digits,
        images=Images(images.train, images.train_labels, images.test[:12], images.test_labels[:12]),
    )


def observer(on: Bench, told: Callable[[Run], None] = lambda run: None) -> Observer:
    return Observer(on, "key", told)


def send(to: Observer, sent: Frames) -> None:
    for frame in sent:
        to.take(*frame)


def fed(on: Bench, *parts: Frames) -> Observer:
    made = observer(on)
    for part in parts:
        send(made, part)
    made.finish()
    return made


def right(network: nn.Module, images: Images, normalised: transforms.Normalize) -> int:
    """Correct answers of the eager model to the test images, as the books count them."""
    network.eval()
    with torch.no_grad():
        answers = network(normalised(images.test / 255))
    return int((answers.argmax(1) == images.test_labels).sum())


# What is measured ------------------------------------------------------------------------------


def test_counts_are_those_of_the_eager_model(digits: Bench) -> None:
    """Two trainings, told side by side; each is measured by itself, as its notebook tests."""
    one, other = small(), small()
    normal, half = transforms.Normalize(0.3, 0.3), transforms.Normalize(0.5, 0.5)
    halved = recipe(
        test_transform=[{"name": "ToTensor"}, {"name": "Normalize", "mean": 0.5, "std": 0.5}]
    )
    expected = {1: [right(one, digits.images, normal)], 2: [right(other, digits.images, half)]}
    so_far: list[tuple[str, int]] = []
    observed = observer(digits, lambda run: so_far.append((run.key, len(run.epochs))))
    for frame in [*begun(one, declared_epochs=2), *begun(other, number=2)]:
        observed.take(*frame)
    for number in (1, 2):
        for frame in ended(nudged(one, number), epoch(number)):
            observed.take(*frame)
        expected[1].append(right(one, digits.images, normal))
        for frame in ended(nudged(other, 7 + number), epoch(number, run=2, recipe=halved)):
            observed.take(*frame)
        expected[2].append(right(other, digits.images, half))
    observed.take(*framed(Kind.SEEN, seen(360, 300, after=2)))
    observed.finish()
    runs = [observed.run(training, None) for training in observed.trainings]
    for number, made in enumerate(runs, 1):
        before, *counts = expected[number]
        assert made.before_training == before
        assert [each.test_correct for each in made.epochs] == counts
        assert [each.moved for each in made.epochs] == [True, True]
        assert made.complete
        assert made.observed
        assert made.shifted is not None
        assert made.observed.network
        assert made.observed.network.parameters.trainable == sum(
            p.numel() for p in one.parameters()
        )
    assert so_far == [("key-1", 1), ("key-2", 1), ("key-1", 2), ("key-2", 2)]
    first, second = (made.observed for made in runs)
    assert first
    assert second
    assert (first.declared, second.declared) == (True, False)
    assert first.unreplayable == ""
    assert (
        second.unreplayable == "its test images are transformed otherwise than its training images"
    )
    assert [len(each.seen) for each in runs[0].epochs] == [0, 1]
    assert runs[0].epochs[1].seen[0].correct == 300


def test_a_notebook_that_tests_nothing_is_measured_as_it_trains_without_chance(
    digits: Bench,
) -> None:
    rotation = {"name": "RandomRotation", "degrees": 45}
    untested = recipe(test_transform=None, train_transform=[rotation, *NORMAL])
    network = small()
    observed = observer(digits)
    for frame in [*begun(network), *ended(nudged(network, 1), epoch(recipe=untested))]:
        observed.take(*frame)
    assert observed.trainings[0].epochs == []  # a test may yet come
    observed.finish()
    expected = right(network, digits.images, transforms.Normalize(0.3, 0.3))
    assert [each.test_correct for each in observed.trainings[0].epochs] == [expected]


def test_weights_that_stand_still_are_seen(few: Bench) -> None:
    """Running statistics move in any forward pass, and are no training."""
    network = small()
    parts = [begun(network), ended(network, epoch(1))]
    network.train()(torch.rand(8, 1, 28, 28))
    parts += [ended(network, epoch(2)), ended(nudged(network, 1), epoch(3))]
    observed = fed(few, *parts)
    assert [each.moved for each in observed.trainings[0].epochs] == [False, False, True]


def test_weights_that_are_no_numbers_stand_still_too(few: Bench) -> None:
    network = small()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(float("nan"))
    observed = fed(
        few, begun(small()), ended(network, epoch(1, loss=float("nan"))), ended(network, epoch(2))
    )
    made = observed.run(observed.trainings[0], None)
    assert [each.moved for each in made.epochs] == [True, False]
    assert made.epochs[0].loss is None


def test_weights_put_in_place_after_the_training_are_told_and_no_epoch(few: Bench) -> None:
    network = small()
    swapped = epoch(2, samples=0, steps=[], correct=0, by_hand=1, last=True)
    observed = fed(
        few,
        begun(network, declared_epochs=1),
        ended(nudged(network, 1), epoch(1)),
        ended(nudged(network, 2), swapped),
    )
    made = observed.run(observed.trainings[0], None)
    assert made.observed
    assert (made.declared_epochs, len(made.epochs), made.observed.findings) == (1, 1, [])
    assert "put other weights in place" in made.observed.remarks[0]


@pytest.mark.parametrize(
    ("transform", "why"),
    [
        ([{"name": "Lambda"}], "the transform Lambda is not taken over"),
        ([{"name": "Resize", "size": 32}, *NORMAL], "its test images are 1 x 32 x 32, and it is trained on images of 1 x 28 x 28"),
        ([{"name": "Pad", "padding": 60}, *NORMAL], "more than 64 pixels a side"),
        ([{"name": "Grayscale", "num_output_channels": 3}, {"name": "ToTensor"}], "3 x 28 x 28"),
    ],
)  # fmt: skip
def test_what_cannot_be_looked_at_so_costs_no_points(
    few: Bench, transform: list[dict[str, Any]], why: str
) -> None:
    """Epochs measured before stay, and the run is known to have gone on."""
    network = small()
    later = epoch(2, recipe=recipe(test_transform=transform))
    observed = fed(few, begun(network), ended(nudged(network, 1), epoch(1)), ended(network, later))
    training = observed.trainings[0]
    assert training.fault
    assert training.fault.owner == "harness"
    assert why in training.fault.message
    made = observed.run(training, training.fault)
    assert (len(made.epochs), made.declared_epochs, made.complete) == (1, 2, False)


def test_a_training_that_broke_off_is_not_complete(few: Bench) -> None:
    network = small()
    observed = fed(few, begun(network, declared_epochs=3), ended(network, epoch(1)))
    broken = Fault(owner="submission", stage="notebook", message="cell 4: KeyboardInterrupt")
    made = observed.run(observed.trainings[0], broken)
    assert (made.declared_epochs, made.complete, made.shifted) == (3, False, None)


def test_a_network_that_takes_too_much_at_last_is_the_notebooks_fault(
    few: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uneven batches are larger than those of an epoch; as our own fault it would be no grade."""
    asked = []

    def greedy(*given: Any) -> Any:
        asked.append(given)
        raise TooMuch("can't allocate memory")

    monkeypatch.setattr(OnBench, "twice", greedy)
    network = small()
    observed = fed(few, begun(network), ended(nudged(network, 1), epoch(1)))
    made = observed.run(observed.trainings[0], None)
    assert made.fault
    assert made.fault.owner == "submission"
    assert "can't allocate memory" in made.fault.message
    assert (len(made.epochs), made.shifted, len(asked)) == (1, None, 1)
    # Of one that broke off nothing more is asked.
    observed.run(observed.trainings[0], made.fault)
    assert len(asked) == 1


# What is refused -------------------------------------------------------------------------------


def bare(kind: Kind, **content: Any) -> tuple[Kind, bytes]:
    return kind, json.dumps(content).encode()


def tensors(**named: torch.Tensor) -> bytes:
    return safetensors.torch.save(named)


FULL = {name: tensor.contiguous() for name, tensor in small().state_dict().items()}
FIRST = next(iter(FULL))
EPOCH = framed(Kind.EPOCH, epoch())
ROW = Steps(1, 1, 0.1, 0.0, 0.0)


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ([(Kind.RUN, b"{"), ], "ObservedRun"),
        ([(Kind.RUN, b"\xff\xfe")], "ObservedRun"),
        ([(Kind.RUN, b"[" * 10**6)], "recursion"),
        ([(Kind.RUN, b" " * 9 * 2**20)], "9,437,184 bytes"),
        ([framed(Kind.RUN, run(2)), framed(Kind.RUN, run(2))], "run 2 after run 2"),
        ([framed(Kind.RUN, run(1))], "run 1 after run 1"),
        ([framed(Kind.RUN, run(2, image=[1] * 10**5))], "100000 dimensions"),
        ([framed(Kind.RUN, run(2, declared_epochs=10**30))], "a number over"),
        (BEGUN[1:2], "a second network of run 1"),
        (BEGUN[2:3], "tensors without a definition"),
        ([bare(Kind.FAULT, owner="", stage="", message="", line=None, traceback="")], "a second network"),
        ([framed(Kind.RUN, run(2)), (Kind.PACKED, b"p")], "a packed model that belongs to no network"),
        ([*ended(small(), epoch()), (Kind.PACKED, b"p")], "a packed model that belongs to no network"),
        ([framed(Kind.RUN, run(2)), (Kind.TENSORS, b"")], "tensors without a definition"),
        ([framed(Kind.RUN, run(2)), *ended(small(), epoch(run=2)), *BEGUN[1:]], "a second network of run 2"),
        ([framed(Kind.RUN, run(2, image=[3, 32, 32])), *BEGUN[1:]], "images of another shape"),
        ([framed(Kind.EPOCH, epoch(2))], "epoch 2 after epoch 0"),
        ([framed(Kind.EPOCH, epoch(0))], "epoch 0 after epoch 0"),
        ([framed(Kind.EPOCH, epoch(run=2))], "run 2 of 1"),
        ([framed(Kind.EPOCH, epoch(run=0))], "run 0 of 1"),
        ([framed(Kind.EPOCH, epoch(samples=0))], "epoch 1 of 0 samples"),
        ([framed(Kind.EPOCH, epoch(samples=-60_000))], "epoch 1 of -60,000 samples"),
        ([framed(Kind.EPOCH, epoch(samples=10**13))], "a number over"),
        ([framed(Kind.EPOCH, epoch(by_hand=-1))], "epoch 1"),
        ([framed(Kind.EPOCH, epoch(steps=[replace(ROW, count=-1)]))], "epoch 1"),
        ([framed(Kind.EPOCH, epoch(steps=[replace(ROW, lr=float("nan"))]))], "lr"),
        ([framed(Kind.EPOCH, epoch(steps=[replace(ROW, lr=float("inf"))]))], "lr"),
        ([framed(Kind.EPOCH, epoch(recipe=recipe(optimizer={"name": "SGD", "note": "x" * 10**6})))], "a recipe of more"),
        ([EPOCH, framed(Kind.EPOCH, epoch(2))], "epoch 1 without weights"),
        ([*ended(small(), epoch(last=True)), framed(Kind.EPOCH, epoch(2))], "epoch 2 after the last"),
        ([(Kind.WEIGHTS, weights(small()))], "weights without an epoch"),
        ([*ended(small(), epoch()), (Kind.WEIGHTS, weights(small()))], "weights without an epoch"),
        ([EPOCH, (Kind.WEIGHTS, b"")], "weights"),
        ([EPOCH, (Kind.WEIGHTS, struct.pack("<Q", 2**63))], "weights"),
        ([framed(Kind.SEEN, seen(1, 1, source="elsewhere"))], "test, train, unknown"),
        ([framed(Kind.SEEN, seen(1, 1, run=2))], "run 2 of 1"),
        ([(Kind.END, b"0")], "END"),
        ([(Kind.READY, b"")], "READY"),
        ([(Kind.ANSWERS, b"")], "ANSWERS"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_no_probe_sends(few: Bench, forged: Frames, why: str) -> None:
    observed = fed(few, BEGUN)
    with pytest.raises(Malformed, match=why):
        send(observed, forged)
    for training in observed.trainings:
        observed.run(training, None)


@pytest.mark.parametrize(
    "sent",
    [
        {"other": torch.zeros(1)},
        FULL | {FIRST: FULL[FIRST].double()},
        FULL | {FIRST: FULL[FIRST].flatten()},
    ],
)
def test_weights_of_another_network_are_the_fault_of_that_training(
    few: Bench, sent: dict[str, torch.Tensor]
) -> None:
    observed = fed(few, BEGUN, [EPOCH, (Kind.WEIGHTS, tensors(**sent))])
    made = observed.run(observed.trainings[0], None)
    assert made.epochs == []
    assert made.fault
    assert made.fault.owner == "submission"
    assert f"{FIRST} is another" in made.fault.message


class Hoarding(Net):
    """Its real weights are no parameters; before training they are zeros, which count nothing."""

    def __init__(self, size: int) -> None:
        super().__init__(lambda net, x: net.head(x.flatten(1)) + net.hoard.sum())
        self.register_buffer("hoard", torch.zeros(size))


@pytest.mark.parametrize(("size", "owner"), [(100, "submission"), (5, "")])
def test_what_is_learnt_is_a_parameter(few: Bench, size: int, owner: str) -> None:
    network = Hoarding(size)
    frames_before = begun(network)
    network.hoard += 1
    observed = fed(few, frames_before, ended(network, epoch()))
    made = observed.run(observed.trainings[0], None)
    assert (made.fault.owner if made.fault else "") == owner
    assert len(made.epochs) == (0 if owner else 1)


def test_a_transform_that_fails_on_more_than_one_image_costs_no_points(few: Bench) -> None:
    ragged = [
        {"name": "RandomApply", "transforms": [{"name": "Pad", "padding": 1}], "p": 0.5},
        {"name": "ToTensor"},
    ]
    told = epoch(recipe=recipe(test_transform=ragged))
    observed = fed(few, begun(small()), ended(small(), told))
    observed.finish()
    assert observed.trainings[0].fault
    assert observed.trainings[0].fault.owner == "harness"


def test_a_million_of_anything_is_too_much(few: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    network = small()
    observed = fed(few, begun(network))
    for number in range(1, 101):
        for frame in ended(network, epoch(number)):
            observed.take(*frame)
    for frame in (*ended(network, epoch(101)), *ended(network, epoch(102))):
        observed.take(*frame)
    made = observed.run(observed.trainings[0], None)
    assert (len(made.epochs), made.declared_epochs, made.complete) == (100, 102, False)
    with pytest.raises(Malformed, match="more than 64 trainings"):
        fed(few, [framed(Kind.RUN, run(number)) for number in range(1, 66)])
    cell = framed(Kind.CELL, frames.Cell(0, 1.0, "Error: " + "x" * 10**5, None, "y" * 10**5))
    with pytest.raises(Malformed, match="more than 2,000 cells"):
        fed(few, [cell] * 2001)
    assert len(fed(few, [cell]).received.cells[0].error) == 500
    shims = [framed(Kind.SHIM, frames.Shim(f"{n}", "z" * 1000)) for n in range(200)]
    held = fed(few, shims).received.shims
    assert (len(held), max(map(len, held))) == (100, 300)
    monkeypatch.setattr(received, "MAX_STEPS", 100)
    with pytest.raises(Malformed, match="kinds of steps"):
        fed(few, BEGUN, ended(network, epoch(steps=[ROW] * 101)))


def test_impossible_figures_are_left_out(few: Bench) -> None:
    """They would divide by zero, or be over 100 %, where they are told."""
    network = small()
    observed = fed(
        few,
        begun(network),
        ended(network, epoch(correct=2_000)),
        [framed(Kind.SEEN, seen(0, 0)), framed(Kind.SEEN, seen(10, 11)), framed(Kind.SEEN, seen(10, -1))],
    )  # fmt: skip
    made = observed.run(observed.trainings[0], None).epochs[0]
    assert (made.train_correct, made.seen) == (None, [])


# Anything at all -------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["test", "SGD", "ToTensor", "Normalize", "RandomApply", "StepLR", "batch"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["name", "lr", "transforms", "size", "mean", "std"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
GOOD: list[tuple[Kind, dict[str, Any]]] = [
    (Kind.RUN, asdict(run())),
    (Kind.EPOCH, asdict(epoch())),
    (Kind.SEEN, asdict(seen(10, 5))),
    (Kind.SHIM, asdict(frames.Shim("tqdm", "stands in"))),
    (Kind.CELL, asdict(frames.Cell(1, 0.1, "", None, ""))),
    (Kind.FAULT, asdict(frames.Fault("submission", "export", "no graph", None, ""))),
]


def changed(content: dict[str, Any], path: int, value: Any) -> dict[str, Any]:
    """The same JSON with another value at one of its places."""
    made = json.loads(json.dumps(content))
    places = list(_places(made))
    holder, key = places[path % len(places)]
    holder[key] = value
    return dict(made)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


@st.composite
def frame(draw: st.DrawFn) -> tuple[Kind, bytes]:
    form = draw(st.integers(0, 9))
    if form < 4:
        kind, content = draw(st.sampled_from(GOOD))
        if kind in (Kind.RUN, Kind.EPOCH):
            content = content | {"run": draw(st.integers(1, 2)), "number": draw(st.integers(1, 3))}
        if form < 2:
            content = changed(content, draw(st.integers(0, 99)), draw(VALUES))
        return kind, json.dumps(content).encode()
    if form < 7:
        return draw(st.sampled_from([*BEGUN, EPOCH, EPOCH, (Kind.WEIGHTS, weights(small()))]))
    kind = draw(st.sampled_from(list(Kind)))
    payload = draw(st.binary(max_size=40))
    if form == 7:
        payload = draw(st.sampled_from([content for _, content in [*BEGUN, EPOCH]]))
        payload = payload[: draw(st.integers(0, len(payload)))]
    return kind, payload


@given(st.lists(frame(), max_size=12), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_frames_are_taken_or_refused_and_no_score_is_made_of_them(
    few: Bench, sent: Frames, well_begun: bool
) -> None:
    observed = observer(few)
    measured: list[int] = []
    right = observed._right
    observed._right = lambda *given: measured.append(right(*given)) or measured[-1]  # type: ignore
    with contextlib.suppress(Malformed):
        send(observed, [*BEGUN, *sent] if well_begun else sent)
        observed.finish()
    for training in observed.trainings:
        made = observed.run(training, None)
        written = made.model_dump_json()
        assert Run.model_validate_json(written) == made
        json.loads(written, parse_constant=lambda constant: pytest.fail(constant))
        assert all(each.test_correct in measured for each in made.epochs)
        assert len(made.epochs) <= made.declared_epochs
        assert len(written) < 200_000
