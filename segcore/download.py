"""The Online Retail data set, fetched from its archive, checked by what it holds, and written as Parquet."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Mapping
from decimal import Decimal
from http.client import HTTPException
from pathlib import Path
from typing import Any

import polars as pl

from segcore.errors import DataError, UnreachableError
from segcore.new_folder import scratch_beside

# What the data set's page links to; it stays when the archive's own storage moves.
ONLINE_RETAIL = "https://archive.ics.uci.edu/static/public/352/online+retail.zip"
LARGEST = 300_000_000  # bytes, packed and unpacked: both are held in memory; the real archive has 23 million

# Column = type, as fastexcel calls it. Ids are texts: 536365 and C536379 stand in one column.
_COLUMNS: dict[Any, Any] = {
    "InvoiceNo": "string",
    "StockCode": "string",
    "Description": "string",
    "Quantity": "int",
    "InvoiceDate": "datetime",
    "UnitPrice": "float",
    "CustomerID": "string",
    "Country": "string",
}
_DECIMALS = 4  # more than any price has


# What the data set holds; the total is quantity times unit price over all lines, returns included.
EXPECTED: dict[str, int | Decimal] = {"rows": 541_909, "customers": 4_372, "total": Decimal("9747747.934")}


def download(
    out: Path,
    *,
    url: str = ONLINE_RETAIL,
    timeout: float = 60.0,
    expected: Mapping[str, int | Decimal] = EXPECTED,
) -> list[Path]:
    """Fetch the archive, check what it holds, write one Parquet file a month and return their paths.

    Proxies are those of the environment (``https_proxy``, ``no_proxy``).

    Parameters
    ----------
    out : Path
        Folder for the files; new or empty.
    url : str
    timeout : float
        Seconds that the server may be silent.
    expected : mapping of str to number
        Of rows, customers and money.

    Raises
    ------
    segcore.errors.UnreachableError
        If the server does not answer, refuses, or breaks off.
    segcore.errors.DataError
        If what comes is no such archive, or holds something else than expected.
    segcore.errors.OutputError
        If `out` is there already, or cannot be created.
    segcore.errors.StorageError
        If the disk is full or writing fails.
    """
    with scratch_beside(out) as scratch:
        df = _read(_unpack(_fetch(url, timeout)))
        _check(df, expected)
        folder = scratch / "months"
        folder.mkdir()  # with the rights that folders have; the scratch is private
        names = _write_months(df, folder)
        folder.rename(out)
    return [out / name for name in names]


def _fetch(url: str, timeout: float) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise UnreachableError(f"{url!r} is no address: expected http:// or https://; give one as --url")
    try:  # an opener of its own asks the environment for proxies now, not when the first was made
        request = urllib.request.Request(
            url, headers={"Accept-Encoding": "identity", "User-Agent": "segcore"}
        )
        with urllib.request.build_opener().open(request, timeout=timeout) as response:
            kind = response.headers.get_content_type()
            length = response.headers.get("Content-Length")
            data: bytes = b"" if kind == "text/html" else response.read(LARGEST + 1)
    except urllib.error.HTTPError as exc:
        raise UnreachableError(
            f"{url}: the server answers {exc.code} {exc.reason}; try again later, or give --url"
        ) from exc
    except (HTTPException, OSError, ValueError) as exc:
        reason = str(getattr(exc, "reason", exc)) or type(exc).__name__
        raise UnreachableError(f"{url}: {reason}; run the same command again, or give --url") from exc
    if kind == "text/html":
        raise DataError(f"{url}: a web page came ({kind}), expected a zip archive; give its address as --url")
    if len(data) > LARGEST:
        raise DataError(f"{url}: more than {LARGEST:,} bytes came, expected a data set of some 23 million")
    if length is not None and len(data) < int(length):
        raise UnreachableError(
            f"{url}: the connection broke off after {len(data):,} of {int(length):,} bytes; run the same command again"
        )
    return data


def _unpack(data: bytes) -> bytes:
    """Return the one Excel file of a zip archive; nothing is written under a name that the archive gives."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            books = [info for info in archive.infolist() if info.filename.lower().endswith(".xlsx")]
            if len(books) != 1:
                names = ", ".join(repr(name) for name in archive.namelist()[:5])
                raise DataError(
                    f"the archive holds {len(books)} Excel files, expected one: {names or 'it is empty'}"
                )
            if books[0].file_size > LARGEST:
                raise DataError(
                    f"the archive unpacks to {books[0].file_size:,} bytes, expected at most {LARGEST:,}"
                )
            return archive.read(books[0])  # never more than file_size, and it checks the sum
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as exc:
        raise DataError(f"what came is no zip archive, or a damaged one: {exc}; download it again") from exc


def _read(book: bytes) -> pl.DataFrame:
    import fastexcel

    try:
        workbook = fastexcel.read_excel(book)
        columns = workbook.load_sheet(0, n_rows=0).to_polars().columns
        if columns != list(_COLUMNS):
            raise DataError(f"the workbook has columns {', '.join(columns)}; expected {', '.join(_COLUMNS)}")
        df: pl.DataFrame = workbook.load_sheet(0, dtypes=_COLUMNS).to_polars()
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, ValueError) as exc:
        raise DataError(f"the archive's workbook cannot be read: {str(exc).splitlines()[0]}") from exc
    return df.with_columns(
        pl.col("InvoiceDate").dt.cast_time_unit("us").dt.round("1s"),  # days are fractions in a workbook
        pl.col("UnitPrice").round(_DECIMALS),
    )


def _check(df: pl.DataFrame, expected: Mapping[str, int | Decimal]) -> None:
    """Count and add up, exactly, and name every figure that is another one than expected."""
    minor = (pl.col("UnitPrice") * 10**_DECIMALS).round().cast(pl.Int64)
    contents = {
        "rows": df.height,
        "customers": df["CustomerID"].drop_nulls().n_unique(),
        "total": Decimal(df.select((minor * pl.col("Quantity")).sum()).item()).scaleb(-_DECIMALS),
    }
    wrong = [
        f"{name} {value:,} (expected {expected[name]:,})"
        for name, value in contents.items()
        if value != expected[name]
    ]
    if undated := df["InvoiceDate"].null_count():
        wrong.append(f"{undated:,} lines without a date (expected none)")
    if wrong:
        raise DataError(f"this is another data set than expected: {'; '.join(wrong)}")


def _write_months(df: pl.DataFrame, folder: Path) -> list[str]:
    """Write one file a month and return their names; lines keep their order."""
    month = pl.col("InvoiceDate").dt.strftime("%Y-%m")
    parts = df.with_columns(month=month).partition_by("month", as_dict=True, include_key=False)
    for (name,), part in parts.items():
        part.write_parquet(folder / f"{name}.parquet", compression="zstd")
    return sorted(f"{name}.parquet" for (name,) in parts)
