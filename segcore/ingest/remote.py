"""Files in an object store, or wherever else a URL points: found, and opened for their bytes.

Credentials, region and endpoint come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``,
``GOOGLE_APPLICATION_CREDENTIALS`` and so on), as they do for Polars, which scans the same URLs.
"""

from __future__ import annotations

import contextlib
import fnmatch
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from segcore import errors


def is_url(path: str) -> bool:
    """Whether a path names its store, such as ``s3://bucket/folder``."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", path) is not None


@contextlib.contextmanager
def _answers(url: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as exc:
        raise errors.InputNotFoundError(f"{url}: no such file or folder; check the URL") from exc
    except (OSError, ValueError) as exc:
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise errors.UnreachableError(
            f"{url}: the store does not answer as expected: {reason}; check the URL, the network and the credentials"
        ) from exc


def _file_system(url: str) -> tuple[Any, str]:
    from pyarrow import fs

    system, path = fs.FileSystem.from_uri(url)
    return system, path


def find(url: str) -> tuple[list[str], bool]:
    """Return the URLs of the files behind a URL, and whether it named one file itself.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is nothing.
    segcore.errors.UnreachableError
        If the store does not answer.
    """
    from pyarrow import fs

    with _answers(url):
        fixed = re.split(r"[*?\[]", url)[0]
        wild = fixed != url
        system, path = _file_system(fixed.rpartition("/")[0] if wild else url.rstrip("/"))
        about = system.get_file_info(path)
        if about.type == fs.FileType.File:
            return [url], True
        found = system.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
    head = (fixed.rpartition("/")[0] if wild else url).rstrip("/")
    urls = [head + file.path[len(path) :] for file in found if file.type == fs.FileType.File]
    urls = [one for one in urls if not wild or fnmatch.fnmatchcase(one, url)]
    if not urls:
        raise errors.InputNotFoundError(f"{url}: no such file or folder; check the URL")
    return urls, wild


def stat(url: str) -> tuple[int, int]:
    """Return the size in bytes and the time of the last change in nanoseconds."""
    with _answers(url):
        system, path = _file_system(url)
        about = system.get_file_info(path)
        return int(about.size or 0), int(about.mtime_ns or 0)


@contextlib.contextmanager
def opened(url: str) -> Iterator[BinaryIO]:
    """Open a file as a stream of bytes."""
    with _answers(url):
        system, path = _file_system(url)
        stream = system.open_input_stream(path, compression=None)
    with stream:
        yield stream
