"""Hash order: streaming passes that partition the lines by customer, all of one in one bucket.

Every customer has ``h = hash(customer_id, seed)``; the top bits of ``h`` are the bucket, so that the buckets in
order, each sorted by ``(h, customer_id)``, give one global order whatever their number. Rejected lines go to a
bucket of their own, and keep no more than what the account needs. This module alone knows Polars' ``PartitionBy``,
which is marked unstable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from segcore import schema
from segcore.lines import cleaning
from segcore.lookup import looked_up
from segcore.times import SECONDS_A_DAY

MOST_BITS = 6  # of a pass: open buckets cost memory, and beyond 100 Polars closes files and begins new ones
# Rows that a bucket's file gathers before they are written: 64 open buckets hold 100 MB then.
_ROWS_A_GROUP = 20_000
# What a file says of its groups is held until it ends: 400 MB after 200 million lines, if files went on and on.
_ROWS_A_FILE = 250_000
_RECORD_BITS = 40
_ODD = 0x9E3779B97F4A7C15  # odd, so that different hashes stay different

# Where a line is from, of ``place``: its file's number, and its record in the scan of the file.
FILE = (pl.col("place") // pl.lit(2**_RECORD_BITS, dtype=pl.UInt64)).cast(pl.UInt32)
RECORD = pl.col("place") % pl.lit(2**_RECORD_BITS, dtype=pl.UInt64)
# Columns of a line that are in the buckets only where a feature of the job's own names them.
CARRIED = ("order_id", "product_id", "unit_price", "description")
# Columns that say what is off the whole order of a line, never negative, where the job names them.
OFF_ORDER = ("order_discount", "order_refund")


@dataclass(frozen=True, kw_only=True)
class PartitionFile:
    """A file that a pass wrote, and the bucket that its lines belong to; None is that of the rejected lines."""

    bucket: int | None
    path: str
    rows: int


def hashed(seed: int) -> pl.Expr:
    """Return ``h`` of a customer."""
    return pl.col("customer_id").hash(seed)


def line_hash(seed: int, *, rest: bool) -> pl.Expr:
    """Return a hash that is equal where two lines are equal in every column.

    Parameters
    ----------
    seed : int
    rest : bool
        There is a hash of columns beside the canonical ones, ``rest``.
    """
    parts = [
        pl.col(name).hash(seed) * pl.lit(2 * place + 1, dtype=pl.UInt64)
        for place, name in enumerate(schema.LINE_NAMES)
    ]
    return pl.sum_horizontal(*parts, *(["rest"] if rest else []))


def order_hash(seed: int, key: str = "order") -> pl.Expr:
    """Return the order of a classified line as a 64-bit hash: that of its id, or of its day where there is none.

    With the key ``order+day`` the id counts for a day each.
    """
    day, order = (pl.col("ordered_at") // SECONDS_A_DAY).hash(seed), pl.col("order_id").hash(seed)
    if key == "order+day":
        order = order * pl.lit(_ODD, dtype=pl.UInt64) + day
    return pl.when(pl.col("order_id").is_null()).then(day).otherwise(order)


def keyed(
    lf: pl.LazyFrame, *, seed: int, order_key: str = "order", carry: Sequence[str] = ()
) -> pl.LazyFrame:
    """Turn classified lines into numbers.

    Parameters
    ----------
    lf : polars.LazyFrame
        As :func:`segcore.lines.cleaning.classify` returns it.
    seed : int
        Of the hashes.
    order_key : {"order", "order+day"}
        What tells orders apart.
    carry : sequence of str
        Columns of :data:`CARRIED` that kept lines keep beside the numbers; product codes in upper case.

    Returns
    -------
    polars.LazyFrame
        ``h``; ``order`` and ``product`` as 64-bit hashes; ``line``, see :func:`line_hash`; ``place``, see
        :data:`FILE` and :data:`RECORD`. Rejected lines have ``class``, ``ordered_at``, ``amount`` and ``place`` only, but
        for those that say what is off their order.
    """
    kept = pl.col("class").is_in(cleaning.KEPT)
    off = [name for name in OFF_ORDER if name in lf.collect_schema()]
    if off:  # the other lines that say it
        says = pl.any_horizontal((pl.col(name) != 0).fill_null(False) for name in off)
        kept = kept | (says & pl.col("in_order") & pl.col("ordered_at").is_not_null())
    product = pl.col("product")
    of_kept = {
        "customer_id": pl.col("customer_id"),
        "h": hashed(seed),
        "order": order_hash(seed, order_key),
        "product": pl.when(product.is_not_null()).then(product.hash(seed)),
        "country": pl.col("country"),
        "quantity": pl.col("quantity"),
        "line": line_hash(seed, rest="rest" in lf.collect_schema()),
        **{name: pl.col(name) for name in off},
        **{name: product if name == "product_id" else pl.col(name) for name in CARRIED if name in carry},
    }
    return lf.select(
        *(pl.when(kept).then(value).alias(name) for name, value in of_kept.items()),
        "class",
        "ordered_at",
        "amount",
        placed(pl.col("file"), pl.col("record")).alias("place"),
    )


def renumbered(file: pl.Expr, numbers: Mapping[int, int]) -> pl.Expr:
    """Return other numbers of files, which are all given."""
    return looked_up(file, numbers, pl.UInt32, strict=True)


def placed(file: pl.Expr, record: pl.Expr) -> pl.Expr:
    """Return the ``place`` of a record of a file, see :data:`FILE` and :data:`RECORD`."""
    return file.cast(pl.UInt64) * pl.lit(2**_RECORD_BITS, dtype=pl.UInt64) + record


def write(
    lf: pl.LazyFrame, folder: str, *, by: str = "h", first_bit: int = 0, bits: int
) -> list[PartitionFile]:
    """Sink keyed lines into Parquet files by bucket, streaming.

    Parameters
    ----------
    lf : polars.LazyFrame
        As :func:`keyed` returns it.
    folder : str
        Path or URL of a new folder.
    by : {"h", "order", "line", "product"}
        The hash whose bits are the bucket; without a product it is bucket 0.
    first_bit, bits : int
        The bits, from the top.

    Returns
    -------
    list of PartitionFile
        By bucket.

    Raises
    ------
    polars.exceptions.PolarsError
        If a source file turns out to be broken.
    """
    n_buckets = pl.lit(2**bits, dtype=pl.UInt64)
    number = pl.lit(0, dtype=pl.UInt64)
    if bits:
        number = (pl.col(by) // pl.lit(2 ** (64 - first_bit - bits), dtype=pl.UInt64)) % n_buckets
    bucket = pl.when(pl.col("h").is_null()).then(n_buckets).otherwise(number.fill_null(0)).cast(pl.UInt16)
    files: list[PartitionFile] = []

    def take(written: pl.io.partition.SinkedPathsCallbackArgs) -> None:
        for one in written.paths:
            match = re.search(r"bucket=(\d+)/[^/]*$", one.path)
            if match is None:
                raise ValueError(f"{one.path}: names no bucket")
            of = int(match.group(1))
            files.append(
                PartitionFile(bucket=None if of == 2**bits else of, path=one.path, rows=one.num_rows)
            )

    lf.sink_parquet(
        pl.PartitionBy(folder, key={"bucket": bucket}, include_key=False, max_rows_per_file=_ROWS_A_FILE),
        mkdir=True,
        maintain_order=False,
        compression="lz4",
        statistics=False,
        row_group_size=_ROWS_A_GROUP,
        sinked_paths_callback=take,
    )
    return sorted(files, key=lambda file: (file.bucket is None, file.bucket or 0, file.path))
