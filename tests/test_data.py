"""The data sets: the right files load, wrong and missing ones are told, and nothing is guessed."""

import gzip
import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import get_args
from urllib.error import URLError

import pytest
import torch
from sklearn.datasets import load_digits
from torchvision import datasets
from typer.testing import CliRunner

from harness import data
from harness.cli import app
from harness.data import DATASETS, NORMALIZE, ORIGINS, DataError, File


def test_every_data_set_is_known_everywhere() -> None:
    assert get_args(data.Name) == tuple(DATASETS)
    assert NORMALIZE.keys() == DATASETS.keys() == ORIGINS.keys() | {"digits"}
    assert len({dataset.identity for dataset in DATASETS.values()}) == len(DATASETS)


@pytest.mark.parametrize("name", ORIGINS)
def test_checksums_are_those_of_torchvision(name: str) -> None:
    resources = getattr(datasets, ORIGINS[name].torchvision).resources
    if name == "qmnist":
        resources = resources["train"] + resources["test"]
    known = [(url.rpartition("/")[2], checksum) for url, checksum in resources]
    assert [(f"{file.name}.gz", file.packed) for file in ORIGINS[name].files] == known


def idx(numbers: torch.Tensor) -> bytes:
    """Numbers in the format of MNIST's files."""
    kind = {torch.uint8: 8, torch.int32: 12}[numbers.dtype]
    header = struct.pack(f">HBB{numbers.dim()}I", 0, kind, numbers.dim(), *numbers.shape)
    return header + numbers.numpy().astype(numbers.numpy().dtype.newbyteorder(">")).tobytes()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


Small = Callable[[str], tuple[Path, list[bytes]]]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """Makes a small data set in place of a real one, compressed: the folder, its four files."""

    def make(name: str) -> tuple[Path, list[bytes]]:
        generator = torch.Generator().manual_seed(0)
        contents = []
        for size in (20, 14):
            images = torch.randint(256, (size, 28, 28), generator=generator)
            contents.append(idx(images.to(torch.uint8)))
            labels = torch.arange(size) % 10
            rows = labels[:, None].repeat(1, 8) + torch.arange(8)  # as QMNIST has them
            contents.append(idx(rows.int() if name == "qmnist" else labels.to(torch.uint8)))
        raw = data.raw(name, tmp_path)
        raw.mkdir(parents=True)
        files = []
        for file, content in zip(ORIGINS[name].files, contents, strict=True):
            packed = gzip.compress(content, mtime=0)
            (raw / f"{file.name}.gz").write_bytes(packed)
            files.append(File(file.name, md5(packed), md5(content) if file.plain else ""))
        resources = [(f"http://nowhere.invalid/{file.name}.gz", file.packed) for file in files]
        dataset = getattr(datasets, ORIGINS[name].torchvision)
        monkeypatch.setattr(
            dataset,
            "resources",
            {"train": resources[:2], "test": resources[2:]}
            if name == "qmnist"
            else [(url.rpartition("/")[2], checksum) for url, checksum in resources],
        )
        monkeypatch.setitem(ORIGINS, name, ORIGINS[name]._replace(files=tuple(files)))
        few = DATASETS[name].model_copy(update={"train_size": 20, "test_size": 12})
        monkeypatch.setitem(DATASETS, name, few)
        return raw, contents

    return make


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def urlopen(*arguments: object, **more: object) -> None:
        raise URLError("there is no network")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)


@pytest.mark.parametrize("name", ORIGINS)
def test_compressed_files_become_images(name: str, small: Small, tmp_path: Path) -> None:
    raw, contents = small(name)
    assert len(data.missing(name, tmp_path)) == 4
    for _ in range(2):  # the second time from the files that the first unpacked
        images = data.load(name, tmp_path)
        assert images.train.shape == (20, 1, 28, 28)
        assert images.test.shape == (12, 1, 28, 28)
        assert images.train.dtype == images.test.dtype == torch.uint8
        assert images.train.numpy().tobytes() == contents[0][16:]
        assert images.test.numpy().tobytes() == contents[2][16 : 16 + 12 * 784]
        assert images.train_labels.tolist() == [n % 10 for n in range(20)]
        assert images.test_labels.tolist() == [n % 10 for n in range(12)]
    assert not data.missing(name, tmp_path)
    assert not data.problem(name, tmp_path)
    assert all((raw / file.name).is_file() for file in ORIGINS[name].files)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("mnist", "cut", "train-images-idx3-ubyte is not mnist's: 100 bytes with MD5 "),
        ("kmnist", "cut", "train-images-idx3-ubyte is not kmnist's: 100 bytes with MD5 "),
        ("qmnist", "flip", "train-images-idx3-ubyte is not qmnist's: "),
        ("mnist", "cut packed", "train-images-idx3-ubyte.gz is not mnist's: 100 bytes"),
        ("fashion-mnist", "cut packed", "delete it, and `harness data get fashion-mnist` fetches it"),
        ("kmnist", "no packed", "train-images-idx3-ubyte cannot be verified"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told(
    name: str, change: str, words: str, small: Small, tmp_path: Path
) -> None:
    raw, _ = small(name)
    data.get(name, tmp_path)
    plain = raw / ORIGINS[name].files[0].name
    packed = plain.with_name(f"{plain.name}.gz")
    match change:
        case "cut":
            plain.write_bytes(plain.read_bytes()[:100])
        case "flip":
            plain.write_bytes(plain.read_bytes()[:-1] + b"!")
        case "cut packed":
            packed.write_bytes(packed.read_bytes()[:100])
        case "no packed":
            packed.unlink()
    with pytest.raises(DataError) as error:
        data.load(name, tmp_path)
    assert words in str(error.value)
    assert str(raw) in str(error.value)
    assert data.problem(name, tmp_path) == str(error.value)


def test_mnist_needs_no_compressed_files(small: Small, tmp_path: Path) -> None:
    raw, contents = small("mnist")
    for file, content in zip(ORIGINS["mnist"].files, contents, strict=True):
        (raw / f"{file.name}.gz").unlink()
        (raw / file.name).write_bytes(content)
    assert len(data.load("mnist", tmp_path).train) == 20


def test_a_processed_file_is_not_believed(small: Small, tmp_path: Path) -> None:
    """Torchvision reads what its old versions left there, which no checksum holds."""
    raw, _ = small("mnist")
    processed = raw.parent / "processed"
    processed.mkdir()
    forged = (torch.zeros(20, 28, 28, dtype=torch.uint8), torch.zeros(20, dtype=torch.int64))
    for file in ("training.pt", "test.pt"):
        torch.save(forged, processed / file)
    with pytest.raises(DataError, match="torchvision found other files"):
        data.load("mnist", tmp_path)
    for file in raw.glob("*.gz"):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
    assert data.load("mnist", tmp_path).train.any()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mnist", "put there, plain or as .gz: train-images-idx3-ubyte, train-labels-idx1-ubyte"),
        ("kmnist", "put there as .gz: train-images-idx3-ubyte, train-labels-idx1-ubyte"),
        ("qmnist", "put there as .gz: qmnist-train-images-idx3-ubyte, qmnist-train-labels-idx2-int"),
    ],
)  # fmt: skip
def test_offline_it_says_which_files_to_put_where(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        data.load(name, tmp_path)
    assert words in str(error.value)
    assert "could not be downloaded (" in str(error.value)
    assert "there is no network" in str(error.value)
    assert str(data.raw(name, tmp_path)) in str(error.value)


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["data", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_commands_find_and_verify(small: Small, tmp_path: Path) -> None:
    raw, _ = small("kmnist")
    there = ["--data-dir", tmp_path]
    assert run("verify", "kmnist", *there)[0] == 4
    assert run("get", "kmnist", *there) == (0, "kmnist: there and verified\n")
    assert run("verify", "kmnist", *there) == (0, "kmnist: there and verified\n")
    code, told = run("where", *there)
    assert code == 0
    assert str(tmp_path) in told
    assert "  kmnist: there\n" in told
    assert "`harness data get mnist`" in told
    missing = json.loads(run("where", "--json", *there)[1])["missing"]
    assert (missing["kmnist"], missing["digits"], len(missing["mnist"])) == ([], [], 4)
    (raw / ORIGINS["kmnist"].files[1].name).write_bytes(b"short")
    code, told = run("verify", "kmnist", "--json", *there)
    assert (code, json.loads(told)["right"]) == (4, False)
    code, told = run("get", "kmnist", *there)
    assert code == 4
    assert "5 bytes with MD5" in told


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["get", "kmnst"], 2, "DATASET = 'kmnst' is not known; did you mean kmnist?"),
        (["verify", "cifar"], 2, "it may be digits, fashion-mnist, kmnist, mnist, qmnist"),
        (["verify"], 4, "train-images-idx3-ubyte is not there; `harness data get mnist`"),
        (["get"], 4, "there is no network"),
        (["get", "digits"], 0, "digits: there and verified"),
    ],
)
def test_the_commands_exit_codes(
    arguments: list[str], code: int, words: str, tmp_path: Path
) -> None:
    assert run(*arguments, "--data-dir", tmp_path)[0] == code
    assert words in run(*arguments, "--data-dir", tmp_path)[1]


@pytest.mark.slow
def test_the_real_mnist_is_normalised_as_known() -> None:
    images = data.load("mnist", data.folder())
    assert (len(images.train), len(images.test)) == (60_000, 10_000)
    pixels = images.train.double() / 255
    assert round(float(pixels.mean()), 4) == NORMALIZE["mnist"].mean
    assert round(float(pixels.std()), 4) == NORMALIZE["mnist"].std
    assert images.test_labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]  # fmt: skip


def test_digits_are_those_of_scikit_learn() -> None:
    """They are read from the package's file, which another version might lay elsewhere."""
    loaded = load_digits()
    images, labels = data.digits()
    assert torch.equal(labels, torch.from_numpy(loaded.target).long())
    assert torch.equal(
        images[:, 0, ::27, ::27] > 0, torch.from_numpy(loaded.images[:, ::7, ::7]) > 0.0
    )
    assert images.float().mean() == pytest.approx(loaded.images.mean() * 255 / 16, rel=0.01)
