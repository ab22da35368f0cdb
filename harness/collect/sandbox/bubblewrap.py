"""The wall of bubblewrap: namespaces of the kernel, in which there is nothing but what is bound.

Must not know what runs behind it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.collect.sandbox import syscalls
from harness.collect.sandbox.launch import as_user
from harness.collect.sandbox.room import PACKAGE, SETTINGS, SYSTEM, Room, libraries

SHARED = 64 * 2**20
"""Bytes of shared memory: for locks, which multiprocessing keeps there."""

SETTINGS_OF_KERNEL = Path("/proc/sys")

FORBIDDEN = (
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("user.max_user_namespaces", "0", "10000"),
)
"""Settings of the kernel that keep users from making namespaces: as Ubuntu 24.04, some Debians and
hardened systems have them; and what would allow it."""

NO_ROOT = (
    *("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"),
    *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
)
"""Instead of a user namespace, in which root would stay the machine's root: the first program
inside becomes another user, for which it needs these and gives them up."""


class Bubblewrap:
    """What bubblewrap gives: a file system, processes, a network and a user of its own."""

    name = "bubblewrap"
    lacks = "the memory of all processes together is limited by a look every half second"
    limits_disk = True
    own_space = True

    def command(self, program: list[str], room: Room) -> list[str]:
        """The command line that runs a program in the room, behind this wall."""
        return [
            shutil.which("bwrap") or "bwrap",
            *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
            *(("--unshare-all",) if room.user is None else NO_ROOT),
            *_system(),
            *_bound(libraries()),
            *_bound([room.given, *([PACKAGE] if room.graphs else [])]),
            *_hidden(room),
            *_folder(room.work, room.disk, 0o777),
            # The first process is bubblewrap's own and has no filter, so that nothing of it shows.
            *("--proc", "/proc", "--tmpfs", "/proc/1", "--remount-ro", "/proc/1"),
            *("--dev", "/dev"),
            *(_gpu() if room.gpu else ()),
            *_folder(Path("/dev/shm"), SHARED, 0o1777),
            *("--remount-ro", "/dev", "--remount-ro", "/"),
            *("--chdir", str(room.work)),
            *(() if room.user is None else as_user(room.user)),
            *program,
        ]

    def rules(self, room: Room) -> dict[str, Any] | None:
        """None: there is nothing else inside."""
        return None

    def mend(self, problem: str) -> str:
        """By what the system says of user namespaces, without which only root can use it."""
        if not shutil.which("bwrap"):
            return "sudo apt install bubblewrap"
        if "libseccomp" in problem:
            return syscalls.LIBSECCOMP
        for name, value, instead in FORBIDDEN:
            path = SETTINGS_OF_KERNEL / name.replace(".", "/")
            if path.exists() and path.read_text().strip() == value:
                return f"sudo sysctl {name}={instead}"
        return "in a container: start it with --cap-add SYS_ADMIN --security-opt seccomp=unconfined"

    def filters(self, graphs: bool) -> tuple[bytes, bytes]:
        """Against the kernel's dark corners, and a loopback of its own."""
        if graphs:
            return syscalls.around_all(), syscalls.around_graphs()
        return syscalls.around_all(), syscalls.around_submitted(signals=True, rights=True)


def _system() -> Iterator[str]:
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.is_dir():
            yield from ("--ro-bind", name, name)
    yield from _bound([Path(name) for name in SETTINGS if Path(name).exists()])


def _bound(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        if any(Path(top) in path.parents for top in SYSTEM):
            continue  # bound already
        yield from _above(path)
        yield from ("--ro-bind", str(path), str(path))


def _above(path: Path) -> Iterator[str]:
    """The folders above one, which bubblewrap itself would make for root alone."""
    for parent in reversed(path.parents[:-1]):
        yield from ("--dir", str(parent))


def _gpu() -> Iterator[str]:
    """NVIDIA's devices, and what CUDA reads about them."""
    for path in sorted(Path("/dev").glob("nvidia*")):
        yield from ("--dev-bind", str(path), str(path))
    yield from ("--ro-bind", "/sys", "/sys")


def _hidden(room: Room) -> Iterator[str]:
    """Nothing in the place of what is not to be seen, where it lies in what is bound."""
    bound = [*(Path(name) for name in SYSTEM), *libraries()]
    for path in room.hidden:
        if not path.exists() or not any(tree in path.parents for tree in bound):
            continue
        if path.is_dir():
            yield from ("--tmpfs", str(path), "--remount-ro", str(path))
        else:
            yield from ("--ro-bind", "/dev/null", str(path))


def _folder(path: Path, size: int, mode: int) -> Iterator[str]:
    """A folder in memory that may be written to, up to a size."""
    yield from ("--perms", f"{mode:04o}", "--size", str(size), "--tmpfs", str(path))
