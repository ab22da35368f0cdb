"""Which sandbox is used, what happens where none is, and what is watched from outside."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from evidence_samples import run
from evidence_samples import step as observed
from step_samples import step
from typer.testing import CliRunner

from harness.cli import app
from harness.collect.collect import run_key
from harness.collect.define import Task
from harness.collect.sandbox import bubblewrap, walls, watch
from harness.collect.sandbox.bubblewrap import Bubblewrap
from harness.collect.sandbox.landlock import Landlock
from harness.collect.sandbox.room import room
from harness.store import Store


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Has walls of these names not work; what was found before is forgotten."""
    problem = walls.problem

    def breaking(*names: str) -> None:
        walls.best.cache_clear()
        walls.tried.cache_clear()
        monkeypatch.setattr(
            walls, "problem", lambda wall: "forbidden here" if wall.name in names else problem(wall)
        )

    yield breaking
    walls.best.cache_clear()
    walls.tried.cache_clear()


def test_the_best_that_works_is_used(broken: Callable[..., None]) -> None:
    broken()
    assert walls.best().name == "bubblewrap"
    broken("bubblewrap")
    assert walls.best().name == "Landlock with seccomp"
    broken("bubblewrap", "Landlock with seccomp")
    with pytest.raises(walls.NoWall, match=r"bubblewrap: forbidden here; Landlock .*: forbidden"):
        walls.best()


def harness(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    return result.exit_code, result.output


@pytest.mark.parametrize("command", ["grade", "check"])
def test_without_a_sandbox_nothing_runs_unless_asked(
    broken: Callable[..., None],
    submission: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    broken("bubblewrap", "Landlock with seccomp")
    folder = submission(step_1=f"open({str(tmp_path / 'ran')!r}, 'w')\n{step()}")
    options = ["--rubric", "digits-quickstart", "--store", "store", "--json"]
    code, told = harness(command, folder, *options)
    assert code == 4
    assert "no sandbox works here (bubblewrap: forbidden here" in told
    assert "--no-sandbox" in told
    assert not (tmp_path / "ran").exists()
    code, told = harness(command, folder, *options, "--no-sandbox")
    assert code in (0, 1)
    (told_of,) = json.loads(told.splitlines()[-1])["evidence"]["steps"]
    assert (told_of["integrity"], told_of["sandbox"]) == ("advisory", "")
    assert (tmp_path / "ran").exists()


def test_what_ran_without_a_sandbox_is_not_taken_for_more(
    broken: Callable[..., None], submission: Callable[..., Path], tmp_path: Path
) -> None:
    folder = submission(step_1=step())
    options = ["--rubric", "digits-quickstart", "--store", tmp_path / "store", "--json"]
    levels = []
    for more in (["--no-sandbox"], [], ["--no-sandbox"]):
        _, told = harness("check", folder, *options, *more)
        (told_of,) = json.loads(told.splitlines()[-1])["evidence"]["steps"]
        levels.append((told_of["integrity"], bool(told_of["sandbox"]), told_of["handed_in"]))
    assert [level[:2] for level in levels] == [
        ("advisory", False),
        ("replayed", True),
        ("advisory", False),
    ]
    assert levels[0] == levels[2]
    assert levels[0][2] != levels[1][2]


def test_a_run_without_a_sandbox_is_not_taken_for_more(tmp_path: Path) -> None:
    """Its graph was trained without a wall as well; which wall it was makes no difference."""
    one = observed(run(9_940))
    assert one.recipe is not None
    store, task = Store(tmp_path), Task("digits", one.recipe, seeds=1)
    behind = {
        wall: run_key(one.model_copy(update={"sandbox": wall}), task, 1, store)
        for wall in ("bubblewrap", "Landlock with seccomp", "")
    }
    assert behind["bubblewrap"] == behind["Landlock with seccomp"]
    assert behind["bubblewrap"] != behind[""]


def test_doctor_says_what_would_enable_one(broken: Callable[..., None], tmp_path: Path) -> None:
    where = ["--store", tmp_path / "store", "--data-dir", tmp_path, "--device", "cpu"]
    broken("bubblewrap")
    code, told = harness("doctor", *where)
    assert code == 0
    assert "✓ sandbox: Landlock with seccomp, tried here" in told
    assert "~ bubblewrap: does not work: forbidden here\n    to mend it: " in told
    broken("bubblewrap", "Landlock with seccomp")
    code, told = harness("doctor", *where)
    assert code == 4
    assert "✗ sandbox: none works\n    to mend it: harness grade --no-sandbox" in told


def test_what_would_mend_a_wall(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert Bubblewrap().mend("") == "sudo apt install bubblewrap"
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    for wall in walls.WALLS:
        assert wall.mend("Unable to find libseccomp") == "sudo apt install libseccomp2"
    assert "5.13" in Landlock().mend("Landlock syscalls not available")
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "unprivileged_userns_clone").write_text("0\n")
    monkeypatch.setattr(bubblewrap, "SETTINGS_OF_KERNEL", tmp_path)
    assert Bubblewrap().mend("") == "sudo sysctl kernel.unprivileged_userns_clone=1"
    (tmp_path / "kernel" / "unprivileged_userns_clone").write_text("1\n")
    assert Bubblewrap().mend("").startswith("in a container: ")


def test_a_wall_whose_program_is_missing_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert walls.problem(Bubblewrap())


def test_what_was_written_is_counted_until_it_is_too_much(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "file").write_bytes(bytes(8_192))
    (tmp_path / "loop").symlink_to(tmp_path)
    size, entries = watch.written(tmp_path, 10**6)
    assert (size >= 8_192, entries) == (True, 3)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**9)
    assert watch.written(tmp_path, 10**6)[0] < 10**6
    assert watch.written(tmp_path / "gone", 10**6) == (0, 0)


def test_memory_is_that_of_all_processes() -> None:
    assert watch.memory(os.getpid(), enough=2**50) > 50 * 2**20
    assert watch.memory(os.getpid(), enough=0) <= watch.memory(os.getpid(), enough=2**50)
    assert watch.memory(2**22 + 1, enough=0) == 0


def test_every_copy_of_the_digits_labels_is_hidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A virtual environment shows the libraries of the Python that it is made from as well."""
    copies = {
        tmp_path / f"{site}/sklearn/datasets/data/digits.csv.gz"
        for site in (
            "lib/python3.99/site-packages",
            "lib64/python3.98/site-packages",
            "local/lib/python3.99/dist-packages",
            "envs/other/lib/python3.99/site-packages",
        )
    }
    for path in copies:
        path.parent.mkdir(parents=True)
        path.touch()
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    with room(2**30) as made:
        assert copies < set(made.hidden)


def test_a_room_is_readable_whatever_the_umask_and_gone_in_the_end() -> None:
    before = os.umask(0o077)
    try:
        with room(2**30) as made:
            path = made.give("deep/er/file", b"content")
            modes = [p.stat().st_mode & 0o777 for p in (path, path.parent, path.parent.parent)]
            assert modes == [0o644, 0o755, 0o755]
    finally:
        os.umask(before)
    assert not made.folder.exists()
