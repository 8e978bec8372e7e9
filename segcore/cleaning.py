"""Named rules: every line becomes a purchase, a return, or a reject with the first reason that applies.

Lazy frames in, lazy frames out: nothing here collects, so errors surface where the result is collected.
"""

from __future__ import annotations

import polars as pl

from segcore import job, schema

PURCHASE = "purchase"
RETURN = "return"
DUPLICATE = "duplicate"
MISSING_CUSTOMER = "missing_customer"

# A price is read with this many decimals more than it may have, so that a finer one is seen.
_GUARD_DECIMALS = 6
_LARGEST_MINOR = 2**63 - 1
_DAY = 86_400  # seconds

# Columns whose value must be readable, in the order in which the ledger names the first that is not.
UNREADABLE = ("quantity", "ordered_at", "unit_price", "amount")

DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
)


def read_values(lf: pl.LazyFrame, rules: job.Cleaning, *, date_format: str, now: int) -> pl.LazyFrame:
    """Give every canonical column its type.

    Parameters
    ----------
    lf : polars.LazyFrame
        As :func:`segcore.ingest.scan` returns it.
    rules : segcore.job.Cleaning
    date_format : str
        Of a date that came in as text.
    now : int
        Seconds since 1970; a date before 1970 or later than a day after it cannot be read.

    Returns
    -------
    polars.LazyFrame
        Texts trimmed, empty ones null; ``quantity`` Int64; ``unit_price`` and ``amount`` Int64 in
        ``10 ** -money_decimals``; ``ordered_at`` Int64, seconds since 1970; the text that came in as ``text_*``;
        ``unreadable``, the name of the first column whose value could not be read, else null.
    """
    dtypes = lf.collect_schema()
    text = {name: _as_text(name, dtypes[name]) for name in schema.LINE_NAMES}
    out = lf.with_columns([expr.alias(f"text_{name}") for name, expr in text.items()])
    out = out.with_columns(
        [
            _trimmed(f"text_{name}").alias(name)
            for name in ("order_id", "product_id", "description", "country")
        ]
        + [
            _customer(dtypes["customer_id"]).alias("customer_id"),
            _integer(dtypes["quantity"]).alias("quantity"),
            _seconds(dtypes["ordered_at"], date_format, now + _DAY).alias("ordered_at"),
            _minor_units(dtypes["unit_price"], rules.money_decimals).alias("unit_price"),
        ]
    )
    exact = pl.col("quantity").cast(pl.Int128) * pl.col("unit_price").cast(pl.Int128)
    amount = pl.when(exact.abs() <= _LARGEST_MINOR).then(exact).cast(pl.Int64)
    return out.with_columns(amount=amount).with_columns(unreadable=_unreadable())


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.String:
        return pl.col(name)
    if dtype.is_temporal():
        return pl.col(name).dt.to_string("%Y-%m-%d %H:%M:%S")
    return pl.col(name).cast(pl.String)


def _trimmed(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars()
    return pl.when(text != "").then(text)


def _customer(dtype: pl.DataType) -> pl.Expr:
    if dtype.is_integer():
        return pl.col("customer_id").cast(pl.String)
    if dtype.is_float():
        # Whole numbers only, and only where a float still tells neighbours apart.
        value = pl.col("customer_id")
        whole = (value == value.floor()) & (value.abs() < 2**53)
        return pl.when(whole).then(value.cast(pl.Int64, strict=False)).cast(pl.String)
    text = _trimmed("text_customer_id")
    return pl.when(text.str.contains(r"^\d+\.0$")).then(text.str.strip_suffix(".0")).otherwise(text)


def _integer(dtype: pl.DataType) -> pl.Expr:
    if dtype.is_integer():
        return pl.col("quantity").cast(pl.Int64, strict=False)
    if dtype.is_float():
        whole = pl.col("quantity") == pl.col("quantity").floor()
        return pl.when(whole).then(pl.col("quantity").cast(pl.Int64, strict=False))
    return _scaled(pl.col("text_quantity").str.strip_chars(), 0)


def _minor_units(dtype: pl.DataType, decimals: int) -> pl.Expr:
    value = pl.col("text_unit_price").str.strip_chars() if dtype == pl.String else pl.col("unit_price")
    return _scaled(value, decimals)


def _scaled(value: pl.Expr, decimals: int) -> pl.Expr:
    """Read a number exactly as an integer in ``10 ** -decimals``; null where it is finer or too large."""
    guard = 10**_GUARD_DECIMALS
    fine = value.cast(pl.Decimal(38, decimals + _GUARD_DECIMALS), strict=False).to_physical()
    return pl.when(fine % guard == 0).then(fine // guard).cast(pl.Int64, strict=False)


def _seconds(dtype: pl.DataType, date_format: str, latest: int) -> pl.Expr:
    if dtype == pl.String:
        when = (
            pl.col("text_ordered_at")
            .str.strip_chars()
            .str.to_datetime(date_format, time_unit="us", strict=False)
        )
    elif dtype == pl.Date:
        when = pl.col("ordered_at").cast(pl.Datetime("us"))
    elif dtype == pl.Datetime:
        when = pl.col("ordered_at").dt.replace_time_zone(None).dt.cast_time_unit("us")
    else:
        when = pl.lit(None, dtype=pl.Datetime("us"))
    seconds = when.to_physical() // 1_000_000
    return pl.when(seconds.is_between(0, latest)).then(seconds)


def _unreadable() -> pl.Expr:
    """Name the first column whose value could not be read."""
    return _first_that_applies([(name, pl.col(name).is_null()) for name in UNREADABLE])


def _first_that_applies(named: list[tuple[str, pl.Expr]]) -> pl.Expr:
    """Return the name of the first condition that holds, else null."""
    return pl.coalesce([pl.when(condition).then(pl.lit(name)) for name, condition in named])


def rules(cleaning: job.Cleaning) -> list[tuple[str, pl.Expr]]:
    """Return the rejecting rules in order: name and condition on a line with values read.

    The rule on unreadable values carries the column: ``unreadable_quantity`` and so on.
    """
    order, product = pl.col("order_id"), pl.col("product_id").str.to_uppercase()
    customer = pl.col("customer_id")
    unreadable = [(f"unreadable_{name}", pl.col("unreadable") == name) for name in UNREADABLE]
    codes = [code.upper() for code in cleaning.not_products]
    no_product = product.is_in(codes) if codes else pl.lit(False)
    for prefix in cleaning.not_product_prefixes:
        no_product = no_product | product.str.starts_with(prefix.upper())
    return [
        ("malformed_line", pl.col("malformed")),
        (MISSING_CUSTOMER, customer.is_null()),
        (
            "excluded_customer",
            customer.is_in(cleaning.exclude_customers) if cleaning.exclude_customers else pl.lit(False),
        ),
        *unreadable,
        ("adjustment", _has_prefix(order, cleaning.adjustment_prefix)),
        ("not_a_product", no_product),
        ("non_positive_price", pl.col("unit_price") <= 0),
        ("non_positive_quantity", (pl.col("quantity") <= 0) & ~is_return(cleaning)),
    ]


def is_return(cleaning: job.Cleaning) -> pl.Expr:
    """Return the condition that marks a return: an order id's prefix, else a negative quantity."""
    if cleaning.cancellation_prefix:
        return _has_prefix(pl.col("order_id"), cleaning.cancellation_prefix)
    return pl.col("quantity") < 0


def _has_prefix(column: pl.Expr, prefix: str) -> pl.Expr:
    return column.str.starts_with(prefix).fill_null(False) if prefix else pl.lit(False)


def classify(lf: pl.LazyFrame, cleaning: job.Cleaning) -> pl.LazyFrame:
    """Add ``class``: the first rule that applies, else ``return`` or ``purchase``.

    Duplicates are found later, where all lines of a customer are together.
    """
    named = [*rules(cleaning), (RETURN, is_return(cleaning)), (PURCHASE, pl.lit(True))]
    return lf.with_columns(_first_that_applies(named).alias("class"))
