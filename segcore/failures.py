"""What an exception of a library means, told by its number or its words: the one place that knows them.

Engines wrap what the operating system says in errors of their own, so that the text is all that is left of it.
"""

from __future__ import annotations

import errno
import os
import re

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_BROKEN = (errno.EIO,)
# How the readers begin what they say of a damaged file.
_DAMAGED = re.compile(
    r"^parquet(:| error)|out of specification|encoded schema|decompress|page integrity|deflate|zlib|gzip|zstd|corrupt"
    r"|truncated|whole buffer|unexpected end|invalid utf8",
    re.IGNORECASE,
)


def is_full(exc: BaseException) -> bool:
    """Whether a disk, a quota or a limit has no room for what was written."""
    return _says(exc, _FULL)


def is_broken(exc: BaseException) -> bool:
    """Whether a disk fails."""
    return _says(exc, _BROKEN)


def is_panic(exc: BaseException) -> bool:
    """Whether native code gave up: no Exception, and so not caught as one."""
    return type(exc).__name__ == "PanicException"


def is_damage(exc: BaseException) -> bool:
    """Whether a reader says that a file is damaged, breaks off, or holds what it cannot read."""
    if is_full(exc) or is_broken(exc):
        return False
    return isinstance(exc, EOFError) or is_panic(exc) or _DAMAGED.search(str(exc)) is not None


def first_line(exc: BaseException) -> str:
    """Return what an exception says, in one line."""
    return (str(exc).splitlines() or [type(exc).__name__])[0]


def _says(exc: BaseException, numbers: tuple[int, ...]) -> bool:
    number, text = getattr(exc, "errno", None), str(exc)
    return number in numbers or any(os.strerror(one) in text for one in numbers)
