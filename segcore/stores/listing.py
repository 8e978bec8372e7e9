"""What a store lists: the engines take a page of the web for a list that is at its end, without a word."""

from __future__ import annotations

from typing import Any

from segcore import errors
from segcore.stores.answers import check_list

_PAGE = 1_000  # files of a list that a store gives at once


def listed(url: str, system: Any, path: str, *, recursive: bool = True) -> list[Any]:
    """Return what pyarrow knows of each file and folder below a path; nothing where it is not.

    Parameters
    ----------
    url : str
        What messages call it.
    system : pyarrow.fs.FileSystem
    path : str
        As the file system calls it.
    recursive : bool
        With what is in the folders.

    Raises
    ------
    segcore.errors.UnreachableError
        If a web page comes in place of the list, or of a part of it.
    """
    from pyarrow import fs

    selector = fs.FileSelector(path, recursive=recursive, allow_not_found=True)
    entries: list[Any] = system.get_file_info(selector)
    if not entries:
        check_list(url)
    if len(entries) >= _PAGE and len(again := system.get_file_info(selector)) != len(entries):
        raise errors.UnreachableError(
            f"{url}: the store lists {len(entries):,} files there, then {len(again):,}; run the same command again"
        )
    return entries
