"""A text that is called regular is read as Python's csv module reads it, wherever its blocks end."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore.ingest import bytestream, structure

NAMES = ("a", "b", "c")
_FIELD = st.text(st.sampled_from(' x,"\nä'), max_size=5)
_ROWS = st.lists(st.tuples(_FIELD, _FIELD, _FIELD), min_size=1, max_size=12)


def written(rows: list[tuple[str, str, str]], end: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end).writerows([NAMES, *rows])
    return out.getvalue()


def by_polars(path: Path, *, quoted: bool) -> list[list[str]]:
    names = pl.Schema(dict.fromkeys(NAMES, pl.String()))
    lf = pl.scan_csv(path, schema=names, quote_char='"' if quoted else None)
    return [list(row) for row in lf.collect(engine="streaming").fill_null("").iter_rows()]


def examined(path: Path) -> structure.Structure:
    header = structure.Header(names=NAMES, separator=",", one_line=True)
    return structure.examine(str(path), "", header, quote='"')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("structure")


@given(rows=_ROWS, end=st.sampled_from(["\n", "\r\n"]), block=st.integers(1, 40))
def test_what_a_csv_writer_writes_is_regular(
    folder: Path, rows: list[tuple[str, str, str]], end: str, block: int
) -> None:
    path = folder / "x.csv"
    path.write_bytes(written(rows, end).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bytestream, "BLOCK", block)
        found = examined(path)
    assert (found.reader, found.records) == ("csv", len(rows))
    assert by_polars(path, quoted=found.quoted) == [list(row) for row in rows]


@given(
    rows=_ROWS,
    place=st.integers(0, 200),
    odd=st.text(st.sampled_from(',"\nx\x00'), min_size=1, max_size=3),
    block=st.integers(1, 40),
)
def test_what_is_called_regular_is_read_as_python_reads_it(
    folder: Path, rows: list[tuple[str, str, str]], place: int, odd: str, block: int
) -> None:
    whole = written(rows, "\n")
    place = min(len(whole), place + len(",".join(NAMES)) + 1)
    path = folder / "y.csv"
    text = whole[:place] + odd + whole[place:]
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bytestream, "BLOCK", block)
        found = examined(path)
    if found.reader == "csv":
        _, *expected = csv.reader(io.StringIO(text, newline=""))
        assert found.records == len(expected)
        assert by_polars(path, quoted=found.quoted) == expected
