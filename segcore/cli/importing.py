"""Importing the engines, which is most of what a short command does."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Import without a search for garbage on the way, and leave what was imported out of later ones.

    All of it stays. Looking through it takes a fifth of the imports' time, and 0.2 seconds each time again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
