"""The walls' own trial: a wall that leaks is found, and without one nothing runs."""

import dataclasses
import re
from pathlib import Path

import pytest
from batches import Laboratory, only_step
from forms import HONEST, definitions
from notebook_samples import notebook
from step_samples import step

from harness.collect.sandbox import landlock, syscalls, walls
from harness.collect.sandbox.bubblewrap import Bubblewrap
from harness.collect.sandbox.landlock import Landlock
from harness.collect.sandbox.room import Room
from harness.grade import grade


class Plain(Bubblewrap):
    """No wall that calls itself one; what seccomp refuses is left."""

    def command(self, program: list[str], room: Room) -> list[str]:
        return program


class Bound(Bubblewrap):
    """Shows files that lie in the folder of temporary ones."""

    def command(self, program: list[str], room: Room) -> list[str]:
        made = super().command(program, room)
        files = [str(each) for each in room.folder.parent.glob("tmp*") if each.is_file()]
        place = made.index("--remount-ro")
        return [
            *made[:place],
            *(part for f in files for part in ("--bind-try", f, f)),
            *made[place:],
        ]


class Networked(Bubblewrap):
    """Without seccomp and without a network of its own."""

    def command(self, program: list[str], room: Room) -> list[str]:
        made = super().command(program, room)
        if "--unshare-all" in made:
            made.insert(made.index("--unshare-all") + 1, "--share-net")
        return [part for part in made if part != "--unshare-net"]

    def filters(self, graphs: bool) -> tuple[bytes, bytes]:
        return b"", b""


class Unfiltered(Landlock):
    """Landlock alone."""

    def filters(self, graphs: bool) -> tuple[bytes, bytes]:
        return b"", b""


class Unruled(Landlock):
    """Seccomp alone."""

    def rules(self, room: Room) -> None:
        return None


class Broken(Bubblewrap):
    """A filter that the kernel does not take."""

    def filters(self, graphs: bool) -> tuple[bytes, bytes]:
        return b"\0" * 8, b"\0" * 8


class BrokenLandlock(Landlock):
    """A filter that the kernel does not take."""

    def filters(self, graphs: bool) -> tuple[bytes, bytes]:
        return b"\0" * 8, b"\0" * 8


LEAKS = {
    Plain: "files of the machine can be read",
    Bound: "files of the machine can be read; files of the machine can be written",
    Networked: "names can be looked up.*it may call ptrace",
    Unfiltered: "names can be looked up.*it may call ptrace",
    Unruled: "files of the machine can be read",
    Broken: "Invalid argument",
    BrokenLandlock: "Invalid argument",
}


@pytest.mark.parametrize("kind", LEAKS)
def test_the_trial_finds_a_wall_that_leaks(kind: type[walls.Wall]) -> None:
    assert re.search(LEAKS[kind], walls.problem(kind()))


@pytest.mark.usefixtures("laboratory")
def test_without_its_programs_no_wall_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert walls.problem(Bubblewrap())
    monkeypatch.setattr(
        syscalls, "around_all", lambda: (_ for _ in ()).throw(OSError("libseccomp"))
    )
    assert "libseccomp" in walls.problem(Landlock())
    with pytest.raises(walls.NoWall, match="no sandbox works here"):
        walls.best.__wrapped__()


@pytest.mark.parametrize("kind", [Broken, BrokenLandlock])
def test_a_wall_that_breaks_later_lets_nothing_run(
    best: Laboratory, kind: type[walls.Wall]
) -> None:
    workshop = dataclasses.replace(best.workshop, wall=kind())
    broken = best._replace(workshop=workshop, wall=kind())
    for files in (
        {"step_1.py": step("Behind a broken wall.")},
        {"Step_1.ipynb": notebook(*HONEST, "print('behind a broken wall')")},
    ):
        scorecard = grade(broken.put(files), broken.rubric, workshop, print)
        fault = only_step(scorecard).fault
        assert fault is not None
        assert fault.owner == "machine"
        assert "did not start" in fault.message
        assert scorecard.verdict == "not graded"


def test_older_landlocks_keep_signals_by_seccomp(
    best: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 4 does not know signals: then none may be sent at all."""
    monkeypatch.setattr(landlock, "_version", lambda: 4)
    older = Landlock()
    workshop = dataclasses.replace(best.workshop, wall=older)
    attacks = {
        "kill": "import os\nos.kill(os.getppid(), 0)\n",
        "itself": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n",
        "all": "import os\nos.kill(-1, 0)\n",
        "a thread": "import signal, threading\nsignal.pthread_kill(threading.get_ident(), 0)\n",
        "by a file": "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0)\n",
    }
    told = definitions(best._replace(workshop=workshop, wall=older), attacks)
    assert set(told.values()) == {"PermissionError: [Errno 1] Operation not permitted"}
