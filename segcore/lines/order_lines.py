"""Fields that an export gives on the first line of an order alone: the order's other lines take them from there.

Lines of one order are known by its id where it stands on them, else by their place in the file. Lazy frames in, lazy
frames out: nothing here collects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from segcore.expressions import carried
from segcore.ingest import FileGroup, timestamps
from segcore.ingest.missing import given
from segcore.lookup import looked_up

# What an order has as a whole, and what tells that a line is the first one.
OF_ORDER = ("order_id", "customer_id", "ordered_at", "country")
_FIRST = ("order_id", "customer_id", "ordered_at")
_PLACE = ("file", "record")
_RECORD_BITS = 40


@dataclass(frozen=True, kw_only=True)
class Filling:
    """How the lines of a group of files take what stands on their order's first line.

    Attributes
    ----------
    columns : tuple of str
        Of :data:`OF_ORDER` and of those that rules of the job's own name, those that are filled; empty where every line
        has its own.
    by_position : bool
        An order's lines are those from one that begins it up to the next such line of the file; else those with its id.
    """

    columns: tuple[str, ...]
    by_position: bool = False


def _given(name: str, group: FileGroup) -> pl.Expr:
    """Return what a line says in a column, null where that is nothing."""
    own = {carried(column): dtype for column, dtype in group.carried.items()}
    dtype = (group.dtypes | own).get(name, pl.String())
    if dtype == pl.String:
        return given(pl.col(name).str.strip_chars(), group.null_texts)
    return pl.col(name).fill_nan(None) if dtype.is_float() else pl.col(name)


def count_blanks(lf: pl.LazyFrame, group: FileGroup) -> pl.LazyFrame:
    """Count for each file its lines, those on which a column is blank, and the last record.

    ``continuing`` lines have neither an order nor a customer nor a date, ``lacking`` ones no customer or no date; of a
    column that rules of the job's own name, those of them are counted on which it is blank, and as ``all ...`` all lines.
    """
    good = ~pl.col("malformed")
    blank = {name: _given(name, group).is_null() & good for name in OF_ORDER}
    lacking = blank["customer_id"] | blank["ordered_at"]
    blank |= {
        name: _given(name, group).is_null() & lacking
        for name in (
            carried(column) for column in group.carried if column != group.discounts.get("line_discount")
        )
    }
    own = [carried(column) for column in group.carried]
    return lf.group_by("file").agg(
        *((_given(name, group).is_null() & good).sum().alias(f"all {name}") for name in own),
        good.sum().alias("lines"),
        pl.col("record").max().alias("last"),
        pl.all_horizontal(blank[name] for name in _FIRST).sum().alias("continuing"),
        lacking.sum().alias("lacking"),
        *(condition.sum().alias(name) for name, condition in blank.items()),
    )


def count_named(lf: pl.LazyFrame, group: FileGroup) -> pl.LazyFrame:
    """Count the lines without a customer, or without a date, whose order has lines with one: the larger number."""
    order = _given("order_id", group).cast(pl.String).hash()
    blank = {name: _given(name, group).is_null() for name in ("customer_id", "ordered_at")}
    by_order = (
        lf.filter(~pl.col("malformed"), _given("order_id", group).is_not_null())
        .group_by(order.alias("order"))
        .agg(
            *(condition.sum().alias(name) for name, condition in blank.items()),
            *((~condition).any().alias(f"any {name}") for name, condition in blank.items()),
        )
    )
    return by_order.select(pl.max_horizontal(pl.col(name).filter(f"any {name}").sum() for name in blank))


def decide(blanks: pl.DataFrame) -> Filling:
    """Return how lines are filled, from what :func:`count_blanks` gave for all files of a group."""
    total = {name: int(blanks[name].sum()) for name in blanks.columns if name not in ("file", "last")}
    blank = {name: total[name] for name in OF_ORDER if total[name] < total["lines"]}
    most = max(blank.get("customer_id", 0), blank.get("ordered_at", 0))
    # Nearly all lines without an order's id, or without a customer where no line has an id, are continuing ones.
    without = blank.get("order_id", 0) if "order_id" in blank else most
    by_position = most > 0 and 2 * without >= most and total["continuing"] >= 0.99 * without
    # What nearly no line below the first one has is the order's; what some have is theirs, or nobody's. Where lines have
    # their customer all the same, other blanks tell which lines are below the first one.
    own = [
        name
        for name in total
        if name.startswith(carried(""))
        and (
            (most and total[name] >= 0.99 * total["lacking"])
            or (not by_position and 2 * most < total[f"all {name}"] < total["lines"])
        )
    ]
    if not (most or own) or not (by_position or "order_id" in blank):
        return Filling(columns=())
    dated = 2 * blank.get("ordered_at", 0) < most  # but for some lines, each has its date
    columns = [
        name
        for name, lines in blank.items()
        if lines and not (name == "ordered_at" and dated) and (name != "order_id" or by_position)
    ]
    return Filling(columns=(*columns, *own), by_position=by_position)


def keyed(
    lf: pl.LazyFrame, group: FileGroup, filling: Filling, *, seed: int, before: Mapping[int, int], lines: int
) -> pl.LazyFrame:
    """Add ``h``, whose top bits part the lines so that what fills a line is in the same part, or in one before it.

    Parameters
    ----------
    lf : polars.LazyFrame
        As :func:`segcore.ingest.scan` returns it.
    group : FileGroup
    filling : Filling
    seed : int
        Of the hash of orders.
    before : mapping of int to int
        Number of a file to what its records are counted on from, so that no two lines have the same number.
    lines : int
        More than the largest such number.
    """
    if filling.by_position:
        number = looked_up(pl.col("file"), before, pl.Int64, strict=True) + pl.col("record").cast(pl.Int64)
        spread = pl.lit(2 ** (64 - lines.bit_length()), dtype=pl.UInt64)
        return lf.with_columns(h=number.cast(pl.UInt64) * spread)
    order = _given("order_id", group).cast(pl.String)
    place = pl.col("file").cast(pl.UInt64) * pl.lit(2**_RECORD_BITS, dtype=pl.UInt64) + pl.col("record")
    return lf.with_columns(h=pl.when(order.is_not_null()).then(order.hash(seed)).otherwise(place.hash(seed)))


def first_lines(lf: pl.LazyFrame, group: FileGroup) -> pl.LazyFrame:
    """Return the lines that begin an order, by position."""
    given = pl.any_horizontal(_given(name, group).is_not_null() for name in _FIRST)
    return lf.filter(~pl.col("malformed") & given)


def fill(lf: pl.LazyFrame, group: FileGroup, filling: Filling) -> pl.LazyFrame:
    """Fill the blank fields of all lines of some orders; malformed lines stay as they are.

    Parameters
    ----------
    lf : polars.LazyFrame
        As :func:`keyed` returns it; by position, from a line that begins an order.
    group : FileGroup
    filling : Filling
    """
    values = {name: f"__{name}" for name in (*_FIRST, *filling.columns)}
    lines = (
        lf.filter(~pl.col("malformed"))
        .sort(_PLACE)
        .with_columns(_given(name, group).alias(alias) for name, alias in values.items())
        .with_columns(_order(filling, group.dtypes["ordered_at"]).alias("__order"))
    )
    of_order = ("file" if filling.by_position else "h", "__order")
    filled = lines.with_columns(
        pl.when(pl.col(values[name]).is_null())
        .then(_first(name, values[name], filling).over(of_order))
        .otherwise(pl.col(name))
        .alias(name)
        for name in filling.columns
    )
    return pl.concat([filled.drop("__order", *values.values()), lf.filter("malformed")])


def _order(filling: Filling, dated: pl.DataType) -> pl.Expr:
    """Return what tells orders apart within a file, or within the lines of one id, which may come again."""
    if filling.by_position:
        return pl.any_horizontal(pl.col(f"__{name}").is_not_null() for name in _FIRST).cum_sum().over("file")
    date = pl.col("__ordered_at")
    if "ordered_at" in filling.columns:
        return date.is_not_null().cum_sum().over("h").clip(lower_bound=1).cast(pl.String)
    if dated.is_temporal():
        return timestamps.wall_clock("__ordered_at", dated).dt.date().cast(pl.String)
    return date.cast(pl.String).str.extract(r"^([^ T]+)")


def _first(name: str, column: str, filling: Filling) -> pl.Expr:
    """Return what the first line of an order says: by position nothing else; by id the first that says something.

    What rules of the job's own name is the order's where it stands on the first line alone.
    """
    if filling.by_position:
        return pl.col(column).first()
    if name.startswith(carried("")):
        return pl.when(pl.col(column).is_not_null().sum() == 1).then(pl.col(column).first())
    return pl.col(column).drop_nulls().first()


def sentence(filling: Filling) -> str:
    """Return what is filled, for the log."""
    how = (
        "from the line above that begins the order" if filling.by_position else "from the order's first line"
    )
    return f"{', '.join(name.removeprefix(carried('')) for name in filling.columns)}: blank fields are filled {how}"
