"""Files behind a URL: listed, and opened for their bytes."""

from __future__ import annotations

import contextlib
import fnmatch
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from segcore import errors
from segcore.stores import check_url, engine_errors, file_system, is_url, listed, odd_keys, store_errors


def find(url: str) -> tuple[list[str], bool]:
    """Return the URLs of the files behind a URL, and whether it named one file itself.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is nothing.
    segcore.errors.UnreachableError
        If the store does not answer, or somebody else does.
    """
    from pyarrow import fs

    check_url(url)
    if odd_keys.is_odd(url):
        return _find_odd(url)
    with store_errors(url):
        system, path = file_system(url)
        about = system.get_file_info(path)
        if about.type == fs.FileType.File:
            return [url], True
        # A key or a folder may be called what would be a pattern otherwise.
        fixed = re.split(r"[*?\[]", url)[0]
        wild = fixed != url and about.type == fs.FileType.NotFound
        if wild:
            system, path = file_system(fixed.rpartition("/")[0])
        files = listed(url, system, path)
    head = (fixed.rpartition("/")[0] if wild else url).rstrip("/")
    urls = [head + file.path[len(path) :] for file in files if file.type == fs.FileType.File]
    urls = [one for one in urls if not wild or fnmatch.fnmatchcase(one, url)]
    if not urls:
        raise errors.InputNotFoundError(f"{url}: no such file or folder; check the URL")
    return urls, wild


def _find_odd(url: str) -> tuple[list[str], bool]:
    """Do the same for a URL whose key has an empty part: what stands before it can be listed."""
    top = odd_keys.folder_before(url)
    with store_errors(url):
        system, path = file_system(top)
        files = listed(url, system, path)
    urls = [top + file.path[len(path) :] for file in files if file.type.name == "File"]
    if url in urls:
        return [url], True
    below = [one for one in urls if one.startswith(f"{url.rstrip('/')}/")]
    urls = below or [one for one in urls if fnmatch.fnmatchcase(one, url)]
    if not urls:
        raise errors.InputNotFoundError(f"{url}: no such file or folder; check the URL")
    return urls, not below


def stat(url: str) -> tuple[int, int]:
    """Return the size in bytes and the time of the last change in nanoseconds."""
    with store_errors(url):
        if odd_keys.is_odd(url):
            return odd_keys.stat(url)
        system, path = file_system(url)
        about = system.get_file_info(path)
        return int(about.size or 0), int(about.mtime_ns or 0)


@contextlib.contextmanager
def opened(url: str) -> Iterator[BinaryIO]:
    """Open a file as a stream of bytes.

    Raises
    ------
    segcore.errors.UnreachableError
        If the store does not answer, or somebody else does: a login page stands where the file should.
    """
    if odd_keys.is_odd(url):
        with store_errors(url), odd_keys.opened(url) as body:
            yield body
        return
    with store_errors(url):
        system, path = file_system(url)
        stream = system.open_input_stream(path, compression=None)
    with stream, engine_errors(url):
        yield stream


@contextlib.contextmanager
def seekable(path: str) -> Iterator[Any]:
    """Open a file of Arrow's, on a disk or in a store, of which any part can be read."""
    import pyarrow as pa

    if is_url(path):
        with store_errors(path):
            system, name = file_system(path)
            stream = system.open_input_file(name)
    else:
        stream = pa.OSFile(path)
    with stream:
        yield stream
