"""Reads the files of a zip or tar archive into memory, safely.

Nothing is unpacked onto the disk, so no member's name can lead anywhere, and links and devices
are passed over. What an archive may cost is bounded by bytes and members, whatever its
compression claims. Must not know what the files mean.
"""

from __future__ import annotations

import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import IO

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz")
"""Names of archives end in one of these."""

MAX_BYTES = 64 * 2**20
"""Of an archive, and of what is unpacked from it."""

MAX_MEMBERS = 10_000
"""Of an archive; a checkout's `.git` may be among them."""

XZ_MEMORY = 128 * 2**20
"""Bytes for xz's dictionary; its strongest preset takes half of it."""


class ArchiveError(ValueError):
    """The archive cannot be read, or should not be; says why, without the archive's name."""


def suffix_of(name: str) -> str:
    """The end of a name that makes it an archive's, or nothing."""
    return next((name[-len(s) :] for s in SUFFIXES if name[1:].lower().endswith(s)), "")


def files(
    name: str, content: bytes, most: Callable[[PurePosixPath], int]
) -> dict[PurePosixPath, bytes]:
    """The plain files of an archive by their paths in it.

    Args:
        name: the archive's, which tells what kind it is.
        content: the archive.
        most: bytes of a file that are worth reading, 0 for none; of a longer one, one byte more is
            read.

    Raises:
        ArchiveError: if it is corrupt, too large, encrypted, or names a file outside of itself.
    """
    found: dict[PurePosixPath, bytes] = {}
    unpacked = 0
    try:
        members = _zip if suffix_of(name).lower() == ".zip" else _tar
        for number, (member, stream) in enumerate(members(name, content)):
            if number >= MAX_MEMBERS:
                raise ArchiveError(f"it holds more than {MAX_MEMBERS:,} files")
            path = _inside(member)
            if stream is None or not most(path):
                continue
            if path in found:
                raise ArchiveError(f"it holds {path} twice")
            found[path] = stream.read(most(path) + 1)
            unpacked += len(found[path])
            if unpacked > MAX_BYTES:
                raise ArchiveError(f"it unpacks to more than {MAX_BYTES:,} bytes")
    except ArchiveError:
        raise
    except Exception as error:  # the readers raise whatever wrong bytes lead them to
        raise ArchiveError(f"it is damaged or no such archive ({error})") from None
    return found


def hidden(path: PurePosixPath) -> bool:
    """Whether a file is a system's or a tool's own: `.DS_Store`, `.git`, `__MACOSX`."""
    return any(part[0] == "." or part == "__MACOSX" for part in path.parts)


def _inside(member: str) -> PurePosixPath:
    """A member's path, which must not lead out of the archive."""
    path = PurePosixPath(member.replace("\\", "/"))  # as some packers on Windows write it
    if path.is_absolute() or ".." in path.parts:
        raise ArchiveError(f"its file {member!r} leads out of it; pack the folder of the steps")
    return path


def _zip(name: str, content: bytes) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Members of a zip: their names, and for plain files their content."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir() or kind not in (0, stat.S_IFREG):
                yield info.filename, None
                continue
            if info.flag_bits & 1:
                raise ArchiveError("it is encrypted; pack it without a password")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ArchiveError("its compression is unusual; pack it with deflate")
            with archive.open(info) as stream:
                yield info.filename, stream


def _tar(name: str, content: bytes) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Members of a tar: their names, and for plain files their content."""
    match suffix_of(name).lower():
        case ".tar.gz" | ".tgz":
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MAX_BYTES + 1)
        case ".tar.xz":
            decompressor = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
            content = decompressor.decompress(content, MAX_BYTES + 1)
            if not decompressor.eof and len(content) <= MAX_BYTES:
                raise ArchiveError("it is damaged: it ends too early")
    if len(content) > MAX_BYTES:
        raise ArchiveError(f"it unpacks to more than {MAX_BYTES:,} bytes")
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for member in archive:
            yield member.name, archive.extractfile(member) if member.isreg() else None
