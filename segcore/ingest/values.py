"""Every canonical column given its type, exactly; what cannot be read is null and named.

Lazy frames in, lazy frames out: nothing here collects, so errors surface where the result is collected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from segcore import job, schema
from segcore.expressions import carried
from segcore.ingest import currencies, timestamps, words
from segcore.ingest.customer_ids import customer, is_named
from segcore.ingest.date_formats import EPOCHS, EXCEL, NAMED, kind_of
from segcore.ingest.file_group import FileGroup
from segcore.ingest.formats import Formats
from segcore.ingest.missing import given
from segcore.ingest.number_formats import Numbers

# Columns whose value must be readable, in the order in which the ledger names the first that is not.
UNREADABLE = ("customer_id", "quantity", "ordered_at", "unit_price", "discount", "amount")

# A price is read with this many decimals more than it may have, so that a finer one is seen.
_GUARD_DECIMALS = 6
_SINGLES = (pl.Float16, pl.Float32)
_LARGEST_MINOR = 2**63 - 1
_MINUS = r"\-−"  # of a character class
# What may stand before and behind the digits of a number.
_BEFORE = rf"(?:[+{_MINUS}(]|\p{{Sc}}|[A-Z]{{3}}|\s)*"
_BEHIND = rf"(?:[{_MINUS})]|\p{{Sc}}|[A-Z]{{3}}|\s)*"
LIKE_A_NUMBER = rf"^{_BEFORE}(?:\d[\d.,\s'’]*|[.,]\d+)(?:[eE][+-]?\d+)?{_BEHIND}$"


def read_values(
    lf: pl.LazyFrame, group: FileGroup, formats: Formats, settings: job.Job, *, latest: int
) -> pl.LazyFrame:
    """Give every canonical column its type.

    Parameters
    ----------
    lf : polars.LazyFrame
        As :func:`segcore.ingest.scan` returns it.
    group : FileGroup
    formats : Formats
    settings : segcore.job.Job
    latest : int
        Seconds since 1970; a date later than this, or before ``input.earliest``, cannot be read.

    Returns
    -------
    polars.LazyFrame
        Texts trimmed, those that are not given null; ``product``, the product's code in upper case; ``quantity`` Int64 in ``10 ** -cleaning.quantity_decimals``; ``unit_price`` Int64 in
        ``10 ** -cleaning.price_decimals``, ``line_amount`` and ``amount`` in ``10 ** -cleaning.amount_decimals``; ``ordered_at`` Int64, seconds since 1970; the text that came in as ``text_*``;
        ``product_amount``, quantity times price; ``amount_given``, whether ``amount`` is ``line_amount``; ``foreign``, whether it is in another currency than those that count; columns that rules of the job's own name as text; what is off, by the keys of the job that name columns of it, Int64 and never negative, 0 where nothing is given; ``unreadable``, the place in :data:`UNREADABLE` of the first column whose value could not be read, else null. A malformed line has
        no values: nobody knows which field is which.
    """
    dtypes, nulls = lf.collect_schema(), settings.input.null_texts
    out = with_bare(with_texts(lf), dtypes, schema.LINE_NAMES)
    if dtypes["quantity"] == pl.String and not formats.numbers["quantity"].plain:
        out = out.with_columns(words.as_digits(pl.col("bare_quantity")).alias("bare_quantity"))
    own = {carried(name): dtype for name, dtype in group.carried.items()}
    out = out.with_columns(
        given(as_text(name, dtype).str.strip_chars(), nulls) for name, dtype in own.items()
    )
    foreign = pl.lit(False)
    if currencies.decides(settings.input):
        out = out.with_columns(currency=currencies.of_line(group))
        foreign = ~pl.col("currency").is_in([*currencies.rates(settings.input)]).fill_null(False)
    scales = {
        "unit_price": settings.cleaning.price_decimals,
        "line_amount": settings.cleaning.amount_decimals,
    }
    money = {
        name: currencies.converted(
            _minor_units(name, dtypes[name], formats.numbers[name], decimals), settings.input
        )
        for name, decimals in scales.items()
    }
    off = {key: carried(column) for key, column in group.discounts.items()}
    out = out.with_columns(pl.col(name).alias(f"bare_{name}") for name in off.values())
    typed = {
        **{name: trimmed(name, nulls) for name in ("order_id", "product_id", "description", "country")},
        "product": trimmed("product_id", nulls).str.to_uppercase(),
        "customer_id": customer(dtypes["customer_id"], settings),
        "quantity": _quantity(
            dtypes["quantity"], formats.numbers["quantity"], settings.cleaning.quantity_decimals
        ),
        "ordered_at": _seconds(dtypes["ordered_at"], formats, settings.input, latest),
        **money,
        **{key: _money_off(name, formats.numbers[name], settings) for key, name in off.items()},
    }
    # Step by step: Polars computes once what repeats in a step, but not inside a choice within a choice.
    out = out.with_columns(
        is_named(dtypes["customer_id"], settings).alias("named"), foreign.alias("foreign"), **typed
    )
    if not group.regular:
        out = out.with_columns(pl.when(~pl.col("malformed")).then(pl.col(name)).alias(name) for name in typed)
    # A return that is written with two minus signs.
    both_negative = (pl.col("quantity") < 0) & (pl.col("unit_price") < 0)
    out = out.with_columns(
        unit_price=pl.when(both_negative).then(-pl.col("unit_price")).otherwise("unit_price")
    )
    exact = pl.col("quantity").cast(pl.Int128) * pl.col("unit_price").cast(pl.Int128)
    product = pl.when(exact.abs() <= _LARGEST_MINOR).then(exact).cast(pl.Int64)
    given_amount = group.by_amount or formats.amount_given
    amount = pl.col("line_amount") if given_amount else product
    if formats.amount_given:  # which may be without the sign of the quantity
        amount = pl.when(pl.col("quantity") < 0).then(-amount.abs()).otherwise(amount)
    if "line_discount" in off:
        amount = amount.sign() * (amount.abs() - pl.col("line_discount"))
    return out.with_columns(
        amount=amount, product_amount=product, amount_given=pl.lit(given_amount)
    ).with_columns(unreadable=_unreadable(group))


def with_texts(lf: pl.LazyFrame) -> pl.LazyFrame:
    """Add every canonical column as text, ``text_*``, as it came in where text came in."""
    dtypes = lf.collect_schema()
    return lf.with_columns([as_text(name, dtypes[name]).alias(f"text_{name}") for name in schema.LINE_NAMES])


def with_bare(lf: pl.LazyFrame, dtypes: Mapping[str, pl.DataType], names: Sequence[str]) -> pl.LazyFrame:
    """Add columns as text without blanks around, ``bare_*``, of those that are there as ``text_*``."""
    text = {name: pl.col(f"text_{name}") for name in names}
    return lf.with_columns(
        (text[name].str.strip_chars() if dtypes[name] == pl.String else text[name]).alias(f"bare_{name}")
        for name in names
    )


def as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column as the text that it is written as."""
    if dtype == pl.String:
        return pl.col(name)
    if dtype.is_temporal():
        return timestamps.as_text(name, dtype)
    return _as_value(name, dtype).cast(pl.String)


def _as_value(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).fill_nan(None) if dtype.is_float() else pl.col(name)


def trimmed(name: str, null_texts: Sequence[str]) -> pl.Expr:
    """Return the column ``bare_name``, null where nothing is given."""
    return given(pl.col(f"bare_{name}"), null_texts)


def number(name: str, dtype: pl.DataType, numbers: Numbers) -> pl.Expr:
    """Read a number as Float64, null where it is none or not finite; a text of the column ``bare_name``."""
    value = (_number_text(name, numbers) if dtype == pl.String else pl.col(name)).cast(
        pl.Float64, strict=False
    )
    return pl.when(value.is_finite()).then(value)


def _quantity(dtype: pl.DataType, numbers: Numbers, decimals: int) -> pl.Expr:
    if decimals:
        return _minor_units("quantity", dtype, numbers, decimals)
    if dtype.is_integer():
        return pl.col("quantity").cast(pl.Int64, strict=False)
    if dtype.is_float():
        whole = pl.col("quantity") == pl.col("quantity").floor()
        return pl.when(whole).then(pl.col("quantity").cast(pl.Int64, strict=False))
    if dtype != pl.String:
        return _scaled(pl.col("quantity"), 0)
    text = _number_text("quantity", numbers)
    if not numbers.plain:
        return _scaled(text, 0)
    # Nearly all of them at a quarter of the cost; what is left, such as 1e3, is read as any number.
    plain = text.cast(pl.Int64, strict=False)
    return pl.coalesce(plain, _scaled(pl.when(plain.is_null()).then(text), 0))


def _minor_units(name: str, dtype: pl.DataType, numbers: Numbers, decimals: int) -> pl.Expr:
    if dtype == pl.String:
        return _scaled(_number_text(name, numbers), decimals)
    # A single has more digits as a double than anybody gave it: by the shortest text that means it, 0.1 is 0.1.
    return _scaled(pl.col(name).cast(pl.String) if dtype in _SINGLES else pl.col(name), decimals)


def _money_off(name: str, numbers: Numbers, settings: job.Job) -> pl.Expr:
    """Read what is taken off: its size, 0 where nothing is given."""
    minor = _minor_units(name, pl.String(), numbers, settings.cleaning.amount_decimals)
    size = currencies.converted(minor, settings.input).abs()
    return pl.when(pl.col(name).is_null()).then(0).otherwise(size)


def _scaled(value: pl.Expr, decimals: int) -> pl.Expr:
    """Read a number exactly as an integer in ``10 ** -decimals``; null where it is finer or too large."""
    guard = 10**_GUARD_DECIMALS
    fine = value.cast(pl.Decimal(38, decimals + _GUARD_DECIMALS), strict=False).to_physical()
    return pl.when(fine % guard == 0).then(fine // guard).cast(pl.Int64, strict=False)


def _number_text(name: str, numbers: Numbers) -> pl.Expr:
    """Return a number as plain text: without currency and thousands marks, with a decimal point and a minus in front."""
    text = pl.col(f"bare_{name}")
    if numbers.whole and numbers.plain:
        return pl.when(~text.str.contains(".", literal=True)).then(text)
    if numbers.plain:
        return text
    point, thousands = (r",", r"\.") if numbers.decimal == "," else (r"\.", ",")
    mark = rf"[{thousands}\s'’]"
    indian = r"|\d\d?(?:,\d\d)+,\d{3}" if numbers.decimal == "." else ""
    digits = rf"(?:\d{{1,3}}(?:{mark}\d{{3}})+{indian}|\d*)(?:{point}\d*)?(?:[eE][+-]?\d+)?"
    parts = text.str.extract_groups(rf"^({_BEFORE})({digits})({_BEHIND})$")
    before, number, after = (parts.struct.field(place) for place in ("1", "2", "3"))
    plain = number.str.replace_all(mark, "")
    if numbers.decimal == ",":
        plain = plain.str.replace(",", ".", literal=True)
    marks = before.str.count_matches(rf"[{_MINUS}]") + after.str.count_matches(rf"[{_MINUS}]")
    opened, closed = (
        side.str.count_matches(sign, literal=True) for side, sign in ((before, "("), (after, ")"))
    )
    minus = marks + opened
    value = pl.when(minus == 0).then(plain).when(minus == 1).then("-" + plain)
    return pl.when(opened == closed).then(value)


def _seconds(dtype: pl.DataType, formats: Formats, settings: job.Input, latest: int) -> pl.Expr:
    if dtype.is_temporal():
        when = timestamps.wall_clock("ordered_at", dtype, settings.time_zone, settings.source_zone)
    else:
        when = _from_text(formats.dates, settings)
    seconds = when.to_physical() // 1_000_000
    return pl.when(seconds.is_between(settings.earliest_second, latest)).then(seconds)


def _from_text(formats: tuple[str, ...], settings: job.Input) -> pl.Expr:
    """Read a date by the first pattern that fits; the next ones see only what is left, which costs next to nothing."""
    left = whole = pl.col("bare_ordered_at")
    times: list[pl.Expr] = []
    for form in formats:
        # A date in words takes its text apart: of what is left, the expression would be six times as long with each pattern.
        one = _by_pattern(whole if form.startswith(NAMED) else left, form, settings)
        times.append(one)
        left = pl.when(one.is_null()).then(left)
    return pl.coalesce(times) if times else pl.lit(None, dtype=pl.Datetime("us"))


def _by_pattern(text: pl.Expr, form: str, settings: job.Input) -> pl.Expr:
    if form == EXCEL:
        return timestamps.of_excel(text.cast(pl.Decimal(38, timestamps.EXCEL_DECIMALS), strict=False))
    if form in EPOCHS:
        millionths = text.cast(pl.Decimal(38, 6), strict=False).to_physical()
        return timestamps.of_epoch(millionths // EPOCHS[form], settings.time_zone)
    if form.startswith(NAMED):
        form = form.removeprefix(NAMED)
        text = words.with_numbered_month(text, year_digits=4 if "%Y" in form else 2)
    when = text.str.to_datetime(form, time_unit="us", strict=False)
    kind = kind_of(form)
    if kind == "day":
        return when
    if kind == "time":
        return timestamps.shifted(when, settings.source_zone, settings.time_zone)
    return _with_offset(when, text, form, settings.time_zone)


def _with_offset(when: pl.Expr, text: pl.Expr, form: str, time_zone: str) -> pl.Expr:
    """Return times that say how far from UTC they are, as clocks of a zone, or as their own clocks, show them."""
    says_utc = form.endswith(" UTC")
    if time_zone:
        utc = when.dt.replace_time_zone("UTC") if says_utc else when
        return utc.dt.convert_time_zone(time_zone).dt.replace_time_zone(None)
    if says_utc:
        return when
    clock = text.str.replace(r"\s?(?:Z|[+-]\d\d?:?\d\d)$", "").str.to_datetime(
        re.sub(" ?%#z$", "", form), time_unit="us", strict=False
    )
    return pl.when(when.is_not_null()).then(clock)


def _unreadable(group: FileGroup) -> pl.Expr:
    """Return the place of the first column whose value could not be read."""
    by_product = () if group.by_amount else ("quantity", "unit_price")
    missing = {name: pl.col(name).is_null() for name in ("ordered_at", "amount", *by_product)}
    missing["customer_id"] = pl.col("customer_id").is_null() & pl.col(
        "named"
    )  # who is not named is another matter
    if group.discounts:
        missing["discount"] = pl.any_horizontal(pl.col(key).is_null() for key in group.discounts)
    return pl.coalesce(
        pl.when(missing[name]).then(pl.lit(place, dtype=pl.UInt8))
        for place, name in enumerate(UNREADABLE)
        if name in missing
    )
