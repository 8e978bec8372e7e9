"""Parquet in groups of rows that do not fit in memory is read all the same, in small ones; values without an end are refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from segcore import errors, ingest, job
from segcore.ingest import Prepared
from segcore.ingest.parquet_pages import pages

N_LINES = 200_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    number = pl.int_range(N_LINES, eager=True)
    pl.DataFrame(
        {
            "InvoiceNo": (number // 5).cast(pl.String),
            "CustomerID": pl.select(pl.when(number % 7 > 0).then(number % 999)).to_series(),
            "InvoiceDate": [datetime(2011, 1, 1) + timedelta(minutes=n % 9_999) for n in range(N_LINES)],
            "Quantity": number % 9 + 1,
            "UnitPrice": (number % 900).cast(pl.Decimal(10, 2)),
            "Country": pl.Series(["France", "Spain"] * (N_LINES // 2), dtype=pl.Categorical),
        }
    ).write_parquet(tmp_path / "x.parquet", row_group_size=N_LINES)
    return tmp_path / "x.parquet"


def prepared(path: Path, folder: str, *, memory: int) -> Prepared:
    scratch = path.parent / folder
    scratch.mkdir()
    (file,) = ingest.prepare(ingest.discover([path]), job.Input(), scratch, memory=memory)
    return file


def test_a_group_that_does_not_fit_is_written_anew_in_small_ones(path: Path) -> None:
    large = prepared(path, "large", memory=10**9)
    small = prepared(path, "small", memory=50 * 10**6)
    assert large.path == str(path)
    assert not list((path.parent / "large").iterdir())
    groups = parquet.ParquetFile(small.path).metadata
    assert max(groups.row_group(n).num_rows for n in range(groups.num_row_groups)) < N_LINES / 3
    assert (small.n_records, small.names, small.source) == (large.n_records, large.names, large.source)
    assert pl.read_parquet(small.path).equals(pl.read_parquet(path))
    lines = [ingest.scan(group) for file in (large, small) for group in ingest.group_files([file], job.Job())]
    assert lines[0].collect().equals(lines[1].collect())


def test_a_group_whose_texts_do_not_fit_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    df = pl.DataFrame({"a": range(6_000), "b": [f"{number}" + "x" * 15_000 for number in range(6_000)]})
    df.write_parquet(path, row_group_size=6_000)
    small = prepared(path, "small", memory=150 * 10**6)
    groups = parquet.ParquetFile(small.path).metadata
    assert max(groups.row_group(n).total_byte_size for n in range(groups.num_row_groups)) < 20 * 10**6
    assert pl.read_parquet(small.path).equals(df)
    assert prepared(path, "large", memory=10**9).path == str(path)


@pytest.mark.parametrize("n_different", [1, 40])
def test_a_group_whose_texts_repeat_is_counted_by_what_each_row_has(tmp_path: Path, n_different: int) -> None:
    path, number = tmp_path / "x.parquet", pl.int_range(40_000, eager=True)
    text = (number % n_different).cast(pl.String) + "x" * 5_000  # 200 MB, of which the file has 200 kB
    pl.DataFrame({"a": number, "b": text}).write_parquet(path, row_group_size=40_000)
    assert path.stat().st_size < 10**6
    small = prepared(path, "small", memory=10**9)
    groups = parquet.ParquetFile(small.path).metadata
    assert max(groups.row_group(n).num_rows for n in range(groups.num_row_groups)) * 5_000 < 20 * 10**6
    assert pl.read_parquet(small.path).equals(pl.DataFrame({"a": number, "b": text}))


def test_a_group_of_short_texts_stays_as_it_is(tmp_path: Path) -> None:
    path, number = tmp_path / "x.parquet", pl.int_range(400_000, eager=True)
    text = (number % 4_000).cast(pl.String) + "x" * 18  # 9 MB, where a tenth of the budget is 8
    pl.DataFrame({"a": text}).write_parquet(path, row_group_size=400_000)
    assert prepared(path, "same", memory=80 * 10**6).path == str(path)


def long_text(path: Path, value: str, *, row: int, **options: object) -> Path:
    texts = ["HOLDER"] * 20
    texts[row - 1 :: 7] = [value] * len(texts[row - 1 :: 7])  # more than once: a dictionary has it once
    table = pa.table({"Quantity": pa.array(range(20)), "Description": pa.array(texts, pa.large_string())})
    parquet.write_table(table, path, row_group_size=6, **options)
    return path


@pytest.mark.parametrize(
    "options", [{}, {"use_dictionary": False, "data_page_version": "2.0"}, {"compression": "zstd"}]
)
@pytest.mark.parametrize("row", [1, 5, 20])
def test_a_value_that_is_no_field_is_refused_with_its_place(
    tmp_path: Path, row: int, options: dict[str, object]
) -> None:
    path = long_text(tmp_path / "x.parquet", "x" * 33_000_000, row=row, **options)
    with pytest.raises(
        errors.DataError, match=rf"x\.parquet: row {row}, column 'Description': a value goes on for 33 MB"
    ):
        prepared(path, "scratch", memory=10**9)


def test_a_page_that_a_budget_does_not_hold_is_not_read(tmp_path: Path) -> None:
    path = long_text(tmp_path / "x.parquet", "x" * 60_000_000, row=8)
    with pytest.raises(
        errors.DataError,
        match=r"rows 7 to 12, column 'Description': a page of the file has 60 MB, and a third of",
    ):
        prepared(path, "scratch", memory=150 * 10**6)


def test_long_texts_and_large_pages_of_short_ones_are_read(tmp_path: Path) -> None:
    path = long_text(tmp_path / "x.parquet", "x" * 31_000_000, row=2)
    assert prepared(path, "long", memory=10**9).n_records == 20
    many = pa.table({"a": [f"{number}" + "x" * 2_000 for number in range(20_000)]})
    parquet.write_table(many, path, use_dictionary=False, data_page_size=10**8, write_batch_size=20_000)
    with pa.OSFile(str(path)) as source:
        largest = max(
            page.size for page in pages(source, parquet.ParquetFile(path).metadata.row_group(0).column(0))
        )
    assert largest > 40_000_000
    assert prepared(path, "many", memory=10**9).n_records == 20_000


@pytest.mark.parametrize("statistics", [False, True])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("checksum", [False, True])
def test_the_pages_are_all_that_a_column_has(
    tmp_path: Path, version: str, checksum: bool, statistics: bool
) -> None:
    table = pa.table(
        {
            "a": pa.array([None, *range(9_999)]),
            "b": [f"{number % 5_000}" + "x" * 99 for number in range(10_000)],
            "c": [number % 3 == 0 for number in range(10_000)],
            "d": [[number] * (number % 4) for number in range(10_000)],
        }
    )
    path = tmp_path / "x.parquet"
    parquet.write_table(
        table, path, data_page_version=version, write_page_checksum=checksum, write_statistics=statistics,
        data_page_size=9_999, row_group_size=4_000,
    )  # fmt: skip
    about = parquet.ParquetFile(path).metadata
    with pa.OSFile(str(path)) as source:
        for number in range(about.num_row_groups):
            for column in map(about.row_group(number).column, range(about.num_columns)):
                found = list(pages(source, column))
                assert {page.has_checksum for page in found} == {checksum}
                headers = column.total_uncompressed_size - sum(page.size for page in found)
                assert 10 * len(found) < headers < 500 * len(found)  # their own sizes, and nothing else
