from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from segcore.stores import connection, odd_keys
from tests.stores.server import Store, running


@pytest.fixture
def store() -> Iterator[Store]:
    """A store with the buckets ``shop`` and ``scratch``, seen by other processes that are given its environment."""
    with running("shop", "scratch") as one:
        yield one


@pytest.fixture
def here(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store as this process sees it, with a folder for temporary files of its own."""
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for cached in (connection._file_system, odd_keys._client):
        cached.cache_clear()
    yield store
    for cached in (connection._file_system, odd_keys._client):
        cached.cache_clear()
