"""Tells what a branch changed, by asking git; runs nothing of it. Must not know grading."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path


class GitError(ValueError):
    """Git cannot tell; says what it said."""


def changed(paths: Iterable[Path], since: str) -> list[Path]:
    """Those of the paths in which something differs from where the branch began.

    What is not committed counts, and so do new files that git does not ignore.

    Args:
        paths: files and folders of one clone; those that do not exist are left out.
        since: the branch or commit that this one is to be merged into, such as `origin/main`.

    Raises:
        GitError: if there is no clone, or no such commit.
    """
    present = [path for path in paths if path.exists()]
    if not present:
        return []
    here = present[0] if present[0].is_dir() else present[0].parent
    root = Path(_git(here, "rev-parse", "--show-toplevel").strip())
    commit = _git(here, "rev-parse", "--verify", "--end-of-options", f"{since}^{{commit}}").strip()
    told = _git(root, "diff", "--name-only", "-z", "--no-renames", "--merge-base", commit, "--")
    told += _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    touched = {root / name for name in told.split("\0") if name}
    around = touched.union(*(file.parents for file in touched))
    return [path for path in present if path.resolve() in around]


def _git(folder: Path, *arguments: str) -> str:
    # A clone's own settings may name programs that git would start to look for changes; and files
    # that a branch adds may make a folder of it look like a clone with settings of its own.
    own = ["-c", "core.fsmonitor=false", "-c", "safe.bareRepository=explicit"]
    command = ["git", "-C", str(folder), *own, *arguments]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, errors="surrogateescape")
    except FileNotFoundError:
        raise GitError("git is not installed") from None
    if ended.returncode:
        raise GitError(ended.stderr.strip() or f"git ended with {ended.returncode}")
    return ended.stdout
