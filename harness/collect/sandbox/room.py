"""What a process for submitted code finds: a folder of its own, and what it may read besides.

Must not know how a wall keeps the process to it, nor what the files are for.
"""

from __future__ import annotations

import itertools
import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import harness

PACKAGE = Path(harness.__file__).parent
"""Of which the process gets a copy of `SHOWN` and nothing else."""

SHOWN = ("__init__.py", "frames.py", "inside/*.py")

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
"""Programs and libraries. Most are symbolic links today."""

SETTINGS = (
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/fonts"),
    "/sys/devices/system/cpu",
)
"""What libraries read of the machine; none of it is about its users."""

SITES = tuple(
    f"{above}lib*/python*/{kind}-packages"
    for above in ("", "local/", "envs/*/", "pkgs/*/")
    for kind in ("site", "dist")
)
"""Where packages lie in a tree of libraries; the last two are conda's."""

DISK = 2**30
"""Bytes that may be written: a data set copied, and checkpoints beside it."""

_USERS = itertools.count(os.getpid())


@dataclass(frozen=True)
class Room:
    """A folder with two parts, and the bounds of what runs in it."""

    folder: Path
    memory: int
    """Bytes, of all processes together."""
    disk: int = DISK
    """Bytes that may be written."""
    user: int | None = None
    """Whom the processes run as, if the launcher is root, whom few limits hold."""
    hidden: tuple[Path, ...] = ()
    """Files and folders that are not to be read, wherever they lie."""
    graphs: bool = False
    """Whether the harness's own code runs in it, on foreign graphs, and not submitted code."""
    gpu: bool = False
    """Whether its processes may use NVIDIA's devices."""

    @property
    def given(self) -> Path:
        """What the process is given, and cannot change."""
        return self.folder / "given"

    @property
    def work(self) -> Path:
        """Where it starts, and may write; begins as a copy of `given/checkout`, if there is one."""
        return self.folder / "work"

    def give(self, place: str | PurePosixPath, content: bytes) -> Path:
        """Put a file where the process can read it."""
        path = self.given / place
        for folder in reversed([path.parent, *path.parent.parents]):
            if folder.is_relative_to(self.given) and not folder.exists():
                folder.mkdir()
                folder.chmod(0o755)
        path.write_bytes(content)
        path.chmod(0o644)  # the umask may keep it from the user inside
        return path

    def renew(self) -> None:
        """Leave nothing to the next process of what the last one wrote."""
        remove(self.work)
        self._make(self.work)

    def _make(self, part: Path) -> None:
        part.mkdir(exist_ok=True)
        part.chmod(0o755)
        if self.user is not None and part != self.given:
            os.chown(part, self.user, self.user)

    def lay_out(self, checkout: Mapping[PurePosixPath, bytes]) -> None:
        """Give what was handed in, of which the process gets a copy that it may change."""
        for place, content in checkout.items():
            self.give("checkout" / place, content)

    @property
    def modules(self) -> Path:
        """Where the package lies for its processes: a copy of `SHOWN`, or all of it."""
        return PACKAGE.parent if self.graphs else self.given


@contextmanager
def room(
    memory: int,
    disk: int = DISK,
    hidden: tuple[Path, ...] = (),
    graphs: bool = False,
    gpu: bool = False,
) -> Iterator[Room]:
    """A room that is removed in the end, with all that was written into it."""
    # A socket's path must be short, so the folder lies where the system's own temporary ones do.
    folder = Path(tempfile.mkdtemp(prefix="harness-")).resolve()
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    user = 50_000 + next(_USERS) % 10_000 if is_root else None
    hidden = (*(path.resolve() for path in hidden), *_answers())
    if not graphs:
        hidden = (PACKAGE.resolve(), *hidden)
    made_room = Room(folder, memory, disk, user, hidden, graphs, gpu)
    try:
        for part in (made_room.given, made_room.work):
            made_room._make(part)
        if user is not None:
            os.chown(folder, user, user)
        for path in itertools.chain.from_iterable(map(PACKAGE.glob, SHOWN)):
            made_room.give("harness" / PurePosixPath(path.relative_to(PACKAGE)), path.read_bytes())
        yield made_room
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder, however deep it is and whatever rights it lacks, as far as possible.

    What lies in a folder is moved up before it is looked into: `shutil.rmtree` calls itself, until
    Python's stack is at its end or a path is too long.
    """
    numbers = itertools.count()
    waiting, emptied = [folder], []
    while waiting:
        here = waiting.pop()
        emptied.append(here)
        with suppress(OSError), os.scandir(here) as found:
            for entry in found:
                with suppress(OSError):
                    if not entry.is_dir(follow_symlinks=False):
                        Path(entry).unlink()
                        continue
                    Path(entry).chmod(0o700)
                    above = folder.with_name(f"{folder.name}-{next(numbers)}")
                    waiting.append(Path(entry).rename(above))
    for each in emptied:
        with suppress(OSError):
            each.rmdir()


def _answers() -> Iterator[Path]:
    """Where labels of test images lie among the libraries: scikit-learn carries the digits."""
    spec = find_spec("sklearn")
    found = {Path(place) for place in (spec.submodule_search_locations or [] if spec else [])}
    for tree in (Path("/usr"), *libraries()):  # that of the system, and of what this Python is from
        for place in SITES:
            found.update(tree.glob(f"{place}/sklearn"))
    for package in sorted({path.resolve() for path in found}):
        yield package / "datasets" / "data" / "digits.csv.gz"


def libraries() -> list[Path]:
    """The folders of this Python and of its packages, as few as hold all."""
    program = Path(sys.executable)
    found = {Path(sys.prefix), Path(sys.base_prefix), program.resolve().parents[1]}
    found |= {Path(place) for name in ("stdlib", "purelib", "platlib") if (place := _place(name))}
    found |= {path.resolve() for path in found}
    found = {path for path in found if path.is_dir() and path != Path("/")}
    return sorted(path for path in found if not any(one in path.parents for one in found))


def _place(name: str) -> str:
    return sysconfig.get_paths().get(name, "")
