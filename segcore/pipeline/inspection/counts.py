"""What is counted in the lines of an input that is only looked at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from segcore import ingest
from segcore.ingest import UNDECODABLE
from segcore.job import Job
from segcore.lines import cleaning, discounts, ledger, order_lines, shuffle, suspects
from segcore.lines.ledger import KEPT
from segcore.matrix import one_time
from segcore.pipeline.lines.prepared_input import PreparedInput

_SHOWN_REJECTS = 3
_LONGEST_VALUE = 40
_FEW = 0.1  # of lines
_HASHES = 20_000_000  # of lines, that are told apart at once


def estimate_customers(seen: dict[int, int], n_files: int) -> int:
    """Estimate from how many customers are in one and in two files how many are in none that was looked at.

    References
    ----------
    Chao, A. (1987). Estimating the population size for capture-recapture data with unequal catchability.
    Biometrics 43, 783-791.
    """
    once, twice = seen.get(1, 0), seen.get(2, 0)
    unseen = once * (once - 1) / (2 * (twice + 1)) * (n_files - 1) / n_files
    return sum(seen.values()) + round(unseen)


def first_and_last_order(settings: Job) -> dict[str, pl.Expr]:
    """Return the least and the largest order of a customer's purchases, as hashes: the same where there is one order."""
    order = shuffle.order_hash(0, settings.cleaning.order_key).filter(pl.col("class") == cleaning.PURCHASE)
    return {"least_order": order.min(), "largest_order": order.max()}


def buyers() -> dict[str, pl.Expr]:
    """Return how many customers have bought, and how many of them in one order."""
    once = pl.col("least_order") == pl.col("largest_order")
    return {"buyers": once.count(), "once": once.sum()}


def one_time_buyers(customers: pl.DataFrame, settings: Job) -> float | None:
    """Return the share of the customers who bought that have one order, where a segment by rule fits them."""
    bought, once = (int(customers[name].sum()) for name in ("buyers", "once"))
    return once / bought if one_time.fits_separate(bought, once, settings.models) else None


def first_rejects(lf: pl.LazyFrame, classes: pl.DataFrame, source: PreparedInput) -> pl.DataFrame:
    """Return the first lines of each reason: ``class, file, record, value``."""
    starts = ingest.first_records(source.file_groups)
    frames = [
        lf.filter(pl.col("class") == name)
        .select("class", "file", "record", _telling(name).str.slice(0, _LONGEST_VALUE).alias("value"))
        .bottom_k(_SHOWN_REJECTS, by=["file", "record"])
        .sort("file", "record")
        .collect(engine="streaming")
        for name in classes["class"].sort()
        if name not in KEPT
    ]
    empty = {"class": pl.String, "file": pl.UInt32, "record": pl.UInt64, "value": pl.String}
    paths = {file.number: file.source.name for file in source.files}
    return pl.concat([pl.DataFrame(schema=empty), *frames]).with_columns(
        record=pl.col("record") - pl.col("file").replace_strict(starts, return_dtype=pl.UInt64) + 1,
        file=pl.col("file").replace_strict(paths, return_dtype=pl.String),
    )


def _telling(name: str) -> pl.Expr:
    """Return the text that tells most about a reject."""
    of_class = {
        "malformed_line": "text",
        "adjustment": "text_order_id",
        "not_a_product": "text_product_id",
        "no_discount": "text_product_id",
        "non_positive_price": "text_unit_price",
        "non_positive_quantity": "text_quantity",
        "undecodable_text": "text_description",
        "zero_amount": "text_line_amount",
        "unreadable_amount": "text_quantity",
        "unreadable_discount": "text_unit_price",
    }
    column = of_class.get(name) or "text_" + name.removeprefix("unreadable_")
    if not name.startswith("unreadable_") and name not in of_class:
        column = "text_customer_id"
    return pl.col(column).str.replace_all(UNDECODABLE, "", literal=True)


@dataclass(frozen=True, kw_only=True)
class Missing:
    """In how many lines a column is empty, and in how many a word stands for a missing value, such as `example`."""

    empty: int
    words: int
    example: str | None


def missing_values(
    lf: pl.LazyFrame, columns: Collection[str], null_texts: Sequence[str]
) -> dict[str, Missing]:
    """Count the missing values of some columns in lines whose values are read, malformed ones aside."""
    texts = {name: pl.col(f"bare_{name}").cast(pl.String) for name in columns}
    word = {name: text.is_in(null_texts) & (text != "") for name, text in texts.items()}
    counted = lf.filter(~pl.col("malformed")).select(
        *((text.is_null() | (text == "")).sum().alias(f"empty {name}") for name, text in texts.items()),
        *(word[name].sum().alias(f"words {name}") for name in columns),
        *(texts[name].filter(word[name]).min().alias(f"example {name}") for name in columns),
    )
    row = counted.collect(engine="streaming").row(0, named=True)
    return {
        name: Missing(empty=row[f"empty {name}"], words=row[f"words {name}"], example=row[f"example {name}"])
        for name in columns
    }


def warnings(
    customers: pl.LazyFrame, classes: pl.DataFrame, n_lines: int, n_customers: int, settings: Job
) -> list[str]:
    """Return what the run would warn of once it knows the customers.

    Parameters
    ----------
    customers : polars.LazyFrame
        ``customer_id, lines``, each once.
    classes : polars.DataFrame
        ``class, lines, money``.
    n_lines, n_customers : int
    settings : segcore.job.Job
    """
    heavy = customers.filter(pl.col("lines") > n_lines * suspects.NAMED_GUEST_SHARE)
    shown = heavy.select("customer_id", "lines").sort("lines", "customer_id", descending=[True, False])
    by_class = {
        name: (rows, money) for name, rows, money in classes.select("class", "lines", "money").iter_rows()
    }
    suspects.check_digits(customers.filter(suspects.LOST_DIGITS).head(1).collect(engine="streaming"))
    forms = (
        [] if settings.cleaning.customer_case == "lower" else suspects.in_two_forms(customers, n_customers)
    )
    return [
        *suspects.guests(shown.collect(engine="streaming"), n_lines, n_customers),
        *forms,
        *ledger.remarks(by_class, settings.cleaning),
    ]


def odd_orders(lf: pl.LazyFrame, source: PreparedInput, settings: Job) -> list[str]:
    """Return what the run would warn of once it knows the orders.

    Raises
    ------
    segcore.errors.DataError
        If lines of one order say different discounts.
    """
    rules = settings.cleaning
    order = shuffle.order_hash(settings.seed, rules.order_key)
    lines = lf.filter(pl.col("class").is_in(KEPT)).with_columns(order=order)
    texts = []
    if rules.order_discounts:
        of_orders = lf.filter(pl.col("class").is_in([*KEPT, *cleaning.OF_ORDER]))
        placed = of_orders.with_columns(order=order, place=pl.col("record"))
        off = discounts.orders(placed, money_decimals=rules.amount_decimals).filter(pl.col("values") > 1)
        discounts.check(off.collect(engine="streaming"), rules)
    if source.by_amount and not rules.discount_lines:
        texts += discounts.returns_in_orders(discounts.mixed_orders(lines).collect(engine="streaming").height)
    if rules.order_key == "order":
        some = suspects.some_orders(lines, suspects.drawn_below(source.n_lines)).collect(engine="streaming")
        texts += suspects.restarting(some)
    return texts


def fillable(source: PreparedInput, classes: pl.DataFrame, settings: Job) -> bool:
    """Whether many lines lack what the first line of their order says."""
    lacking = classes.filter(pl.col("class").is_in(["missing_customer", "unreadable_ordered_at"]))[
        "lines"
    ].sum()
    if settings.input.fill_from or lacking < _FEW * source.n_lines:
        return False
    filled = 0
    for group in source.file_groups:
        lf = ingest.scan(group)
        blanks = order_lines.count_blanks(lf, group).collect(engine="streaming")
        filling = order_lines.decide(blanks)
        if filling.by_position:
            filled += int(blanks["continuing"].sum())
        elif filling.columns:
            filled += order_lines.count_named(lf, group).collect(engine="streaming").item()
    return filled > _FEW * source.n_lines


def duplicates(lf: pl.LazyFrame, n_lines: int, settings: Job) -> int:
    """Count the lines that count and would be left out, since they are equal to another one in every column.

    Of many lines those whose hash begins with zeros are counted, copies with their originals: the number is then an
    estimate.
    """
    bits = max(0, (n_lines // _HASHES).bit_length())
    line = shuffle.line_hash(settings.seed, rest="rest" in lf.collect_schema()).alias("line")
    lines = lf.filter(pl.col("class").is_in(KEPT)).select(line, "file")
    some = lines.filter(pl.col("line") < pl.lit(2 ** (64 - bits), dtype=pl.UInt64)) if bits else lines
    if settings.cleaning.duplicates == "across-files":
        of_files = some.group_by("line", "file").agg(pl.len()).group_by("line").agg(pl.col("len").max())
        staying = of_files.select(pl.col("len").sum())
    else:
        staying = some.select(pl.col("line").n_unique())
    total, left = (one.collect(engine="streaming").item() for one in (some.select(pl.len()), staying))
    return (int(total) - int(left)) << bits
