"""Hash order: one streaming pass that brings all lines of a customer into one bucket.

Every customer has ``h = hash(customer_id, seed)``; the top bits of ``h`` are the bucket, so that the buckets in
order, each sorted by ``(h, customer_id)``, give one global order whatever their number. Rejected lines go to a
bucket of their own, with their text. This module alone knows Polars' ``PartitionBy``, which is marked unstable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from segcore import cleaning, schema

ORDER_KEY = ("h", "customer_id")
MAX_BUCKETS = 64  # open buckets cost memory: a pass with 256 takes three times as much as one with 64

_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """Where the lines went.

    Attributes
    ----------
    lines : tuple of tuple of str
        Parquet files of each bucket, in hash order; a bucket without a line has none.
    rejects : tuple of str
        Parquet files of the rejected lines.
    """

    lines: tuple[tuple[str, ...], ...]
    rejects: tuple[str, ...]


# Columns of a line that are in the buckets only where a feature of the job's own names them.
CARRIED = ("order_id", "product_id", "unit_price", "description")


def keyed(lf: pl.LazyFrame, *, seed: int, n_buckets: int, carry: Sequence[str] = ()) -> pl.LazyFrame:
    """Turn classified lines into numbers and say which bucket each goes to.

    Parameters
    ----------
    lf : polars.LazyFrame
        As :func:`segcore.cleaning.classify` returns it.
    seed : int
        Of the hash.
    n_buckets : int
        A power of two; rejected lines get this number, kept ones a smaller one.
    carry : sequence of str
        Columns of :data:`CARRIED` that kept lines keep beside the numbers; product codes in upper case.

    Returns
    -------
    polars.LazyFrame
        ``order`` and ``product`` as 64-bit hashes, ``line`` a hash of all typed columns, ``text_*`` on rejects only.
    """
    kept = pl.col("class").is_in([cleaning.PURCHASE, cleaning.RETURN])
    day = pl.col("ordered_at") // _SECONDS_A_DAY
    order = (
        pl.when(pl.col("order_id").is_null()).then(day.hash(seed)).otherwise(pl.col("order_id").hash(seed))
    )
    product = pl.col("product_id").str.to_uppercase()
    line = pl.sum_horizontal(
        (pl.col(name).hash(seed + 1) * pl.lit(2 * place + 1, dtype=pl.UInt64))
        for place, name in enumerate(schema.LINE_NAMES)
    )
    h = pl.col("customer_id").hash(seed)
    bits = n_buckets.bit_length() - 1
    bucket = pl.lit(0, dtype=pl.UInt64) if bits == 0 else h // pl.lit(2 ** (64 - bits), dtype=pl.UInt64)
    return lf.select(
        pl.when(kept).then("customer_id").alias("customer_id"),
        pl.when(kept).then(h).alias("h"),
        "class",
        pl.when(kept).then(order).alias("order"),
        pl.when(kept & product.is_not_null()).then(product.hash(seed)).alias("product"),
        pl.when(kept).then("country").alias("country"),
        "ordered_at",
        "quantity",
        "amount",
        pl.when(kept).then(line).alias("line"),
        *(
            pl.when(kept).then(product if name == "product_id" else name).alias(name)
            for name in CARRIED
            if name in carry
        ),
        "file",
        "record",
        *(pl.when(~kept).then(f"text_{name}").alias(f"text_{name}") for name in schema.LINE_NAMES),
        pl.when(~kept).then("text").alias("text"),
        pl.when(kept)
        .then(bucket.cast(pl.UInt16))
        .otherwise(pl.lit(n_buckets, dtype=pl.UInt16))
        .alias("bucket"),
    )


def write(lf: pl.LazyFrame, folder: Path, *, n_buckets: int) -> Buckets:
    """Sink keyed lines into Parquet files by bucket, streaming.

    Raises
    ------
    polars.exceptions.PolarsError
        If a source file turns out to be broken.
    """
    target = pl.PartitionBy(str(folder), key="bucket", include_key=False)
    lf.sink_parquet(target, mkdir=True, maintain_order=False, compression="lz4", statistics=False)
    return find(folder, n_buckets=n_buckets)


def find(folder: Path, *, n_buckets: int) -> Buckets:
    """Find the files that :func:`write` left."""
    found = [
        tuple(str(path) for path in sorted(folder.glob(f"bucket={number}/*.parquet")))
        for number in range(n_buckets + 1)
    ]
    return Buckets(lines=tuple(found[:-1]), rejects=found[-1])
