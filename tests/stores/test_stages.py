"""A stage whose files are no longer as an earlier start wrote them is made again; on a disk and in a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from segcore import storage
from segcore.storage import Place
from tests.operations import disk_steps
from tests.stores.server import Store

M = disk_steps.MARK
FIRST = f"work/{M}/first"


@pytest.fixture(params=["disk", "store"])
def out(request: pytest.FixtureRequest, here: Store, tmp_path: Path) -> Place:
    return tmp_path / "out" if request.param == "disk" else "s3://shop/out"


def start(out: Place) -> tuple[list[str], list[str]]:
    """Make the stages that are not finished; return their names, and what was said."""
    made: list[str] = []
    said: list[str] = []
    with storage.workspace(out, M, log=said.append) as work:
        for name in ("first", "second"):
            if not work.finished(name):
                with work.stage(name) as folder:
                    disk_steps.make(folder, name)
                    storage.write(Path(folder, "empty"), b"")
                    if work.store is not None:
                        storage.write(f"{work.shared(folder)}/of-a-worker", b"worker")
                made.append(name)
            assert (work.path(name) / "inner/part-0").read_text() == name
    return made, said


def flip(out: Place, name: str) -> None:
    data = bytearray(storage.read(storage.join(out, name)))
    data[-1] ^= 1
    storage.write(storage.join(out, name), bytes(data))


DAMAGES: dict[str, Callable[[Place], None]] = {
    "a flipped bit": lambda out: flip(out, f"{FIRST}/inner/part-1"),
    "a file cut short": lambda out: storage.write(storage.join(out, f"{FIRST}/inner/part-1"), b"fir"),
    "a file longer": lambda out: storage.write(storage.join(out, f"{FIRST}/inner/part-1"), b"firsts"),
    "an empty file": lambda out: storage.write(storage.join(out, f"{FIRST}/inner/part-1"), b""),
    "a file that was empty": lambda out: storage.write(storage.join(out, f"{FIRST}/empty"), b"x"),
    "a file gone": lambda out: storage.remove(storage.join(out, f"{FIRST}/inner/part-1")),
    "the folder gone": lambda out: storage.remove(storage.join(out, FIRST)),
    "the mark gone": lambda out: storage.remove(storage.join(out, f"{FIRST}.json")),
    "the mark empty": lambda out: storage.write(storage.join(out, f"{FIRST}.json"), b""),
    "the mark of another kind": lambda out: storage.write(storage.join(out, f"{FIRST}.json"), b"[]"),
    "the mark without files": lambda out: storage.write(storage.join(out, f"{FIRST}.json"), b'{"files": {}}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_stage_is_made_again_and_said_in_one_line(out: Place, damage: str) -> None:
    assert start(out) == (["first", "second"], [])
    assert start(out) == ([], [])
    DAMAGES[damage](out)
    made, said = start(out)
    assert made == ["first"]
    assert [line.partition(":")[0] for line in said] == (
        [] if damage == "the mark gone" else ["stage first is made again"]
    )
    assert start(out) == ([], [])


def test_what_workers_left_in_a_store_is_there_by_its_size(here: Store) -> None:
    out = "s3://shop/out"
    start(out)
    for data in (None, b"work"):
        name = f"{out}/{FIRST}/of-a-worker"
        storage.remove(name) if data is None else storage.write(name, data)
        made, said = start(out)
        assert (made, said) == (
            ["first"],
            ["stage first is made again: of-a-worker is not as it was written"],
        )
