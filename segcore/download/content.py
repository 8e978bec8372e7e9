"""What the data set holds: read from its workbook, compared with what it should be, written by month."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from segcore.errors import DataError

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


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a data set holds.

    Attributes
    ----------
    rows, columns, customers : int
    total : Decimal
        Quantity times unit price over all lines, returns included, in money.
    """

    rows: int
    columns: int
    customers: int
    total: Decimal


EXPECTED = Contents(rows=541_909, columns=8, customers=4_372, total=Decimal("9747747.934"))


def read(book: Path) -> pl.DataFrame:
    """Read the first sheet of the workbook.

    Raises
    ------
    segcore.errors.DataError
        If it cannot be read, or its columns have other names.
    """
    import fastexcel

    try:
        opened = fastexcel.read_excel(book)
        found = opened.load_sheet(0, n_rows=0).to_polars().columns
        if found != list(_COLUMNS):
            raise DataError(f"the workbook has columns {', '.join(found)}; expected {', '.join(_COLUMNS)}")
        df: pl.DataFrame = opened.load_sheet(0, dtypes=_COLUMNS).to_polars()
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, ValueError) as exc:
        raise DataError(f"the archive's workbook cannot be read: {str(exc).splitlines()[0]}") from exc
    return df.with_columns(
        pl.col("InvoiceDate").dt.cast_time_unit("us").dt.round("1s"),  # days are fractions in a workbook
        pl.col("UnitPrice").round(_DECIMALS),
    )


def contents(df: pl.DataFrame) -> Contents:
    """Count and add up, exactly."""
    minor = (pl.col("UnitPrice") * 10**_DECIMALS).round().cast(pl.Int64)
    total = df.select((minor * pl.col("Quantity")).sum()).item()
    return Contents(
        rows=df.height,
        columns=df.width,
        customers=df["CustomerID"].drop_nulls().n_unique(),
        total=Decimal(total).scaleb(-_DECIMALS),
    )


def check(df: pl.DataFrame, expected: Contents) -> None:
    """Compare the lines with what they should be.

    Raises
    ------
    segcore.errors.DataError
        If a figure is another one; all that differ are named.
    """
    found = asdict(contents(df))
    wrong = [
        f"{name} {found[name]:,} (expected {value:,})"
        for name, value in asdict(expected).items()
        if found[name] != value
    ]
    undated = df["InvoiceDate"].null_count()
    if undated:
        wrong.append(f"{undated:,} lines without a date (expected none)")
    if wrong:
        raise DataError(f"this is another data set than expected: {'; '.join(wrong)}")


def write(df: pl.DataFrame, folder: Path) -> list[str]:
    """Write one Parquet file a month and return their names; lines keep their order."""
    month = pl.col("InvoiceDate").dt.strftime("%Y-%m")
    parts = df.with_columns(month=month).partition_by("month", as_dict=True, include_key=False)
    for (name,), part in sorted(parts.items()):
        part.write_parquet(folder / f"{name}.parquet", compression="zstd")
    return [f"{name}.parquet" for (name,) in sorted(parts)]
