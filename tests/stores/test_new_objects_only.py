"""Nights that read new files only, from an object store."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from tests.pipeline.test_incremental import LENIENT, day, opened, outcome
from tests.stores.server import Store
from tests.transaction_lines import write_csv


def test_a_night_reads_the_new_object_and_of_the_others_what_tells_them(here: Store, tmp_path: Path) -> None:
    def put(number: int, *, seed: int) -> str:
        path = write_csv(tmp_path / f"{number:03}.csv", day(number, random.Random(seed), lines=20))
        here.put("shop", {f"in/{path.name}": path.read_bytes()})
        return f"/shop/in/{path.name}"

    def tonight() -> Counter[str]:
        here.requests.clear()
        kept = outcome("s3://shop/in", tmp_path / "out", cache=opened(tmp_path / "cache"), rules=LENIENT)
        asked = Counter(r.path for r in here.requests if r.method == "GET" and r.path.endswith(".csv"))
        assert kept == outcome("s3://shop/in", tmp_path / "all", rules=LENIENT)
        assert "error" not in kept
        return asked

    for number in range(40):
        put(number, seed=number)
    first = tonight()
    assert min(first.values()) >= 6
    for number in (40, 7):
        new = put(number, seed=99)
        asked = tonight()
        assert asked.pop(new) >= 6
        # What it is, by its first bytes; and of eight files with a header what stands in its columns.
        assert max(sorted(asked.values())[:-8]) <= 2
        assert max(asked.values()) <= 7
        assert max(sorted(tonight().values())[:-8]) <= 2
