"""What nights keep in an object store: any machine goes on from it, and fetches of it what it does not have."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from segcore import errors
from segcore.storage.cache import Cache
from tests.operations.processes import ROOT, small_dump
from tests.pipeline.test_incremental import LENIENT, day, outcome, read
from tests.stores import jobs
from tests.stores.server import Store
from tests.transaction_lines import write_csv

OUT, CACHE = "s3://shop/segments", "s3://shop/out/cache"


@dataclass(kw_only=True)
class Nights:
    """Nights of machines that share what is kept in a store; each works on a copy of its own."""

    store: Store
    folder: Path
    heard: list[str] = field(default_factory=list)
    days: int = 0

    def buy(self, days: int = 1) -> None:
        """Let days of lines come."""
        for _ in range(days):
            self.days += 1
            lines = day(self.days, random.Random(self.days), lines=20)
            write_csv(self.folder / f"in/{self.days:03}.csv", lines)

    def opened(self, machine: str) -> Cache:
        cache = Cache(folder=self.folder / machine, store=CACHE, log=self.heard.append)
        cache.open()
        return cache

    def tonight(self, machine: str) -> Counter[str]:
        """Run a machine's night, which is one over everything, and return what it fetched of pieces, each object's times."""
        self.store.requests.clear()
        kept = outcome(self.folder / "in", self.folder / "out", cache=self.opened(machine), rules=LENIENT)
        fetched = Counter(r.path for r in self.store.requests if r.method == "GET" and "/pieces/" in r.path)
        assert kept == outcome(self.folder / "in", self.folder / "all", rules=LENIENT)
        assert "error" not in kept
        assert self.pieces == names(self.folder / machine / "pieces")
        return fetched

    @property
    def pieces(self) -> set[str]:
        """The objects of pieces, without their folder."""
        return {key.removeprefix("out/cache/pieces/") for key in self.store.keys("shop", "out/cache/pieces/")}


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def nights(here: Store, tmp_path: Path) -> Nights:
    (tmp_path / "in").mkdir()
    one = Nights(store=here, folder=tmp_path)
    one.buy(5)
    return one


def test_a_machine_fetches_what_it_does_not_have(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch)
    assert not nights.tonight("first")
    nights.buy()
    assert not nights.tonight("first")  # its copy is what the store holds
    there = nights.pieces
    nights.buy()
    fetched = nights.tonight("second")  # of another machine, or of one that begins anew
    assert {path.removeprefix("/shop/out/cache/pieces/") for path in fetched} == there
    kept = nights.pieces
    fetched = nights.tonight("first")  # which was away meanwhile
    assert {path.removeprefix("/shop/out/cache/pieces/") for path in fetched} == kept - there != set()
    assert found == [{0, 1, 2, 3, 4}, {5}, {6}]


def test_what_is_damaged_in_the_store_is_read_anew(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.tonight("first")
    found = read(monkeypatch)
    damaged = next(key for key in nights.store.keys("shop", "out/cache/pieces/") if "bucket=0" in key)
    data = nights.store.get("shop", damaged)
    nights.store.put("shop", {damaged: data[:-9] + bytes(byte ^ 1 for byte in data[-9:])})
    nights.tonight("second")
    assert found == [{0, 1, 2, 3, 4}]
    assert any("is not as it was written" in text for text in nights.heard)
    found.clear()
    nights.tonight("third")
    assert not found


@pytest.mark.parametrize(("stored", "again"), [(0, True), (2, True), (5, False)])
def test_a_night_that_could_not_store_a_piece_leaves_none_that_counts(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, stored: int, again: bool
) -> None:
    """Five objects are the lines: two buckets, rejected ones, their summary, and what the piece is."""
    puts = iter(range(99))
    nights.store.before = lambda r: r.method == "PUT" and "/pieces/" in r.path and next(puts) >= stored
    cache = nights.opened("first")
    kept = outcome(nights.folder / "in", nights.folder / "out", cache=cache, rules=LENIENT)
    assert "s3://shop/out/cache" in kept["error"]
    nights.store.before = lambda request: None
    found = read(monkeypatch)
    nights.tonight("first")
    assert found == ([{0, 1, 2, 3, 4}] if again else [])
    assert {name.partition("/")[0] for name in nights.pieces} == {
        p.folder.name for p in nights.opened("2").pieces()
    }


def test_what_others_have_put_there_stays(nights: Nights) -> None:
    others = {"out/cache/pieces/mine/letters.txt": b"mine", "out/cache/letters.txt": b"mine"}
    nights.store.put("shop", others)
    cache = nights.opened("first")
    outcome(nights.folder / "in", nights.folder / "out", cache=cache, rules=LENIENT)
    assert not {name for name in names(nights.folder / "first") if "letters" in name}
    for piece in cache.pieces():
        cache.remove(piece)
    assert nights.store.keys("shop") != sorted(others)
    cache.close()
    assert nights.store.keys("shop") == sorted(others)
    assert not (nights.folder / "first").exists()


def test_a_store_that_does_not_answer_is_said(nights: Nights) -> None:
    nights.store.before = lambda request: True
    with pytest.raises(errors.SegcoreError, match="s3://shop/out/cache"):
        nights.opened("first")


def test_the_command_goes_on_on_another_machine(store: Store, tmp_path: Path) -> None:
    dump = small_dump(tmp_path / "dump")
    last = sorted(dump.iterdir())[-1]
    (tmp_path / "later").mkdir()
    last.rename(tmp_path / "later" / last.name)

    def tonight(name: str) -> str:
        machine, quick = tmp_path / name, tmp_path / "quick.toml"
        text = (ROOT / "jobs/online-retail.toml").read_text()
        quick.write_text(
            f'{text}\n[models]\nfamilies = ["kmeans"]\nk_max = 3\nrestarts = 10\n[stability]\nsplits = 0\nresamples = 0\n'
            "[structure_test]\ncopies = 0\n"
        )
        given = ["segment", str(dump), "--out", OUT, "--job", str(quick), "--as-of", "2024-01-01", "--fresh"]
        scratch = ["--scratch", str(tmp_path / f"{name}-disk"), "--incremental"]
        code, said = jobs.command(store.environment, machine, *given, *scratch)
        assert code == 0, said
        return said

    assert "incremental: 2 of 2 file(s) are new" in tonight("first")
    (tmp_path / "later" / last.name).rename(last)
    said = tonight("second")
    assert f"of the cache were fetched from {OUT}/cache" in said
    assert "incremental: 1 of 3 file(s) are new or changed" in said
    code, said = jobs.command(store.environment, tmp_path / "third", "runs", OUT)
    assert code == 0
    assert f"{OUT}/cache: " in said
    assert "MB of what the next run need not read again" in said
