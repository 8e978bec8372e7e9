"""A file brought over HTTP, going on where it broke off."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO

from segcore.errors import DataError, UnreachableError

LARGEST = 500_000_000  # bytes; the real archive has some 23 million

_BLOCK = 1 << 18
_ATTEMPTS = 3  # one that brings nothing new is the last
_PART, _NOTHING_LEFT = 206, 416


def fetch(url: str, partial: Path, *, timeout: float) -> None:
    """Bring a file to `partial`, going on where an earlier attempt broke off.

    Raises
    ------
    segcore.errors.UnreachableError
        If the server does not answer, refuses, or breaks off again and again; what came is kept.
    segcore.errors.DataError
        If the server says that this is a web page, or it is far too large.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        before = _size(partial)
        try:
            if _fetch_once(url, partial, timeout=timeout):
                return
            reason = "the connection broke off"
        except urllib.error.HTTPError as exc:
            raise UnreachableError(
                f"{url}: the server answers {exc.code} {exc.reason}; try again later, or give --url"
            ) from exc
        except (HTTPException, ConnectionError, TimeoutError, ssl.SSLError, urllib.error.URLError) as exc:
            reason = str(getattr(exc, "reason", exc)) or type(exc).__name__
        except ValueError as exc:
            raise UnreachableError(f"{url!r} is no address: {exc}; give one that is as --url") from exc
        if attempt == _ATTEMPTS or _size(partial) == before:
            break
    kept = f"; {_size(partial):,} bytes are kept in {partial}" if _size(partial) else ""
    raise UnreachableError(f"{url}: {reason}{kept}: run the same command again to go on, or give --url")


def _fetch_once(url: str, partial: Path, *, timeout: float) -> bool:
    """Fetch what is missing; say whether everything came."""
    start = _size(partial)
    headers = {"Accept-Encoding": "identity", "User-Agent": "segcore"}
    if not url.startswith(("https://", "http://")):
        raise ValueError("expected http:// or https://")
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)
    try:  # an opener of its own asks the environment for proxies now, not when the first was made
        answer = urllib.request.build_opener().open(request, timeout=timeout)
    except urllib.error.HTTPError as exc:
        if exc.code != _NOTHING_LEFT or not start:
            raise
        exc.close()
        return exc.headers.get("Content-Range") == f"bytes */{start}" or _start_again(partial)
    with answer:
        start = start if _goes_on(answer.status, answer.headers, start) else 0
        _refuse_page(url, answer.headers)
        length = answer.headers.get("Content-Length")
        with partial.open("ab" if start else "wb") as file:
            came = _copy(answer, file, room=LARGEST - start)
    if came is None:
        partial.unlink()
        raise DataError(f"{url}: more than {LARGEST:,} bytes came, expected a data set of some 23 million")
    return length is None or came == int(length)


def _goes_on(status: int, headers: HTTPMessage, start: int) -> bool:
    """Say whether the answer is the part that was asked for; a server may send everything instead."""
    return status == _PART and headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _start_again(partial: Path) -> bool:
    partial.unlink()
    return False


def _refuse_page(url: str, headers: HTTPMessage) -> None:
    kind = headers.get_content_type()
    if kind == "text/html":
        raise DataError(f"{url}: a web page came ({kind}), expected a zip archive; give its address as --url")


def _copy(source: IO[bytes], target: IO[bytes], *, room: int) -> int | None:
    """Copy to the end and return how many bytes came; None where it is more than there is room for."""
    copied = 0
    while block := source.read(_BLOCK):
        copied += len(block)
        if copied > room:
            return None
        target.write(block)
    return copied


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
