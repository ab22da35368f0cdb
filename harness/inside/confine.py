"""Puts a process behind its walls from inside, before any submitted code is in it.

    python -m harness.inside.confine ORDER MODULE [ARGUMENT...]

ORDER is JSON, made by the trusted side. The module runs in this same process. What fails here
ends the process, so that nothing ever runs without its walls. Must not know submissions.

No garbage is looked for until the module, which has imported what it needs, calls `gc.enable`:
what is imported stays, and to search it again and again takes a fifth of the time.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import gc
import json
import os
import runpy
import shutil
import sys
from pathlib import Path
from typing import Any

from harness.inside.limits import lower

FILTER = "HARNESS_FILTER"
"""The environment variable with the filter that a process takes on with submitted code."""

_PR_SET_NO_NEW_PRIVS, _SET_MODE_FILTER, _FLAG_TSYNC = 38, 1, 1
"""From linux/prctl.h and linux/seccomp.h."""

_SECCOMP = {"x86_64": 317, "aarch64": 277, "riscv64": 277, "ppc64le": 358, "s390x": 348}
"""The number of the system call, which C libraries have no function for, by processor."""


class _Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def main(order: dict[str, Any]) -> None:
    """Limit this process, and all that it starts.

    Args:
        order: `rules` for Landlock or null, `filter` of seccomp for all processes and
            `submitted` for those with submitted code, base64; `processes` and `files`, the most of
            each; `given` and `work`, the folders.
    """
    _limit(order["processes"], order["files"])
    checkout = Path(order["given"]) / "checkout"
    if checkout.is_dir():
        shutil.copytree(checkout, Path(order["work"]) / "checkout", dirs_exist_ok=True)
    os.chdir(order["work"])
    if order["rules"] is not None:
        _landlock(**order["rules"])
    if order["filter"]:
        _load(base64.b64decode(order["filter"]))
        os.environ[FILTER] = order["submitted"]


def with_submitted_code() -> None:
    """Give up what only the harness's own code in the sandbox needs. Called before the code comes.

    Raises:
        OSError: if the kernel does not take the filter.
    """
    if FILTER in os.environ:
        _load(base64.b64decode(os.environ.pop(FILTER)))


def _limit(processes: int, files: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_NOFILE, files)
    if hasattr(resource, "RLIMIT_NPROC"):
        lower(resource.RLIMIT_NPROC, processes)
    # Where memory runs out all the same, the kernel ends this process before any other.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _landlock(read: list[str], listed: list[str], write: list[str]) -> None:
    """Keep to these paths: those to read and execute, to list alone, and to write."""
    import py_landlock as landlock
    from py_landlock import AccessFs
    from py_landlock.abi import get_supported_fs, get_supported_net, get_supported_scope
    from py_landlock.prctl import set_no_new_privs

    # Its class for all this takes twice as long, since it resolves each of hundreds of paths.
    version = landlock.get_abi_version()
    known = get_supported_fs(version)
    rules = landlock.RulesetAttr(known, get_supported_net(version), get_supported_scope(version))
    set_no_new_privs()
    ruleset = landlock.create_ruleset(rules)
    look = AccessFs.READ_FILE | AccessFs.EXECUTE
    change = look | AccessFs.WRITE_FILE | AccessFs.TRUNCATE | AccessFs.IOCTL_DEV
    every = ~(AccessFs.MAKE_CHAR | AccessFs.MAKE_BLOCK | AccessFs.IOCTL_DEV)
    for paths, of_file, of_folder in (
        ([*read, "/proc/self"], look, look | AccessFs.READ_DIR),
        (listed, AccessFs(0), AccessFs.READ_DIR),
        (write, change, every),
    ):
        for path in filter(os.path.exists, paths):
            access = (of_folder if os.path.isdir(path) else of_file) & known  # noqa: PTH112
            number = os.open(path, os.O_PATH | os.O_CLOEXEC)
            landlock.add_rule(ruleset, landlock.PathBeneathAttr(access, number))
            os.close(number)
    landlock.restrict_self(ruleset, None)
    os.close(ruleset)


def _load(program: bytes) -> None:
    """Load a filter of seccomp into all threads of this process, which later ones inherit.

    Not into this thread alone: a notebook's process has others, and its code can use them.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    told = _Program(len(program) // 8, program)
    number = ctypes.c_long(_SECCOMP[os.uname().machine])
    failed = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(
        number, _SET_MODE_FILTER, _FLAG_TSYNC, ctypes.byref(told)
    )
    if failed < 0:
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")
    if failed:
        raise OSError(f"seccomp: thread {failed} did not take the filter")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
    del sys.argv[:2]
    gc.disable()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
