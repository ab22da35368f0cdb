"""Finds the submissions of a class in a folder, be it one's own or a bulk download.

Canvas's "Download Submissions" names each file `lovelaceada_LATE_4711_8899_step_1.py`: who, whether
late, the user's and the file's number, and the name that the learner gave it. Moodle's "Download
all submissions" names a folder `Ada Lovelace_4711_assignsubmission_file_`, or likewise each file; a
text that was typed in comes as `onlinetext` instead of `file`.
Must not know what a step is.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from harness import archive, folder, layout, syntax
from harness.submission import MANIFEST, name_of, reported

_CANVAS = re.compile(r"(?P<who>[^_]+)(?:_LATE)?_(?P<user>\d+)_(?:\d+_(?P<file>.+)|text\.html)")
_MOODLE = re.compile(r"(?P<who>.+?)_(?P<user>\d+)_assignsubmission_(?P<what>[a-z]+)_?(?P<file>.*)")
_NUMBER = re.compile(r"\d{1,4}")
_PERSON = re.compile(r"student|learner|participant|user|team|group|anon", re.IGNORECASE)

MOST_STEPS = 15
"""Folders that may be a learner's steps; the longest series that are known have eleven."""


class Member(NamedTuple):
    """A submission of a class."""

    name: str
    """Under which it is reported, and which the roster calls its folder."""
    path: Path


def members(
    path: Path, roster: Collection[str], scratch: Path, as_class: bool = False
) -> list[Member]:
    """The submissions at a path: one, or those of a class.

    A folder is a class if the roster names something in it; if all in it is named as Canvas or
    Moodle name it; or if several folders or archives in it hold steps and it holds none itself,
    unless they are numbered as a few steps are or lie beside a `submission.toml`.

    Args:
        path: a folder of submissions, or a submission.
        roster: names of submissions.
        scratch: a folder for copies of files that belong together and do not lie so.
        as_class: whether each folder, archive and file in it is a submission, whatever it looks
            like: who adds to a class must not be able to make all of it look like one submission.
    """
    if not path.is_dir():
        return [Member(name_of(path), path)]
    inside = _inside(path)
    if as_class:
        return [Member(name_of(p), p) for p in inside]
    for platform in _CANVAS, _MOODLE:
        if inside and all(_is_of(platform, p) for p in inside):
            return _downloaded(inside, platform, scratch)
    if any(name_of(p) in roster for p in inside):
        return [Member(name_of(p), p) for p in inside]
    if is_class(path):
        return [Member(name_of(p), p) for p in inside if p.is_dir() or _is_archive(p)]
    return [Member(name_of(path), path)]


def is_class(path: Path) -> bool:
    """Whether a folder holds several submissions and none itself, by what lies there alone."""
    inside = _inside(path)
    if (path / MANIFEST).exists() or any(map(_is_step, inside)):
        return False
    handed_in = [p for p in inside if _is_archive(p) or _holds_steps(p)]
    return len(handed_in) > 1 and not _are_steps([p.name for p in handed_in])


def _inside(path: Path) -> list[Path]:
    found = (child for child in path.iterdir() if _may_be_handed_in(child))
    return sorted(found, key=lambda child: child.name)


def _may_be_handed_in(path: Path) -> bool:
    """Whether it may be a submission; a link could lead anywhere."""
    if path.is_symlink() or path.name.startswith((".", "_")):
        return False
    return path.is_dir() or _is_archive(path) or layout.may_be_step(path.name) or _is_text(path)


def _is_of(platform: re.Pattern[str], path: Path) -> bool:
    """Whether it is named as a platform names it; Canvas makes no folders."""
    return bool(platform.fullmatch(path.name)) and not (platform is _CANVAS and path.is_dir())


def _is_text(path: Path) -> bool:
    """Whether it is what Canvas and Moodle make of a learner's words: it hides no class."""
    return path.suffix == ".html" and bool(
        _CANVAS.fullmatch(path.name) or _MOODLE.fullmatch(path.name)
    )


def _is_step(path: Path) -> bool:
    """Whether a file is a step by what is in it: a class's folder may hold tools of its own."""
    if not layout.may_be_step(path.name) or not folder.is_plain(path):
        return False
    if folder.is_notebook(path.name):
        return True
    source = folder.beginning(path, folder.MAX_SOURCE).decode(errors="replace")
    return syntax.defines_network(source)


def _is_archive(path: Path) -> bool:
    return bool(archive.suffix_of(path.name)) and folder.is_plain(path)


def _are_steps(names: list[str]) -> bool:
    """Whether names are those of one learner's steps: a few, numbered from 0 or 1 on."""
    numbers = sorted(int(found[-1]) for name in names if (found := _NUMBER.findall(name)))
    first = numbers[0] if numbers else 0
    in_a_row = numbers == list(range(first, first + len(names))) and first in (0, 1)
    return in_a_row and len(names) <= MOST_STEPS and not any(map(_PERSON.search, names))


def _holds_steps(path: Path) -> bool:
    return path.is_dir() and any(layout.may_be_step(p.name) for p in path.rglob("*.[pi]*y*"))


def _downloaded(inside: list[Path], platform: re.Pattern[str], scratch: Path) -> list[Member]:
    """The submissions of a bulk download; files of one learner are brought together."""
    found: dict[str, Path] = {}
    for path in inside:
        match = platform.fullmatch(path.name)
        assert match is not None
        name = reported(f"{match['who']}_{match['user']}")
        if path.is_dir():
            if name not in found or match["what"] == "file":  # what was typed in is no step
                found[name] = path
        elif match["file"]:
            found[name] = scratch / name
            found[name].mkdir(exist_ok=True)
            shutil.copy(path, found[name] / match["file"], follow_symlinks=False)
    return [Member(name, path) for name, path in found.items()]
