"""What is given as an input, expanded to its files; and what of its folders is not read, and why."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Literal

from segcore import errors
from segcore.ingest import remote
from segcore.stores import is_url

Format = Literal["text", "parquet", "excel", "zip"]

# What a folder is searched for; a file that is named itself may be called anything.
SUFFIXES: dict[str, Format] = {
    ".csv": "text",
    ".tsv": "text",
    ".txt": "text",
    ".csv.gz": "text",
    ".tsv.gz": "text",
    ".txt.gz": "text",
    ".csv.zst": "text",
    ".tsv.zst": "text",
    ".txt.zst": "text",
    ".jsonl": "text",
    ".ndjson": "text",
    ".jsonl.gz": "text",
    ".ndjson.gz": "text",
    ".jsonl.zst": "text",
    ".ndjson.zst": "text",
    ".zip": "zip",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
}
_WORDS = {word for suffix in SUFFIXES for word in suffix.split(".")}
_HIDDEN = "for a name that begins with . or _"
LEFT_BY_RUNS = "since runs have left them there"
_READ_ALREADY = "since the folder is read by another name"
HARMLESS = (_HIDDEN, LEFT_BY_RUNS, _READ_ALREADY)  # reasons that nobody has to be warned of
_FOLDER = "since it is a folder, and the pattern names files"


def format_by_name(path: str) -> Format | None:
    """Return what kind of file a name promises; None for a name that a folder is not searched for."""
    name = path.lower()
    return next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)


def expand(given: str) -> tuple[list[str], dict[str, str]]:
    """Return the files behind a path, folder, glob or URL, and those beside them that are not read, with the reason.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is none, or a folder cannot be read.
    """
    if is_url(given):
        urls, named = remote.find(given)
        return (urls, {}) if named else _told_apart(given, ((url, why_not(url)) for url in urls))
    if os.path.isdir(given):
        return _told_apart(given, _walk(given))
    if os.path.lexists(given):
        return [given], {}
    return _behind_pattern(given)


def by_reason(unread: Mapping[str, str]) -> dict[str, list[str]]:
    """Return files that are not read, by the reason."""
    reasons: dict[str, list[str]] = {}
    for path, reason in sorted(unread.items()):
        reasons.setdefault(reason, []).append(path)
    return dict(sorted(reasons.items()))


def _told_apart(given: str, files: Iterator[tuple[str, str]]) -> tuple[list[str], dict[str, str]]:
    reasons = dict(files)
    paths = [path for path, reason in reasons.items() if not reason]
    unread = {path: reason for path, reason in reasons.items() if reason}
    if not paths:
        others = f"; it holds {errors.listing(PurePath(path).name for path in unread)}" if unread else ""
        raise errors.InputNotFoundError(
            f"{given}: the folder holds no file to read; expected {', '.join(SUFFIXES)}{others}"
        )
    return paths, unread


def why_not(path: str) -> str:
    """Return why a file in a folder is not read, or nothing."""
    name = path.rpartition("/")[2]
    if name.startswith((".", "_")):
        return _HIDDEN
    if format_by_name(name):
        return ""
    endings = PurePath(name.lower()).suffixes[-2:]
    if len(endings) == 2 and endings[0][1:] not in _WORDS:
        endings = endings[1:]
    return f"for the ending {''.join(endings)}" if endings else "for want of an ending"


def _walk(top: str) -> Iterator[tuple[str, str]]:
    """Give every file below a folder, and why it is not read; links are followed when all else has been gone through."""
    seen: set[tuple[int, int]] = set()
    folders, links = [top], list[str]()
    while folders or links:
        folder = folders.pop() if folders else links.pop()
        with _readable(folder):
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                yield folder, _READ_ALREADY
                continue
            seen.add((status.st_dev, status.st_ino))
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name, reverse=True):
                if entry.is_dir():
                    (links if entry.is_symlink() else folders).append(entry.path)
                else:
                    yield entry.path, why_not(entry.name)


@contextmanager
def _readable(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise errors.InputNotFoundError(
            f"{exc.filename or folder}: the folder cannot be read: {exc.strerror}; check its permissions"
        ) from exc


def _behind_pattern(given: str) -> tuple[list[str], dict[str, str]]:
    head = os.path.dirname(given)
    while head:
        for folder in filter(os.path.isdir, glob.glob(head, recursive=True)):
            with _readable(folder), os.scandir(folder):  # glob passes over one that cannot be read
                pass
        head = os.path.dirname(head) if glob.has_magic(head) else ""
    matches = glob.glob(given, recursive=True)
    paths = [path for path in matches if os.path.isfile(path)]
    if not paths:
        raise errors.InputNotFoundError(f"{given}: no such file or folder; check the path")
    # A pattern that goes through all folders gives what is in them too.
    beside = [] if "**" in Path(given).parts else [path for path in matches if os.path.isdir(path)]
    return paths, dict.fromkeys(beside, _FOLDER)
