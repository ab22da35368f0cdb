"""What a branch changed, by git: which submissions a gate has to look at."""

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.changed import GitError, changed


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.hooksPath="]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A branch that began at `base`, where three submissions stood, beside a base that went on."""
    git(tmp_path, "init", "-q", "-b", "base")
    for name in ("ada", "bob", "zoë"):
        (tmp_path / "submissions" / name).mkdir(parents=True)
        (tmp_path / "submissions" / name / "step_1.py").write_text(name)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "all")
    git(tmp_path, "switch", "-qc", "branch")
    (tmp_path / "submissions" / "zoë" / "step_1.py").write_text("other")
    git(tmp_path, "commit", "-qam", "zoë's")
    git(tmp_path, "switch", "-q", "base")
    (tmp_path / "submissions" / "bob" / "step_1.py").write_text("of the base")
    git(tmp_path, "commit", "-qam", "bob's, after the branch began")
    git(tmp_path, "switch", "-q", "branch")
    return tmp_path


def touched(clone: Path, since: str = "base") -> list[str]:
    handed_in = sorted((clone / "submissions").iterdir())
    return [path.name for path in changed(handed_in, since)]


def test_only_what_the_branch_touches_is_told(clone: Path) -> None:
    assert touched(clone) == ["zoë"]


def test_what_is_not_committed_counts(clone: Path) -> None:
    (clone / "submissions" / "ada" / "step_2.py").write_text("new")
    (clone / "submissions" / "new").mkdir()
    (clone / "submissions" / "new" / "step_1.py").write_text("new")
    assert touched(clone) == ["ada", "new", "zoë"]


def test_a_step_that_is_removed_or_renamed_counts(clone: Path) -> None:
    git(clone, "rm", "-q", "submissions/ada/step_1.py")
    (clone / "submissions" / "ada").mkdir()
    (clone / "submissions" / "ada" / "keep.txt").write_text("x")
    git(clone, "mv", "submissions/bob/step_1.py", "submissions/bob/step_9.py")
    assert touched(clone) == ["ada", "bob", "zoë"]


def test_a_single_file_counts(clone: Path) -> None:
    files = sorted((clone / "submissions").rglob("*.py"))
    assert [path.parent.name for path in changed(files, "base")] == ["zoë"]


@pytest.mark.parametrize("since", ["nonsense", "--output=evil", "base^{tree}"])
def test_what_is_no_commit_is_told(clone: Path, since: str) -> None:
    with pytest.raises(GitError):
        touched(clone, since)
    assert not (clone / "evil").exists()


def test_a_folder_that_is_no_clone_is_told(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not a git repository"):
        changed([tmp_path], "main")


def test_a_program_that_the_clone_names_is_not_run(clone: Path) -> None:
    evil = clone / "evil.sh"
    evil.write_text("#!/bin/sh\ntouch ran\n")
    evil.chmod(0o755)
    git(clone, "config", "core.fsmonitor", str(evil))
    git(clone, "config", "diff.external", str(evil))
    assert touched(clone) == ["zoë"]
    assert not (clone / "ran").exists()


def test_a_submission_that_looks_like_a_clone_has_no_say(clone: Path) -> None:
    """Its files are a whole repository, whose settings name a program for every file."""
    forged = clone / "submissions" / "aaa"
    shutil.copytree(clone / ".git", forged)
    ran = clone / "ran"
    for name, value in {
        "core.bare": "false",
        "core.worktree": ".",
        "filter.evil.clean": f"touch {ran}; cat",
    }.items():
        git(clone, "config", "--file", str(forged / "config"), name, value)
    (forged / "info" / "attributes").write_text("* filter=evil\n")
    git(clone, "--git-dir", str(forged), "reset", "-q")
    (forged / "submissions" / "ada").mkdir(parents=True)
    (forged / "submissions" / "ada" / "step_1.py").write_text("new")
    with pytest.raises(GitError, match="bare repository"):
        touched(clone)
    assert not ran.exists()
