"""The bytes of a text file: unpacked, in bounded blocks, and turned into UTF-8 where they are something else."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from segcore import errors
from segcore.ingest import remote
from segcore.ingest.failures import broken_file
from segcore.ingest.files import Source
from segcore.stores import check_answer, is_url

BLOCK = 1 << 20
# A noncharacter that stands before the hexadecimal digits of every byte that could not be decoded. Unicode
# reserves it for use inside a program, so no text that came in holds it by right.
UNDECODABLE = "\ufdd0"

_UTF16_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# Of control characters in the first block, above which a file is no text.
_BINARY_SHARE = 0.02
_FEW_CONTROLS = 8


@contextlib.contextmanager
def opened(path: str, compression: str) -> Iterator[BinaryIO]:
    """Open a file for its bytes, unpacked."""
    import pyarrow as pa

    with broken_file(path), remote.opened(path) if is_url(path) else open(path, "rb") as file:
        yield pa.CompressedInputStream(file, compression) if compression else file


def blocks(path: str, compression: str) -> Iterator[bytes]:
    """Yield a file's bytes in blocks of 1 MiB."""
    with opened(path, compression) as stream:
        block = stream.read(BLOCK)
        if is_url(path):
            check_answer(path, block[:99])
        while block:
            yield block
            block = stream.read(BLOCK)


def detect_encoding(source: Source, asked: str) -> tuple[str, bool]:
    """Find the encoding of a text.

    A byte order mark tells, or zeros in every other byte; else UTF-8 if all bytes are valid, or if most of what is
    beyond ASCII is; else Windows-1252, of which the printable part of Latin-1 is a part.

    Parameters
    ----------
    source : Source
    asked : str
        What the job says; empty to find it.

    Returns
    -------
    encoding : str
    whole : bool
        Whether it is UTF-8 without a byte that is none, so that the file can be read as it is.

    Raises
    ------
    segcore.errors.DataError
        If the file is no text.
    """
    stream = blocks(source.path, source.compression)
    head = next(stream, b"")
    if not head:
        raise errors.DataError(f"{source.name}: the file is empty; expected a header and lines")
    name = codecs.lookup(asked).name if asked else _UTF16_MARKS.get(head[:2]) or _unmarked_utf16(head)
    if name and name != "utf-8":
        return name, False
    if _looks_binary(head):
        raise errors.DataError(
            f"{source.name}: is no text by its content; expected CSV, Parquet or Excel (give --encoding if it is text)"
        )
    good, bad = _utf8_counts(head, stream)
    return "utf-8" if asked or bad == 0 or good > bad else "cp1252", bad == 0


def _unmarked_utf16(head: bytes) -> str:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) / 4 and even < odd / 8:
        return "utf-16-le"
    return "utf-16-be" if even > len(head) / 4 and odd < even / 8 else ""


def _looks_binary(head: bytes) -> bool:
    controls = len(head) - len(head.translate(None, delete=bytes({*range(32)} - {9, 10, 12, 13} | {127})))
    return controls > max(_BINARY_SHARE * len(head), _FEW_CONTROLS)


def _utf8_counts(head: bytes, rest: Iterator[bytes]) -> tuple[int, int]:
    """Count the characters beyond ASCII and the bytes that are no UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    for block in _chain(head, rest):
        if block.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(block)
        good, bad = _tally(text, good, bad)
    return _tally(decoder.decode(b"", final=True), good, bad)


def _tally(text: str, good: int, bad: int) -> tuple[int, int]:
    if text.isascii():
        return good, bad
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    if _is_utf8(text):
        return good + beyond, bad
    escaped = len(text) - len(text.encode("utf-8", "ignore").decode())
    return good + beyond - escaped, bad + escaped


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def transcode(source: Source, encoding: str, target: Path, *, old_mac: bool = False) -> int:
    """Write a text as UTF-8 without a mark, as a stream; bytes that cannot be decoded are marked.

    Parameters
    ----------
    source : Source
    encoding : str
    target : Path
    old_mac : bool
        Lines end with a carriage return alone.

    Returns
    -------
    int
        Bytes, or zeros, that could not be decoded.

    Raises
    ------
    segcore.errors.DataError
        If it is not of the encoding from the first byte on.
    """
    codecs.register_error("segcore.mark", _mark)
    decoder = codecs.getincrementaldecoder(encoding)("segcore.mark")
    marks, first = 0, True
    with open(target, "w", encoding="utf-8", newline="", errors="strict") as out:
        for block in _chain_end(blocks(source.path, source.compression)):
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeError as exc:
                raise errors.DataError(
                    f"{source.name}: is no {encoding}: {exc}; give another encoding, or none"
                ) from exc
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            text = text.replace("\x00", UNDECODABLE + "\\x00")
            marks += text.count(UNDECODABLE)
            out.write(text.replace("\r", "\n") if old_mac else text)
    return marks


def _chain_end(rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from rest
    yield b""


def _mark(exc: UnicodeError) -> tuple[str, int]:
    if not isinstance(exc, UnicodeDecodeError):
        raise exc
    raw = exc.object[exc.start : exc.end]
    return "".join(f"{UNDECODABLE}\\x{byte:02x}" for byte in raw), exc.end
