"""`harness doctor` says what a grade would use, what is amiss, and what mends it."""

import importlib.metadata
import json
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.commands import doctor


class Told(NamedTuple):
    code: int
    works: bool
    findings: dict[str, Any]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Told]:
    def told(*options: str | Path) -> Told:
        folders = ["--store", tmp_path / "store", "--data-dir", tmp_path / "data"]
        arguments = ["doctor", "--json", "--device", "cpu", *folders, *options]
        result = CliRunner().invoke(app, list(map(str, arguments)))
        document = json.loads(result.output)
        by_subject = {finding["subject"]: finding for finding in document["findings"]}
        return Told(result.exit_code, document["works"], by_subject)

    return told


def test_all_is_well(run: Callable[..., Told], tmp_path: Path) -> None:
    told = run()
    assert (told.code, told.works) == (0, True)
    assert told.findings["device"]["found"].startswith("cpu: ")
    assert f"torch {metadata.version('torch')}" in told.findings["versions"]["found"]
    assert "bubblewrap" in told.findings["sandbox"]["found"]
    assert told.findings["mnist"]["mend"] == "harness data get mnist"
    assert str(tmp_path / "store") in told.findings["store"]["found"]
    assert not list((tmp_path / "store").iterdir())


def test_people_are_told_the_same(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["doctor", "--store", str(tmp_path), "--data-dir", str(tmp_path)]
    )
    assert result.exit_code == 0
    assert "✓ digits: inside scikit-learn\n" in result.output
    assert "    to mend it: harness data get mnist\n" in result.output
    assert result.output.endswith("A grade would work.\n")


def no_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=doctor.ROOM - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)


def no_numpy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def version(package: str) -> str:
        if package == "numpy":
            raise metadata.PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr(importlib.metadata, "version", version)


def no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")


def wrong_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "t10k-labels-idx1-ubyte").write_bytes(b"cut")


@pytest.mark.parametrize(
    ("spoil", "subject", "found", "mend"),
    [
        (no_room, "store", "0.1 GiB free", "free some disk"),
        (no_folder, "store", "cannot be written", "--store or HARNESS_STORE"),
        (no_numpy, "versions", "not installed: numpy", "pip install numpy"),
        (wrong_file, "mnist", "is not mnist's: 3 bytes", "harness data get mnist"),
    ],
)
def test_what_is_amiss_is_told(
    spoil: Callable[[pytest.MonkeyPatch, Path], None],
    subject: str,
    found: str,
    mend: str,
    run: Callable[..., Told],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    spoil(monkeypatch, tmp_path)
    told = run()
    assert (told.code, told.works) == (4, False)
    assert [name for name, finding in told.findings.items() if not finding["works"]] == [subject]
    assert found in told.findings[subject]["found"]
    assert mend in told.findings[subject]["mend"]


def test_a_device_that_is_not_there_is_amiss(run: Callable[..., Told]) -> None:
    told = run("--device", "mps")
    assert told.code == 4
    assert "--device may be auto, cpu" in told.findings["device"]["found"]
