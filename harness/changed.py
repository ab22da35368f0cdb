"""Tells what a branch changed, by asking git; runs nothing of it. Must not know grading."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path


class GitError(ValueError):
    """Git cannot tell; says what it said."""


def clone_of(path: Path) -> Path | None:
    """The clone in which a path lies; None if it lies in none, or behind a link.

    It is known by its `.git`, which no branch can hold. Git itself takes whatever is laid out like
    a repository for one, and would start the programs that a configuration in there names.
    """
    whole = _whole(path)
    for place in (whole, *whole.parents):
        if place.is_symlink():
            return None
        if (place / ".git").exists():
            return place
    return None


def changed(paths: Iterable[Path], since: str) -> list[Path]:
    """Those of the paths in which something differs from where the branch began.

    What is not committed counts, and so do new files that git does not ignore.

    Args:
        paths: files and folders of one clone; those that do not exist are left out.
        since: the branch or commit that this one is to be merged into, such as `origin/main`.

    Raises:
        GitError: if there is no clone, a link leads to a path, or there is no such commit.
    """
    present = [path for path in paths if path.exists()]
    if not present:
        return []
    for path in present:
        if (root := clone_of(path)) is None:
            raise GitError(f"{path} lies in no clone of git, or behind a link")
    assert root is not None
    commit = _git(root, "rev-parse", "--verify", "--end-of-options", f"{since}^{{commit}}").strip()
    told = _git(root, "diff", "--name-only", "-z", "--no-renames", "--merge-base", commit, "--")
    told += _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    touched = {root / name for name in told.split("\0") if name}
    around = touched.union(*(file.parents for file in touched))
    return [path for path in present if _whole(path) in around]


def _whole(path: Path) -> Path:
    """A path from the root on; links stay links."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow them


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
