"""What holds after every test, whatever became of its cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dask.base import get_scheduler


@pytest.fixture(autouse=True)
def dask_is_left_as_it_was() -> Iterator[None]:
    """No client stays behind: a later computation in the same process would ask it, and wait for ever."""
    yield
    assert get_scheduler() is None
