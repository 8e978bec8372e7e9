"""Files inside a zip archive, one level deep; unpacked to names of our own, as large as the archive says and no larger."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from segcore import errors
from segcore.ingest import remote
from segcore.stores import engine_errors, is_url

_OFFICE = "[Content_Types].xml"
_MOST_TIMES, _SMALL = 200, 10**8  # how much larger than packed a member may be, where it is not small
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file in an archive: its name there, its size and its first bytes."""

    name: str
    size: int
    head: bytes


def is_office(path: str) -> bool:
    """Whether a zip archive is a document, such as a workbook."""
    with _opened(path) as archive:
        return _OFFICE in archive.namelist()


def members(path: str) -> list[Member]:
    """Return the files in an archive.

    Raises
    ------
    segcore.errors.DataError
        If it is damaged or encrypted, or a file in it would be much larger than any table.
    """
    files = []
    with _opened(path) as archive:
        for info in archive.infolist():
            if info.is_dir() or not info.file_size:
                continue
            if info.flag_bits & 1:
                raise errors.DataError(f"{path}: {info.filename!r} is encrypted; unpack the archive")
            if info.file_size > max(_SMALL, _MOST_TIMES * info.compress_size):
                raise errors.DataError(
                    f"{path}: {info.filename!r} has {info.compress_size / 1e6:,.1f} MB and would be "
                    f"{info.file_size / 1e6:,.0f} MB; unpack the archive if that is right"
                )
            with archive.open(info) as file:
                files.append(Member(name=info.filename, size=info.file_size, head=file.read(8)))
    return files


def unpack(path: str, member: str, target: Path) -> None:
    """Write a file of an archive to a path, and no more than the archive says it holds."""
    with _opened(path) as archive, archive.open(member) as file, open(target, "wb") as out:
        left = archive.getinfo(member).file_size
        while block := file.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise errors.DataError(f"{path}: {member!r} is larger than the archive says; unpack it")
            out.write(block)


@contextmanager
def _opened(path: str) -> Iterator[zipfile.ZipFile]:
    try:
        with (
            remote.seekable(path) if is_url(path) else nullcontext(path) as file,
            engine_errors(path) if is_url(path) else nullcontext(),
            zipfile.ZipFile(file) as archive,
        ):
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError) as exc:
        raise errors.DataError(
            f"{path}: the archive is damaged or breaks off: {exc}; fetch or export it again"
        ) from exc
