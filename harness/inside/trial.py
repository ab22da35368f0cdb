"""Tries the walls from inside: prints which of their promises do not hold, or `kept`.

    python -m harness.inside.trial SECRET PORT PACKAGE

SECRET is a file that must be out of reach, PORT a listener on the machine's loopback, PACKAGE the
harness's own folder. Must not know which wall it is behind.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.inside.confine import with_submitted_code


def broken(secret: Path, port: int, package: Path) -> list[str]:
    """The promises that do not hold, a clause each."""
    attempts: dict[str, Callable[[], Any]] = {
        "files of the machine can be read": secret.read_bytes,
        "files of the machine can be written": lambda: secret.open("ab"),
        "the network can be reached": lambda: socket.create_connection(("127.0.0.1", port), 5),
        "names can be looked up": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "the grader's own code can be read": (package / "grade.py").read_bytes,
        "it may call ptrace": _traced,
    }
    found = [what for what, attempt in attempts.items() if not _refused(attempt)]
    if os.geteuid() == 0:
        found.append("it runs as root")
    if _refused(lambda: Path("written").write_text("here")):
        found.append("its own folder cannot be written")
    return found


def _refused(attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except OSError:
        return True
    return False


def _traced() -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    traceme = 0
    if libc.ptrace(traceme, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


if __name__ == "__main__":
    with_submitted_code()
    print("; ".join(broken(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))) or "kept")
