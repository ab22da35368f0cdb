"""Archives that lead out of themselves, unpack without end, or lie about what they hold."""

import gzip
import io
import itertools
import resource
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from batches import Laboratory, only_step
from step_samples import step

from harness.grade import grade

SOURCE = step().encode()
OWNED = b"raise SystemExit('owned')\n"
NUMBERS = itertools.count()


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members:
            packed.writestr(name, data)
    return content.getvalue()


def special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def tarred(*members: tarfile.TarInfo | tuple[str, bytes], mode: str = "w") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode, format=tarfile.PAX_FORMAT) as packed:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                packed.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                packed.addfile(info, io.BytesIO(member[1]))
    return content.getvalue()


def link(name: str, kind: bytes, target: str, **pax: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.pax_headers = kind, target, pax
    return member


def patched(content: bytes, marker: bytes, place: int, number: int) -> bytes:
    """A zip with other numbers in its headers: 32 bits, at a place after each marker."""
    changed = bytearray(content)
    at = -1
    while (at := changed.find(marker, at + 1)) >= 0:
        struct.pack_into("<I", changed, at + place, number)
    return bytes(changed)


def overlapping(count: int) -> bytes:
    """Many entries of the directory, of one and the same file."""
    content = zipped(("step_000.py", bytes(900_000)))
    start = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    entry = content[start:end]
    entries = b"".join(entry.replace(b"step_000", b"step_%03d" % n) for n in range(count))
    tail = bytearray(content[end:])
    struct.pack_into("<HHII", tail, 8, count, count, len(entries), start)
    return content[:start] + entries + tail


def nested(depth: int) -> bytes:
    content = SOURCE
    for _ in range(depth):
        content = zipped(("step_1.zip", content), ("more.zip", content))
    return content


ONE = zipped(("step_1.py", SOURCE))
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
OUT = "leads out of it"
DAMAGED = "damaged or no such archive"
NONE = "holds no step"

REFUSED: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a folder above": ("a.zip", lambda: zipped(("../owned.py", OWNED)), OUT),
    "a folder far above": ("a.zip", lambda: zipped(("a/../../../../owned.py", OWNED)), OUT),
    "the root": ("a.zip", lambda: zipped(("/tmp/owned.py", OWNED)), OUT),
    "the root of a tar": ("a.tar", lambda: tarred(("/tmp/owned.py", OWNED)), OUT),
    "above a tar": ("a.tar.gz", lambda: tarred(("../owned.py", OWNED), mode="w:gz"), OUT),
    "above by a long name": ("a.tar", lambda: tarred(link("x.py", tarfile.REGTYPE, "", path="../owned.py")), OUT),
    "backslashes": ("a.zip", lambda: zipped(("..\\..\\owned.py", OWNED)), OUT),
    "a share": ("a.zip", lambda: zipped(("\\\\host\\share\\owned.py", OWNED)), OUT),
    "a link": ("a.zip", lambda: zipped((special("step_1.py", stat.S_IFLNK | 0o777), b"/etc/passwd")), NONE),
    "a device": ("a.zip", lambda: zipped((special("step_1.py", stat.S_IFCHR | 0o666), b"")), NONE),
    "a pipe": ("a.zip", lambda: zipped((special("step_1.py", stat.S_IFIFO | 0o666), b"")), NONE),
    "a link in a tar": ("a.tar", lambda: tarred(link("step_1.py", tarfile.SYMTYPE, "/etc/passwd")), NONE),
    "a hard link in a tar": ("a.tar", lambda: tarred(link("step_1.py", tarfile.LNKTYPE, "/etc/passwd")), NONE),
    "a hard link within": ("a.tar", lambda: tarred(("_a.py", SOURCE), link("step_1.py", tarfile.LNKTYPE, "_a.py")), NONE),
    "a device in a tar": ("a.tar", lambda: tarred(link("step_1.py", tarfile.BLKTYPE, "")), NONE),
    "a bomb": ("a.zip", lambda: zipped(*((f"step_{n}.py", bytes(990_000)) for n in range(80))), "unpacks to more than"),
    "a bomb of one file": ("a.zip", lambda: zipped(("step_1.py", bytes(2**26))), "step_1.py is over 1,000,000 bytes"),
    "a bomb of notebooks": ("a.zip", lambda: zipped(*((f"{n}.ipynb", bytes(2**25)) for n in range(3))), "unpacks to more than"),
    "a bomb of one tar": ("a.tar.gz", lambda: gzip.compress(bytes(2**27), 1), "unpacks to more than"),
    "a bomb of many streams": ("a.tar.gz", lambda: gzip.compress(bytes(2**20), 1) * 100, "unpacks to more than"),
    "archives in archives": ("a.zip", lambda: nested(6), NONE),
    "one file ninety times": ("a.zip", lambda: overlapping(90), "unpacks to more than|damaged"),
    "a size that is too small": ("a.zip", lambda: patched(ONE, CENTRAL, 24, 3), DAMAGED),
    "another checksum": ("a.zip", lambda: patched(ONE, CENTRAL, 16, 1), DAMAGED),
    "a place past the end": ("a.zip", lambda: patched(ONE, CENTRAL, 42, 2**30), DAMAGED),
    "a header of another file": ("a.zip", lambda: ONE.replace(b"step_1.py", b"step_2.py", 1), DAMAGED),
    "half of it": ("a.zip", lambda: ONE[: len(ONE) // 2], DAMAGED),
    "half of a tar": ("a.tar", lambda: tarred(("step_1.py", bytes(5_000)))[:2_000], DAMAGED),
    "one name twice": ("a.tar", lambda: tarred(("step_1.py", SOURCE), ("./step_1.py", OWNED)), "twice"),
    "one name in two writings": ("a.zip", lambda: zipped(("a/step_1.py", SOURCE), ("a\\step_1.py", OWNED)), "twice"),
    "a name that steers": ("a.zip", lambda: zipped(("step\x1b]0;owned\x07.py", SOURCE)), "cannot be a file's name"),
    "a name of many lines": ("a.tar", lambda: tarred(("step\n::error::\n1.py", SOURCE)), "cannot be a file's name"),
    "a name turned round": ("a.zip", lambda: zipped(("step_\u202eyp.1.py", SOURCE)), "cannot be a file's name"),
    "a name without end": ("a.zip", lambda: zipped(("x" * 60_000 + ".py", SOURCE)), "cannot be a file's name"),
    "folders without end": ("a.zip", lambda: zipped(("a/" * 30_000 + "_.txt", b"")), NONE),
    "thousands of entries": ("a.zip", lambda: zipped(*((str(n), b"") for n in range(10_001))), "more than 10,000 files"),
    "thousands in a tar": ("a.tar.gz", lambda: tarred(*((f"{n}", b"") for n in range(10_001)), mode="w:gz"), "more than 10,000 files"),
    "no archive": ("a.zip", lambda: SOURCE, DAMAGED),
    "nothing": ("a.tar.xz", lambda: b"", DAMAGED + "|too early"),
}  # fmt: skip


@pytest.fixture(scope="module")
def around(best: Laboratory) -> Iterable[set[Path]]:
    """What lies where an archive could lead; the same when all are read."""

    def seen() -> set[Path]:
        above = [best.folder, *best.folder.parents][:4]
        return {path for folder in (*above, Path("/tmp")) for path in folder.glob("owned*")}

    before = seen()
    yield before
    assert seen() == before


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_archive_is_its_own_fault(best: Laboratory, around: set[Path], name: str) -> None:
    file, made, words = REFUSED[name]
    folder = best.folder / f"archive-{next(NUMBERS)}"
    folder.mkdir()
    (folder / file).write_bytes(made())
    scorecard = grade(folder / file, best.rubric, best.workshop, lambda told: None)
    fault = scorecard.evidence.fault
    assert fault is not None
    assert fault.owner == "submission"
    assert any(each in fault.message for each in words.split("|"))
    assert len(fault.message) < 500
    assert scorecard.points == 0
    assert [path.name for path in folder.iterdir()] == [file]


def test_an_honest_step_among_traps_is_graded_alone(best: Laboratory) -> None:
    """Links and devices are none of the files of an archive, nor of a folder."""
    tar = tarred(
        ("ada/step_1.py", SOURCE),
        link("ada/step_2.py", tarfile.SYMTYPE, "/etc/passwd"),
        link("ada/step_3.py", tarfile.LNKTYPE, "/etc/passwd"),
        link("ada/step_4.py", tarfile.CHRTYPE, ""),
        link("ada/folder", tarfile.SYMTYPE, "/"),
        ("ada/folder/step_5.txt", b"through a link"),
    )
    folder = best.put({"packed.tar": tar, "plain/step_1.py": SOURCE})
    (folder / "plain" / "step_2.py").symlink_to("/etc/passwd")
    (folder / "plain" / "step_3").symlink_to("/")
    for path in (folder / "packed.tar", folder / "plain"):
        scorecard = grade(path, best.rubric, best.workshop, lambda told: None)
        step = only_step(scorecard)
        assert (step.name, step.fault) == ("step_1.py", None)
        assert scorecard.verdict == "passed"
        assert "root:" not in scorecard.model_dump_json()
    best.expect_unharmed()


def test_archives_take_a_bounded_memory() -> None:
    """This process has read them all."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4 * 2**20
