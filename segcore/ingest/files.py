"""The files of a source, behind paths, folders and globs; told apart by their first bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from segcore import errors
from segcore.ingest import archives, remote
from segcore.ingest.folders import Format, expand, format_by_name, why_not
from segcore.stores import check_answer, check_name, is_url

Compression = Literal["", "gzip", "zstd"]

_PARQUET, _ZIP = b"PAR1", b"PK\x03\x04"
_COMPRESSED: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_EMPTY = "__HIVE_DEFAULT_PARTITION__"  # how folders write that there is no value
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file of the input.

    Attributes
    ----------
    path : str
        Absolute, since a worker of a cluster may stand in another folder; or a URL.
    name : str
        As it was given: what messages call it.
    format : {"text", "parquet", "excel", "zip"}
        Of what is read; an archive is read by its members.
    compression : {"", "gzip", "zstd"}
        Of a text.
    size : int
        Bytes on disk.
    modified : int
        Nanoseconds since the epoch; of the archive, for a member.
    partition : tuple of (str, str)
        Columns that the file's folders name, such as ``country=France``.
    member : str
        Its name in the archive at the path; empty outside of one.
    other_names : tuple of str
        Other paths that led to the same file, by a link or by another spelling; it is read once.
    """

    path: str
    name: str
    format: Format
    size: int
    modified: int
    compression: Compression = ""
    partition: tuple[tuple[str, str], ...] = ()
    member: str = ""
    other_names: tuple[str, ...] = ()


def find(inputs: Sequence[str | Path]) -> tuple[list[Source], dict[str, str]]:
    """Find the files behind paths, folders and globs, in a fixed order, each once by whatever names.

    Returns
    -------
    list of Source
    dict of str to str
        The other files of the folders, and why each of them is not read.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If a path does not exist, cannot be read, or a folder holds no file of a known kind.
    segcore.errors.DataError
        If a file is empty, or its content is of no kind that can be read.
    """
    paths: dict[str, None] = {}
    unread: dict[str, str] = {}
    for given in inputs:
        matches, left = expand(str(given))
        paths.update(dict.fromkeys(matches))
        unread |= left
    sources = []
    for path, *others in _by_file(paths):
        source = replace(_source(path), other_names=tuple(others))
        inside, left = _inside(source) if source.format == "zip" else ([source], {})
        sources += inside
        unread |= left
    return sources, {path: reason for path, reason in unread.items() if path not in paths}


def discover(inputs: Sequence[str | Path]) -> list[Source]:
    """Return the files that :func:`find` finds."""
    return find(inputs)[0]


def has_changed(source: Source) -> bool:
    """Whether a file is no longer as it was when it was found.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If it is gone.
    """
    size, modified = remote.stat(source.path) if is_url(source.path) else _first_look(source.path)[:2]
    return (source.size if source.member else size, modified) != (source.size, source.modified)


def _by_file(paths: Iterable[str]) -> list[tuple[str, ...]]:
    """Group paths that lead to one file, in the order of the first of each: a link stands behind its target."""
    groups: dict[object, list[str]] = {}
    for path in sorted(paths, key=lambda path: (not is_url(path) and os.path.islink(path), path)):
        groups.setdefault(_identity(path), []).append(path)
    return sorted(map(tuple, groups.values()))


def _identity(path: str) -> object:
    try:
        status = None if is_url(path) else os.stat(path)
    except OSError:  # reported where it is opened
        return path
    return path if status is None else (status.st_dev, status.st_ino)


def _source(path: str) -> Source:
    try:
        check_name(path)
    except errors.UsageError as exc:
        raise errors.InputNotFoundError(str(exc)) from exc
    size, modified, head = _first_look_at_url(path) if is_url(path) else _first_look(path)
    if not head:
        raise errors.DataError(f"{path}: the file is empty; expected a header and lines")
    kind = _kind(path, head)
    return Source(
        path=path if is_url(path) else str(Path(path).absolute()),
        name=path,
        format=kind,
        compression=_compression(head) if kind == "text" else "",
        size=size,
        modified=modified,
        partition=_partition(path),
    )


def _inside(archive: Source) -> tuple[list[Source], dict[str, str]]:
    """Return the files in an archive, and those that are not read, with the reason."""
    sources, left = [], {}
    for one in archives.members(archive.path):
        name = f"{archive.name}/{one.name}"
        reason = why_not(one.name) if not one.name.startswith("__MACOSX/") else why_not("_")
        kind = "zip" if reason else _kind(name, one.head, nested=True)
        if kind == "zip":
            left[name] = reason or "since it is an archive in an archive"
            continue
        sources.append(
            replace(
                archive,
                name=name,
                member=one.name,
                format=kind,
                size=one.size,
                compression=_compression(one.head) if kind == "text" else "",
            )
        )
    if not sources:
        raise errors.InputNotFoundError(
            f"{archive.name}: the archive holds no file to read{f'; it holds {errors.listing(left)}' if left else ''}"
        )
    return sources, left


def _compression(head: bytes) -> Compression:
    return next((name for magic, name in _COMPRESSED.items() if head.startswith(magic)), "")


def _first_look(path: str) -> tuple[int, int, bytes]:
    """Return a file's size, the time of its last change and its first bytes."""
    try:
        status = os.stat(path)
        if not os.path.isfile(path):
            raise errors.InputNotFoundError(f"{path}: is no regular file; expected a file or a folder")
        with open(path, "rb") as file:
            return status.st_size, status.st_mtime_ns, file.read(8)
    except OSError as exc:
        raise errors.InputNotFoundError(
            f"{path}: cannot be read: {exc.strerror}; check its name and permissions"
        ) from exc


def _first_look_at_url(url: str) -> tuple[int, int, bytes]:
    with remote.opened(url) as stream:
        head = stream.read(8)
    check_answer(url, head)
    return *remote.stat(url), head


def _kind(path: str, head: bytes, *, nested: bool = False) -> Format:
    """Tell a file's kind by its first bytes, and refuse one whose name promises another."""
    named = format_by_name(path)
    if head.startswith(_OLD_EXCEL):
        raise errors.DataError(f"{path}: is an old Excel file (.xls); save it as .xlsx or CSV")
    actual: Format = "parquet" if head.startswith(_PARQUET) else "excel" if head.startswith(_ZIP) else "text"
    if actual == "excel" and named == "zip":
        if nested:
            return "zip"
        if not archives.is_office(path):
            return "zip"
    if actual == "excel" and named != "excel":
        raise errors.DataError(
            f"{path}: is a zip archive by its content; unpack it, or name it .xlsx if it is an Excel file"
        )
    if named in ("parquet", "excel", "zip") and actual != named:
        raise errors.DataError(
            f"{path}: is not {named.capitalize()} by its first bytes; expected {named} for that name"
        )
    return actual


def _partition(path: str) -> tuple[tuple[str, str], ...]:
    folders = Path(path).parts[:-1]
    pairs = (folder.partition("=") for folder in folders)
    return tuple(
        (unquote(name), "" if value == _EMPTY else unquote(value))
        for name, mark, value in pairs
        if mark and name
    )
