"""Which of Polars' engines does the queries that do not say it themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_entering = threading.Lock()
_inside: list[pl.Config] = []


@contextmanager
def in_memory() -> Iterator[None]:
    """Leave queries to the in-memory engine meanwhile, those of other threads too.

    Where all that is asked of is in memory already, the streaming engine that Polars takes otherwise costs a third more.
    """
    import polars as pl  # not before its limits are set

    with _entering:
        _inside.append(pl.Config())
        pl.Config.set_engine_affinity("in-memory")
    try:
        yield
    finally:
        with _entering:
            # Threads come and go in any order: what was before the first of them comes back with the last one.
            last = _inside.pop()
            if not _inside:
                last.__exit__(None, None, None)
