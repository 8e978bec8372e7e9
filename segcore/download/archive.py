"""An archive from elsewhere, unpacked so that it can do no harm."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from segcore.errors import DataError

LARGEST = 1_000_000_000  # bytes unpacked

_BLOCK = 1 << 18


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack the one Excel file of an archive; nothing is written outside of `folder`.

    Raises
    ------
    segcore.errors.DataError
        If it is no zip archive, is damaged, has a name that leads elsewhere, or unpacks to far too much.
    """
    folder.mkdir()
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [info for info in opened.infolist() if not info.is_dir()]
            for info in members:
                _refuse_elsewhere(info)
            _refuse_bomb(members)
            books = [info for info in members if info.filename.lower().endswith(".xlsx")]
            if len(books) != 1:
                raise DataError(
                    f"the archive holds {len(books)} Excel files, expected one: {_names(members) or 'it is empty'}"
                )
            target = folder / "book.xlsx"  # a name of our own: the archive's has no say
            with opened.open(books[0]) as source, target.open("wb") as file:
                _inflate(source, file)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as exc:
        raise DataError(f"what came is no zip archive, or a damaged one: {exc}; download it again") from exc
    return target


def _names(members: list[zipfile.ZipInfo]) -> str:
    return ", ".join(repr(info.filename) for info in members[:5])


def _refuse_elsewhere(info: zipfile.ZipInfo) -> None:
    name = PurePosixPath(info.filename.replace("\\", "/"))
    drive = ":" in info.filename
    if name.is_absolute() or drive or ".." in name.parts or stat.S_ISLNK(info.external_attr >> 16):
        raise DataError(f"the archive names {info.filename!r}, which leads elsewhere; nothing was unpacked")


def _refuse_bomb(members: list[zipfile.ZipInfo]) -> None:
    size = sum(info.file_size for info in members)
    if size > LARGEST:
        raise DataError(f"the archive unpacks to {size:,} bytes, expected at most {LARGEST:,}")


def _inflate(source: IO[bytes], target: IO[bytes]) -> None:
    """Unpack a member; what it says of its size may be wrong."""
    size = 0
    while block := source.read(_BLOCK):
        size += len(block)
        if size > LARGEST:
            raise DataError(f"the archive unpacks to more than {LARGEST:,} bytes; nothing was kept")
        target.write(block)
