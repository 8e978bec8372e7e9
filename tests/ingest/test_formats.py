from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore import errors, job
from segcore.ingest import scan, value_patterns
from segcore.ingest.date_formats import date_formats
from segcore.pipeline import inspect_input
from tests.transaction_lines import classified, frame, line, prepared, write_csv


@pytest.mark.parametrize(
    ("pattern", "order", "formats"),
    [
        ("9999-99-99 99:99:99", "month-first", ["%Y-%m-%d %H:%M:%S"]),
        ("9999-99-99T99:99:99.999+99:99", "month-first", ["%Y-%m-%dT%H:%M:%S%.f%#z"]),
        ("99/9/9999 9:99", "month-first", ["%m/%d/%Y %H:%M"]),
        ("9.9.99", "day-first", ["%d.%m.%y"]),
        ("99.99.99 99:99", "year-first", ["%y.%m.%d %H:%M"]),
        ("99.99.9999", "year-first", []),
        ("9/9/9999 9:99 PM", "month-first", ["%m/%d/%Y %I:%M %p"]),
        ("9 w 9999", "month-first", ["%d %b %Y", "%d %B %Y", "named %d-%m-%Y"]),
        ("w 9, 9999", "month-first", ["%b %d, %Y", "%B %d, %Y"]),
        ("99999999", "month-first", ["%Y%m%d"]),
        ("9999999999", "month-first", ["epoch-seconds"]),
        ("9999999999999", "month-first", ["epoch-milliseconds"]),
        ("9999999999999999999", "month-first", []),
        ("w", "month-first", []),
        ("99-99", "month-first", []),
        ("9999-99-99 99", "month-first", []),
    ],
)
def test_a_pattern_tells_the_format(pattern: str, order: str, formats: list[str]) -> None:
    assert date_formats(pattern, order) == formats


@settings(max_examples=8)
@given(st.datetimes(datetime(1971, 1, 1), datetime(2029, 12, 31)))
def test_every_pattern_reads_what_it_wrote(tmp_path_factory: pytest.TempPathFactory, when: datetime) -> None:
    when = when.replace(microsecond=0)
    folder = tmp_path_factory.mktemp("dates")
    written = [
        when.strftime("%Y-%m-%d %H:%M:%S"),
        when.strftime("%Y/%m/%dT%H:%M:%S"),
        when.strftime("%d-%b-%Y %H:%M:%S"),
        when.strftime("%m/%d/%Y %I:%M:%S %p"),
        when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        when.strftime("%Y%m%d%H%M%S"),
    ]
    path = write_csv(folder / "a.csv", [line(InvoiceDate=text) for text in written])
    given_input = job.Input(date_format="month-first")
    seconds = classified([path], given=given_input).sort("record").collect()["ordered_at"].to_list()
    assert seconds == [int(when.replace(tzinfo=UTC).timestamp())] * len(written)


TEXTS = ["13/1/2011 8:26", "1/2/2011 9:00", "3/3/2011", "2011-01-02", "n/a", "", "7,50", "0,5", "1.234"]


@given(st.lists(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=5), min_size=1, max_size=4))
def test_files_may_be_looked_at_in_groups(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("groups")
    paths = [
        write_csv(folder / f"{n}.csv", [line(InvoiceDate=text, UnitPrice=text) for text in texts])
        for n, texts in enumerate(files)
    ]
    (group,) = prepared(paths).file_groups
    parts = [replace(group, files=(file,)) for file in group.files]
    once = value_patterns.count(scan(group), group).collect()
    by = ["column", "pattern"]
    assert (
        value_patterns.add_up(value_patterns.count(scan(part), part).collect() for part in parts)
        .sort(by)
        .equals(once.sort(by))
    )


def prices(tmp_path: Path, written: list[str], decimal: str = "") -> list[int | None]:
    path = write_csv(tmp_path / "a.csv", [line(UnitPrice=text, Quantity="1") for text in written])
    read = classified([path], given=job.Input.model_validate({"decimal": decimal}))
    return read.sort("record").collect()["unit_price"].to_list()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["1.25", "1,234.50", "1,234"], [12500, 12345000, 12340000]),
        (["1,25", "1.234,50", "1.234"], [12500, 12345000, 12340000]),
        (["1,25", "0,001", "7"], [12500, 10, 70000]),
        (["£2.50", "£ 3.00", "4.00 GBP", "GBP 5.25"], [25000, 30000, 40000, 52500]),
        (["(2.50)", "-2.50", "2.50-", "-£2.50"], [-25000] * 4),
        (["1 234,50", "1'234,50", "1\u00a0234,50"], [12345000] * 3),
        (["125.000", "1.250.000", "75.500"], [1_250_000_000, 12_500_000_000, 755_000_000]),
        (["125.000", "0.500"], [1_250_000, 5000]),
        (["2.50", "1,23.4", "12,34", "(3", "--1", "1 2"], [25000, None, None, None, None, None]),
        (["1.25", "1,5"], [12500, None]),
        (["1e-3", "$1.50", "2.5E1"], [10, 15000, 250000]),
        ([".5", "5.", "+3"], [5000, 50000, 30000]),
    ],
)
def test_numbers_as_people_write_them(tmp_path: Path, written: list[str], read: list[int | None]) -> None:
    assert prices(tmp_path, written) == read


def test_what_the_job_says_about_decimals_wins(tmp_path: Path) -> None:
    assert prices(tmp_path, ["1,250", "7"], ",") == [12500, 70000]
    assert prices(tmp_path, ["1,250", "7"], ".") == [12500000, 70000]


@pytest.mark.parametrize(
    "written",
    [["1,250", "7.5", "7,5"], ["1,250"], ["1.250", "7"], ["125.000", "75.500"]],
    ids=["both", "comma", "point", "throughout"],
)
def test_numbers_that_could_be_read_in_two_ways_are_refused(tmp_path: Path, written: list[str]) -> None:
    with pytest.raises(errors.DataError, match=r"--decimal"):
        prices(tmp_path, written)


def test_another_column_tells_what_a_mark_means(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [line(Quantity="1.000", UnitPrice="2,5"), line(UnitPrice="1,75")])
    df = classified([path]).sort("record").collect()
    assert df["quantity"].to_list() == [1000, 2]
    assert df["amount"].to_list() == [25_000_000, 35_000]


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        (["2011-07-01T23:30:00Z", "2011-07-02T01:30:00+02:00"], [(1, 23, 30), (2, 1, 30)]),
        (["2011-07-01 23:30:00 +0530", "2011-07-02 01:30:00 -08:00"], [(1, 23, 30), (2, 1, 30)]),
        (["2011-07-01 23:30:00 UTC", "2011-07-02 01:30:00 UTC"], [(1, 23, 30), (2, 1, 30)]),
        (["2011-07-01 23:30", "2011-07-02 01:30+01:00"], [(1, 23, 30), (2, 1, 30)]),
    ],
)
def test_times_are_the_clocks_as_it_is_written(
    tmp_path: Path, written: list[str], hours: list[tuple[int, int, int]]
) -> None:
    path = write_csv(tmp_path / "a.csv", [line(InvoiceDate=when) for when in written])
    df = classified([path]).sort("record").collect()
    assert pl.from_epoch(df["ordered_at"]).to_list() == [datetime(2011, 7, *when) for when in hours]


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "UTC"])
def test_times_of_parquet_are_the_clocks_of_their_zone(tmp_path: Path, zone: str) -> None:
    clock = pl.Series(["2011-07-01 23:30:00"]).str.to_datetime(time_zone=zone)
    frame([line()]).with_columns(InvoiceDate=clock).write_parquet(tmp_path / "a.parquet")
    df = classified([tmp_path / "a.parquet"]).collect()
    assert pl.from_epoch(df["ordered_at"]).to_list() == [datetime(2011, 7, 1, 23, 30)]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (job.Input(), [False, False, False, True]),
        (job.Input(earliest=datetime(2011, 3, 2)), [False, False, False, False]),
        (job.Input(earliest=datetime(1970, 1, 1)), [True, False, True, True]),
    ],
)
def test_dates_that_stand_for_none_are_missing(tmp_path: Path, given: job.Input, read: list[bool]) -> None:
    dates = ["1970-01-01 00:00:00", "0000-00-00 00:00:00", "1970-01-01 23:59:59", "2011-03-01 10:00:00"]
    path = write_csv(tmp_path / "a.csv", [line(InvoiceDate=when) for when in dates])
    df = classified([path], given=given).sort("record").collect()
    assert df["ordered_at"].is_not_null().to_list() == read
    assert (df["class"] == "unreadable_ordered_at").to_list() == [not one for one in read]


def test_times_with_a_zone_are_expressed_in_the_jobs(tmp_path: Path) -> None:
    lines = [line(InvoiceDate="2011-07-01T23:30:00Z"), line(InvoiceDate="2011-07-02T01:30:00+02:00")]
    path = write_csv(tmp_path / "a.csv", lines)
    df = classified([path], given=job.Input(time_zone="Europe/London")).collect()
    assert set(pl.from_epoch(df["ordered_at"]).to_list()) == {datetime(2011, 7, 2, 0, 30)}


def test_times_that_say_that_they_are_utc_are_expressed_in_the_jobs_zone(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [line(InvoiceDate="2011-07-01 23:30:00 UTC")])
    df = classified([path], given=job.Input(time_zone="Europe/London")).collect()
    assert pl.from_epoch(df["ordered_at"]).to_list() == [datetime(2011, 7, 2, 0, 30)]


PARIS_OF_UTC = job.Input(time_zone="Europe/Paris", source_zone="UTC")


@pytest.mark.parametrize(
    ("written", "given", "read"),
    [
        ("2011-07-01 23:30:00", PARIS_OF_UTC, datetime(2011, 7, 2, 1, 30)),
        ("2011-01-01T23:30", PARIS_OF_UTC, datetime(2011, 1, 2, 0, 30)),
        ("2011-07-01T23:30:00-04:00", PARIS_OF_UTC, datetime(2011, 7, 2, 5, 30)),
        ("2011-07-01", PARIS_OF_UTC, datetime(2011, 7, 1)),
        ("2011-07-01 23:30:00", job.Input(time_zone="Europe/Paris"), datetime(2011, 7, 1, 23, 30)),
        # By the clock of New York, an hour came twice and one never.
        ("2011-11-06 01:30:00", job.Input(time_zone="UTC", source_zone="America/New_York"), datetime(2011, 11, 6, 5, 30)),
        ("2011-03-13 02:30:00", job.Input(time_zone="UTC", source_zone="America/New_York"), None),
    ],
)  # fmt: skip
def test_times_without_an_offset_are_shifted_where_the_job_says_their_zone(
    tmp_path: Path, written: str, given: job.Input, read: datetime | None
) -> None:
    path = write_csv(tmp_path / "a.csv", [line(InvoiceDate=written)])
    df = classified([path], given=given).collect()
    assert pl.from_epoch(df["ordered_at"]).to_list() == [read]
    assert df["class"][0] == ("unreadable_ordered_at" if read is None else "purchase")


def test_times_of_parquet_are_shifted_and_days_are_not(tmp_path: Path) -> None:
    dated = frame([line()]).with_columns(InvoiceDate=pl.lit("2011-07-01 23:30:00").str.to_datetime())
    dated.write_parquet(tmp_path / "a.parquet")
    df = classified([tmp_path / "a.parquet"], given=PARIS_OF_UTC).collect()
    assert pl.from_epoch(df["ordered_at"]).to_list() == [datetime(2011, 7, 2, 1, 30)]
    dated.with_columns(pl.col("InvoiceDate").dt.date()).write_parquet(tmp_path / "a.parquet")
    df = classified([tmp_path / "a.parquet"], given=PARIS_OF_UTC).collect()
    assert pl.from_epoch(df["ordered_at"]).to_list() == [datetime(2011, 7, 1)]


def test_a_zone_to_shift_from_needs_one_to_shift_to() -> None:
    with pytest.raises(errors.JobError, match=r"source_zone = 'UTC' needs the zone .* set time_zone"):
        job.resolve('[input]\nsource_zone = "UTC"\n')


@pytest.mark.parametrize(
    ("written", "overrides", "told"),
    [
        ("2011-07-01 23:30:00", {}, "times        without an offset, as written: if they are in UTC, say, input.source_zone"),
        ("2011-07-01", {}, "times        days without a time, as written"),
        ("2011-07-01T23:30:00Z", {}, "times        with an offset from UTC, by the clock as it is written"),
        ("2011-07-01 23:30:00", {"input.time_zone": "Europe/Paris", "input.source_zone": "UTC"}, "taken for UTC, in Europe/Paris"),
        ("1309563000", {}, "times        seconds since 1970, in UTC"),
    ],
)  # fmt: skip
def test_inspect_says_by_which_clock(
    tmp_path: Path, written: str, overrides: dict[str, str], told: str
) -> None:
    path = write_csv(tmp_path / "a.csv", [line(InvoiceDate=written)])
    assert told in inspect_input(str(path), overrides=overrides)
