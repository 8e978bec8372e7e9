"""Nights that read only what is new: the bytes of a run over everything, whatever was added, changed and removed before."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segcore import Run, cli, errors, ingest, job, pipeline, segment
from segcore.lines import shuffle
from segcore.pipeline.core.job_file import with_clock
from segcore.pipeline.core.plan import Plan
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers import account_lines, condense_bucket, customers
from segcore.pipeline.lines import (
    buckets,
    id_map,
    incremental_lines,
    kept_keys,
    kept_lines,
    read_input,
    read_to_keep,
    settle_kept,
    shuffle_lines,
    understand_formats,
)
from segcore.pipeline.lines.memory_plan import PartitionPlan
from segcore.progress import Progress
from segcore.storage import Workspace, files, list_files, read_json
from segcore.storage.cache import Cache, Piece, refuse_store
from tests.conftest import QUICK
from tests.operations.processes import digest
from tests.transaction_lines import CLOCK, Line, counts, line, write_csv

Heard = list[str]
SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def outcome(
    inputs: Path | str,
    folder: Path,
    *,
    cache: Cache | None = None,
    clock: datetime = CLOCK,
    bits: int = 1,
    capacity: int = 10**6,
    rules: dict[str, Any] | None = None,
) -> dict[str, str]:
    """Take the files of a folder through the first stages, and return digests of what they leave, or the error."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    given = with_clock(job.resolve("", rules or {}), clock)
    plan = Plan(
        sources=ingest.discover([inputs]), ids=id_map.find(given), settings=given, budget=10**9, refresh="fit"
    )
    run = RunContext(
        work=Workspace(out=folder, folder=folder, begun=clock),
        run_id="test",
        plan=plan,
        progress=Progress(quiet=True),
        cache=cache,
    )
    split = PartitionPlan(bits=bits, capacity=capacity, at_once=1)
    try:
        source = read_input.prepare(run)
        run = run.planned(settings=source.settings)
        source = replace(source, ids=id_map.prepare(run))
        if cache is None:
            buckets = shuffle_lines.partition(run, source, split)
        else:
            buckets = incremental_lines.partition(run, source, split, cache)
        found = customers.describe(run, source, buckets, None, at_once=1)
    except errors.SegcoreError as exc:
        return {"error": str(exc)}
    names = [
        name for name in list_files(found.folder) if not name.startswith(("months", "products", "measured"))
    ]
    read = {name: (found.folder / name).read_bytes() for name in names}
    rejects = (
        pl.read_parquet(found.folder / "rejects/*.parquet").write_csv()
        if "rejects/part-00000.parquet" in read
        else ""
    )
    # These are as they were added up, bucket by bucket.
    summed = {
        name: pl.read_parquet(found.folder / name / "*.parquet")
        .select(sorted(columns))
        .sort(pl.all())
        .write_csv()
        for name, columns in (
            ("months", ["row", "month", "amount", "orders"]),
            ("products", ["row", "product"]),
        )
        if any((found.folder / name).iterdir())
    }
    return {
        **{name: sha256(data).hexdigest() for name, data in read.items() if "rejects" not in name},
        **summed,
        "rejects": rejects,
        "warnings": "\n".join(text for text in run.progress.warnings if "--cache-limit" not in text),
    }


def opened(folder: Path, heard: Heard | None = None, limit: int | None = None) -> Cache:
    """Return a cache as a run opens it."""
    cache = Cache(folder=folder, limit=limit, log=(heard if heard is not None else []).append)
    cache.open()
    return cache


def read(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """Note the numbers of the files that are read."""
    found: list[set[int]] = []
    own = read_to_keep.read

    def noted(numbers: set[int], *others: Any) -> kept_lines.KeptLines:
        found.append(numbers)
        return own(numbers, *others)

    monkeypatch.setattr(read_to_keep, "read", noted)
    return found


def day(number: int, draw: random.Random, *, lines: int = 6) -> list[Line]:
    """Return some lines of a day, among them whatever is wrong with real ones."""
    when = datetime(2011, 1, 3, 10) + timedelta(days=number)

    def any_of(usual: str, *odd: str) -> str:
        return draw.choice([usual] * 6 + [*odd])

    return [
        line(
            InvoiceNo=any_of(f"{number}{draw.randrange(3)}", "C7", ""),
            StockCode=any_of(f"p{draw.randrange(5)}", "POST", ""),
            Quantity=any_of(str(draw.randrange(1, 4)), "-1", "x", "0"),
            InvoiceDate=any_of(
                f"{when:%Y-%m-%d %H:%M:%S}",
                "",
                f"{when:%Y/%m/%d %H:%M}",
                "2019-01-01 00:00:00",
                "2030-04-01 00:00:00",
            ),
            UnitPrice=any_of("1.25", "1,250.00", "0", "nothing"),
            CustomerID=any_of(f"{draw.randrange(9)}", ""),
            Description=any_of("LAMP", "LAMP\nIN TWO LINES"),
        )
        for _ in range(lines)
    ]


@dataclass(kw_only=True)
class Nights:
    """A folder of files that changes from night to night."""

    folder: Path
    draw: random.Random
    rules: dict[str, Any] = field(default_factory=dict)
    bits: int = 1
    capacity: int = 10**6
    clock: datetime = CLOCK
    days: int = 100

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.csv"))

    def add(self) -> None:
        self.days += 1
        write_csv(self.folder / f"{self.days:03}.csv", day(self.days, self.draw))

    def add_before_all(self) -> None:
        self.days += 1
        write_csv(self.folder / f"0{500 - self.days}.csv", day(self.days, self.draw))

    def change(self) -> None:
        path = self.draw.choice(self.files)
        path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")

    def copy(self) -> None:
        self.days += 1
        shutil.copyfile(self.draw.choice(self.files), self.folder / f"{self.days:03}.csv")

    def remove(self) -> None:
        if len(self.files) > 1:
            self.draw.choice(self.files).unlink()

    def change_rules(self) -> None:
        rules: list[tuple[str, list[Any]]] = [
            ("seed", [0, 1]),
            ("cleaning.not_products", [[], ["POST"]]),
            ("cleaning.duplicates", ["drop", "across-files", "keep"]),
            ("cleaning.rejects", ["sample", "count"]),
            ("input.date_format", ["", "%Y-%m-%d %H:%M:%S"]),
            ("features.returns", ["feature", "net"]),
        ]
        key, values = self.draw.choice(rules)
        self.rules[key] = self.draw.choice(values)

    def move_window(self) -> None:
        for key in ("features.as_of", "features.window", "features.window_from", "look_back.days"):
            self.rules.pop(key, None)
        self.rules["look_back.days"] = self.draw.choice([2, 5])
        self.rules |= self.draw.choice(
            [
                {},
                {"features.window": "30d"},
                {"features.window_from": "2011-04-20", "look_back.days": self.draw.choice([0, 5])},
                {"features.window": "20d", "features.as_of": "2011-04-29"},
            ]
        )

    def other_budget(self) -> None:
        self.bits, self.capacity = self.draw.choice([(0, 10**6), (2, 10), (1, 20), (6, 1)])

    def later(self) -> None:
        self.clock += timedelta(days=self.draw.choice([1, 90]))


STEPS: list[Callable[[Nights], None]] = [
    *(Nights.add, Nights.add, Nights.add_before_all, Nights.change, Nights.copy, Nights.remove),
    *(Nights.change_rules, Nights.move_window, Nights.other_budget, Nights.later),
]


def compare(folder: Path, seed: int, steps: list[int], kills: list[int]) -> None:
    """Go through some nights, some of them killed and begun again, each beside a run over everything."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "in").mkdir(parents=True)
    nights = Nights(folder=folder / "in", draw=random.Random(seed))
    nights.rules["look_back.days"] = nights.draw.choice([0, 2])
    for _ in range(4):
        nights.add()
    for number, step in enumerate(steps):
        STEPS[step](nights)
        how: dict[str, Any] = {
            "rules": {"cleaning.max_reject_share": 1.0, **nights.rules},
            "clock": nights.clock,
            "bits": nights.bits,
            "capacity": nights.capacity,
        }
        if number in kills:
            with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
                patch.setattr(*nights.draw.choice(KILLS))
                outcome(nights.folder, folder / "killed", cache=opened(folder / "cache"), **how)
        kept = outcome(nights.folder, folder / "kept", cache=opened(folder / "cache"), **how)
        # A window may have nothing in it; nothing else stops these runs.
        assert "no purchase left" in kept.get("error", "no purchase left")
        assert kept == outcome(nights.folder, folder / "all", **how), (number, STEPS[step].__name__)


def _killed(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


KILLS: list[tuple[object, str, Any]] = [
    (kept_lines, "write", _killed),
    (account_lines, "account", _killed),
    (customers, "write_json", _killed),
    (kept_lines, "remove_others", _killed),
    (shuffle_lines, "save", _killed),
]


@pytest.fixture
def few_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some lines not be like those that are looked at first."""
    monkeypatch.setattr(understand_formats, "_SAMPLE_FILES", 2)
    monkeypatch.setattr(understand_formats, "_SAMPLE_LINES", 2)


ANY = {
    "seed": st.integers(0, 10**6),
    "steps": st.lists(st.integers(0, len(STEPS) - 1), min_size=3, max_size=6),
    "kills": st.lists(st.integers(0, 6), max_size=2),
}


@pytest.mark.usefixtures("few_sampled")
@settings(max_examples=1, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(**ANY)
def test_every_night_is_a_run_over_everything(
    tmp_path_factory: pytest.TempPathFactory, seed: int, steps: list[int], kills: list[int]
) -> None:
    compare(tmp_path_factory.mktemp("nights"), seed, steps, kills)


@pytest.mark.slow
@pytest.mark.usefixtures("few_sampled")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(**ANY)
def test_any_sequence_of_nights(
    tmp_path_factory: pytest.TempPathFactory, seed: int, steps: list[int], kills: list[int]
) -> None:
    compare(tmp_path_factory.mktemp("nights"), seed, steps, kills)


def three_days(folder: Path) -> list[Path]:
    folder.mkdir()
    return [write_csv(folder / f"{n}.csv", day(n, random.Random(n))) for n in range(3)]


LENIENT = {"cleaning.max_reject_share": 1.0}


def test_only_new_and_changed_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days, found = three_days(tmp_path / "in"), read(monkeypatch)

    def tonight() -> list[set[int]]:
        found.clear()
        outcome(tmp_path / "in", tmp_path / "out", cache=opened(tmp_path / "cache"), rules=LENIENT)
        return list(found)

    assert tonight() == [{0, 1, 2}]
    assert tonight() == []
    write_csv(tmp_path / "in/3.csv", day(3, random.Random(3)))
    assert tonight() == [{3}]
    write_csv(days[1], day(9, random.Random(9)))
    assert tonight() == [{1}]
    days[0].unlink()
    assert tonight() == []
    days[2].touch()
    assert tonight() == [{1}]


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """Note of how many customers lines are condensed, bucket by bucket; None where it is all of them."""
    found: list[int | None] = []
    own = condense_bucket.condense

    def noted(task: Any, *, only: pl.Series | None = None) -> Any:
        found.append(None if only is None else len(only))
        return own(task, only=only)

    monkeypatch.setattr(condense_bucket, "condense", noted)
    return found


def test_customers_are_looked_at_again_who_have_other_lines_or_another_period(
    tmp_path: Path, looked_at: list[int | None]
) -> None:
    """By hand: who bought on which of five days, and of whom lines are read once a sixth day comes."""
    (tmp_path / "in").mkdir()

    def buys(number: int, *who: str) -> None:
        when = f"{datetime(2011, 1, number, 10):%Y-%m-%d %H:%M:%S}"
        lines = [line(InvoiceNo=f"{number}{one}", CustomerID=one, InvoiceDate=when) for one in who]
        write_csv(tmp_path / f"in/{number}.csv", lines)

    def tonight(**rules: Any) -> list[int | None]:
        looked_at.clear()
        how: dict[str, Any] = {"look_back.days": 0}
        how |= {key.replace("__", "."): value for key, value in rules.items()}
        kept = outcome(tmp_path / "in", tmp_path / "out", cache=opened(tmp_path / "cache"), bits=0, rules=how)
        seen = list(looked_at)
        assert kept == outcome(tmp_path / "in", tmp_path / "all", bits=0, rules=how)
        assert "error" not in kept
        return seen

    for number, who in enumerate(["abcde", "ab", "c", "cd", "e"], start=1):
        buys(number, *who)
    assert tonight() == [None]
    assert tonight() == [0]
    buys(6, "a", "f")
    assert tonight() == [2]
    write_csv(tmp_path / "in/3.csv", [line(CustomerID="b", InvoiceDate="2011-01-03 10:00:00")])
    assert tonight() == [2]  # b's is new, c's is gone
    (tmp_path / "in/5.csv").unlink()
    assert tonight() == [1]
    assert tonight(features__window_from="2011-01-02") == [None]  # it had no first day
    assert tonight(features__window_from="2011-01-03") == [2]  # who bought on the second: a and b
    assert tonight(features__window_from="2011-01-02") == [2]
    assert tonight(look_back__days=1) == [None]  # there was no cut
    buys(7, "f")
    # The line of f is new; what a and f bought on the sixth is known at the cut now; nobody bought on the fifth, which is known
    # at the earlier one.
    assert tonight(look_back__days=1) == [2]
    assert tonight(look_back__days=1, cleaning__duplicates="keep") == [None]
    assert tonight(look_back__days=1, features__returns="net") == [None]
    assert not of_customers(tmp_path / "cache")


def test_buckets_of_which_little_is_read_are_worked_on_as_one(
    tmp_path: Path, looked_at: list[int | None]
) -> None:
    def buys(number: int, who: range) -> None:
        when = f"{datetime(2011, 1, number, 10):%Y-%m-%d %H:%M:%S}"
        lines = [line(InvoiceNo=f"{number}{one}", CustomerID=f"{one}", InvoiceDate=when) for one in who]
        write_csv(tmp_path / f"in/{number}.csv", lines)

    def tonight() -> list[int | None]:
        looked_at.clear()
        how: dict[str, Any] = {"bits": 2, "capacity": 40, "rules": {"look_back.days": 0}}
        kept = outcome(tmp_path / "in", tmp_path / "out", cache=opened(tmp_path / "cache"), **how)
        seen = list(looked_at)
        assert kept == outcome(tmp_path / "in", tmp_path / "all", **how)
        assert "error" not in kept
        return seen

    (tmp_path / "in").mkdir()
    buys(1, range(100))
    assert tonight() == [None] * 4
    assert tonight() == [0]
    buys(2, range(2))
    assert tonight() == [2]
    buys(3, range(30))  # with what they had before these are too many lines to be read at once
    seen = tonight()
    assert 1 < len(seen) <= 4
    assert sum(only or 0 for only in seen) == 30


def test_files_are_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three_days(tmp_path / "in")
    seen: list[int] = []
    own = ingest.prepare

    def noted(sources: Any, *others: Any, **named: Any) -> Any:
        seen.append(len(sources))
        return own(sources, *others, **named)

    monkeypatch.setattr(ingest, "prepare", noted)
    for _ in range(2):
        outcome(tmp_path / "in", tmp_path / "out", cache=opened(tmp_path / "cache"), rules=LENIENT)
    assert seen == [3]


def test_rejected_lines_are_read_again_only_where_a_window_touches_them(tmp_path: Path) -> None:
    days = three_days(tmp_path / "in")

    def tonight(**rules: Any) -> tuple[int, int]:
        how: dict[str, Any] = {"rules": {**LENIENT, "look_back.days": 0, **rules}}
        kept = outcome(tmp_path / "in", tmp_path / "out", cache=opened(tmp_path / "cache"), **how)
        assert kept == outcome(tmp_path / "in", tmp_path / "all", **how)
        found = buckets.load(tmp_path / "out/lines", "")
        return len(found.rejects), len(found.summaries)

    for number, path in enumerate(days):  # without dates that are far beyond the others
        write_csv(path, [line(InvoiceDate=f"2011-01-0{number + 1} 10:00:00"), line(UnitPrice="nothing")])
    assert tonight() == (0, 1)
    write_csv(tmp_path / "in/3.csv", [line(InvoiceDate="2011-01-09 10:00:00"), line(UnitPrice="no")])
    assert tonight() == (0, 2)
    assert tonight(**{"features.window_from": "2011-01-02"}) == (1, 1)


def test_no_file_is_read_twice_for_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three_days(tmp_path / "in")
    seen: list[tuple[int, int]] = []
    own = files.digest

    def noted(path: Path) -> str:
        seen.append((path.stat().st_ino, path.stat().st_mtime_ns))  # equal for links, and no other files
        return own(path)

    monkeypatch.setattr(files, "digest", noted)
    for _ in range(2):
        seen.clear()
        outcome(tmp_path / "in", tmp_path / "out", cache=opened(tmp_path / "cache"), rules=LENIENT)
        assert len(seen) == len({*seen}) > 0
    # And each is the digest that the file has.
    begun = Workspace(out=tmp_path / "out", folder=tmp_path / "out", begun=CLOCK)
    assert begun.finished("lines")


_SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "what",
    [
        "a bucket",
        pytest.param("its account", marks=_SLOW),
        pytest.param("a file too few", marks=_SLOW),
        "a note",
    ],
)
def test_what_is_damaged_is_read_anew_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    three_days(tmp_path / "in")
    cache = tmp_path / "cache"
    expected = outcome(tmp_path / "in", tmp_path / "out", rules=LENIENT)
    outcome(tmp_path / "in", tmp_path / "out", cache=opened(cache), rules=LENIENT)
    bucket = max(cache.glob("pieces/*/*/*/*.parquet"), key=lambda path: path.stat().st_size)
    path = {"its account": bucket.parents[2] / "piece.json", "a note": cache / "prepared.json"}.get(
        what, bucket
    )
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    if what != "a file too few":
        path.write_bytes(data)
    heard: Heard = []
    found = read(monkeypatch)
    assert outcome(tmp_path / "in", tmp_path / "out", cache=opened(cache, heard), rules=LENIENT) == expected
    if what == "a note":
        assert (found, heard) == ([], [])
    else:
        assert found == [{0, 1, 2}]
        assert [
            text for text in heard if "is not as it was written; what it was made from is read anew" in text
        ]


def test_damaged_customers_are_worked_out_again(tmp_path: Path, looked_at: list[int | None]) -> None:
    three_days(tmp_path / "in")
    cache, heard = tmp_path / "cache", list[str]()

    def tonight() -> dict[str, str]:
        looked_at.clear()
        return outcome(tmp_path / "in", tmp_path / "out", cache=opened(cache, heard), bits=0, rules=LENIENT)

    first = tonight()
    (piece,) = of_customers(cache)
    path = next(piece.folder.glob("*/customers.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    assert (tonight(), looked_at) == (first, [None])
    assert any("is not as it was written" in text for text in heard)
    assert (tonight(), looked_at) == (first, [0])


def test_a_cache_is_private_and_may_be_deleted(tmp_path: Path) -> None:
    three_days(tmp_path / "in")
    cache = tmp_path / "cache"
    first = outcome(tmp_path / "in", tmp_path / "out", cache=opened(cache), rules=LENIENT)
    assert {
        path.stat().st_mode & 0o777 for path in (cache, cache / "pieces", *(cache / "pieces").iterdir())
    } == {0o700}
    shutil.rmtree(cache)
    assert outcome(tmp_path / "in", tmp_path / "out", cache=opened(cache), rules=LENIENT) == first


def of_customers(cache: Path) -> list[Piece]:
    return [piece for piece in opened(cache).pieces() if not kept_lines.has_lines(piece)]


def test_no_more_is_kept_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three_days(tmp_path / "in")
    cache, found = tmp_path / "cache", read(monkeypatch)
    expected = outcome(tmp_path / "in", tmp_path / "out", rules=LENIENT)

    def tonight(limit: int | None) -> list[set[int]]:
        found.clear()
        kept = outcome(tmp_path / "in", tmp_path / "out", cache=opened(cache, limit=limit), rules=LENIENT)
        assert kept == expected
        return list(found)

    tonight(None)
    shutil.copytree(cache, tmp_path / "before")
    write_csv(tmp_path / "in/3.csv", day(3, random.Random(3), lines=1))
    expected = outcome(tmp_path / "in", tmp_path / "out", rules=LENIENT)
    tonight(None)
    every = opened(cache)
    small, large = sorted(piece.size for piece in every.pieces() if kept_lines.has_lines(piece))
    limit = every.size - sum(piece.size for piece in of_customers(cache)) - small // 2
    shutil.rmtree(cache)
    (tmp_path / "before").rename(cache)
    assert tonight(limit) == [{3}]  # the smaller piece does not fit and goes
    assert large < opened(cache).size <= limit
    assert not of_customers(cache)
    assert tonight(None) == [{3}]
    assert of_customers(cache)
    tonight(1)
    assert not opened(cache).pieces()
    assert tonight(None) == [{0, 1, 2, 3}]


def test_many_nights_are_few_pieces_and_no_line_is_written_often(tmp_path: Path) -> None:
    cache = opened(tmp_path / "cache")
    entries: list[kept_lines.Entry] = []
    written: list[int] = []
    for number in range(70):
        lines = pl.DataFrame({"h": [number], "place": [number << 40], "ordered_at": [1_300_000_000]})
        with cache.adding() as part:
            typed = lines.with_columns(pl.col("h", "place").cast(pl.UInt64))
            files = shuffle.write(typed.lazy(), f"{part}/night", bits=0)
            piece = kept_lines.write(cache, part, files, {number: {"key": f"{number}", "beyond": None}}, 0)
        pieces = settle_kept.settled(cache, [*entries, (piece, piece.numbers)], 0)
        kept_lines.remove_others(cache, pieces)
        written.append(sum(one.rows for one in pieces if one not in [entry[0] for entry in entries]))
        entries = [(one, one.numbers) for one in pieces]
        assert len(cache.pieces()) == len(pieces) <= 3 * 7
    assert sum(piece.rows for piece, _ in entries) == 70
    assert sorted(file.key for piece, _ in entries for file in piece.files) == sorted(map(str, range(70)))
    assert sum(written) <= 4 * 70


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_a_year_of_nights_ends_with_the_bytes_of_one(tmp_path: Path) -> None:
    three_days(tmp_path / "in")
    for number in range(3, 365):
        write_csv(tmp_path / f"in/{number:03}.csv", day(number, random.Random(number), lines=30))
        kept = opened(tmp_path / "cache")
        last = outcome(tmp_path / "in", tmp_path / "kept", cache=kept, rules=LENIENT)
    assert len(kept.pieces()) <= 3 * 7
    assert last == outcome(tmp_path / "in", tmp_path / "all", rules=LENIENT)


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("input.fill_from", {"input.fill_from": "order"}),
        ("[[join]]", {"join": [{"path": "/x.csv", "on": {"a": "b"}, "columns": ["c"]}]}),
        ('cleaning.rejects = "all"', {"cleaning.rejects": "all"}),
        ("cleaning.order_discount", {"cleaning.order_discount": "off", "features.window": "30d"}),
    ],
)
def test_what_depends_on_other_files_is_refused(key: str, given: dict[str, Any]) -> None:
    with pytest.raises(
        errors.JobError, match=f"input.incremental .*{re.escape(key)}.*leave one of the two out"
    ):
        kept_keys.check(job.resolve("", given))


def test_a_store_and_the_folder_of_others_are_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.JobError, match=r"s3://shop/out/cache: input\.incremental .* give a folder"):
        refuse_store("s3://shop/out/cache")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/letters.txt").write_text("mine")
    with pytest.raises(errors.OutputError, match=r"is not segcore's, for it holds letters\.txt"):
        opened(tmp_path / "cache")


def test_the_command_refuses_a_store_before_it_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv(tmp_path / "lines.csv", day(1, random.Random(1)))
    arguments = ["segment", str(tmp_path), "--out", "s3://shop/out", "--incremental"]
    monkeypatch.setattr("sys.argv", ["segcore", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        "s3://shop/out/cache: input.incremental (--incremental) works on a disk, and an object store is none"
        in err
    )


@pytest.mark.slow
def test_the_whole_job_has_the_same_bytes(tmp_path: Path, retail_job: Path) -> None:
    (tmp_path / "in").mkdir()
    months = sorted(SAMPLE.glob("*.csv"))

    def tonight(out: str, **overrides: Any) -> Run:
        quick = {**QUICK, "models.families": ["kmeans"], "selection.k": 4, **overrides}
        return segment(tmp_path / "in", tmp_path / out, job=retail_job, overrides=quick, quiet=True)

    def bytes_of(run: Run) -> dict[str, str]:  # beside the run's id
        names = [*list_files(run.folder)]
        same = [name for name in names if name.startswith(("features/", "segments/", "ledger", "rejects/"))]
        return {name: digest(run.folder / name) for name in [*same, "model.json", "look_back.parquet"]}

    for some in (months[:-2], months[-2:-1], months[-1:]):
        for path in some:
            shutil.copy2(path, tmp_path / "in")
        kept = tonight("kept", **{"input.incremental": True})
        whole = tonight("all")
        assert bytes_of(kept) == bytes_of(whole)
    assert re.search(
        r"cache: [0-9.]+ MB of what the next run need not read again",
        "\n".join(pipeline.list_runs(tmp_path / "kept")),
    )


def test_ways_of_writing_that_few_lines_have_are_not_looked_for_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some lines are asked first how values are written; what the others say is known from the night before."""
    monkeypatch.setattr(understand_formats, "_SAMPLE_LINES", 1)
    plain = [line(InvoiceNo=f"{n}", CustomerID=f"{n}") for n in range(9)]
    slashes = line(InvoiceNo="9", InvoiceDate="2011/03/02 10:00", CustomerID="9")
    (tmp_path / "in").mkdir()
    write_csv(tmp_path / "in/0.csv", [*plain, slashes])
    found = read(monkeypatch)

    def tonight() -> list[set[int]]:
        found.clear()
        kept = outcome(tmp_path / "in", tmp_path / "out", cache=opened(tmp_path / "cache"))
        assert kept == outcome(tmp_path / "in", tmp_path / "all")
        return list(found)

    assert tonight() == [{0}, {0}]
    assert tonight() == []
    write_csv(tmp_path / "in/1.csv", plain)
    assert tonight() == [{1}]


def test_dates_far_beyond_the_others_are_set_aside_of_what_was_kept(tmp_path: Path) -> None:
    lines = [
        line(InvoiceNo=f"{n}", InvoiceDate=f"2011-03-{1 + n % 28:02} 10:00:00", CustomerID=f"{n}")
        for n in range(60)
    ]
    (tmp_path / "in").mkdir()
    write_csv(tmp_path / "in/0.csv", [*lines, line(InvoiceNo="x", InvoiceDate="2019-01-01 00:00:00")])
    for _ in range(2):
        kept = outcome(tmp_path / "in", tmp_path / "out", cache=opened(tmp_path / "cache"))
        account = read_json(tmp_path / "out/customers/ledger.json")
    assert counts(account)["stray_date"] == 1
    assert kept == outcome(tmp_path / "in", tmp_path / "all")


def test_a_clock_that_has_passed_a_date_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    early, late = CLOCK + timedelta(hours=1), CLOCK + timedelta(days=3)
    for name, when in (("0", early), ("1", late)):
        write_csv(tmp_path / f"in/{name}.csv", [line(InvoiceDate=f"{when:%Y-%m-%d %H:%M:%S}")])
    found, purchases = read(monkeypatch), []
    for clock in (CLOCK, CLOCK + timedelta(days=1), CLOCK + timedelta(days=4), CLOCK):
        found.clear()
        outcome(tmp_path / "in", tmp_path / "out", cache=opened(tmp_path / "cache"), clock=clock)
        account = read_json(tmp_path / "out/customers/ledger.json")
        purchases.append((counts(account)["purchase"], list(found)))
    assert purchases == [(1, [{0, 1}]), (1, []), (2, [{1}]), (1, [{1}])]
