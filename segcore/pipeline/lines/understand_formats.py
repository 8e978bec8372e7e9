"""How each group of files writes its dates and numbers, and what its amounts are, as far as its lines tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import polars as pl

from segcore import engine, ingest
from segcore.ingest import FileGroup, Formats, Prepared, amounts, currencies, formats, value_patterns
from segcore.ingest.value_patterns import by_frequency
from segcore.job import Job
from segcore.pipeline.lines.collecting import collect, task_groups
from segcore.pipeline.lines.prepared_input import PreparedInput

_SAMPLE_FILES, _SAMPLE_LINES = 16, 500
Head = Callable[[FileGroup, Prepared], pl.LazyFrame]


def understand(
    source: PreparedInput,
    settings: Job,
    *,
    every: bool,
    count: Callable[[FileGroup, int], pl.DataFrame] | None = None,
    head: Head | None = None,
) -> list[Formats]:
    """Decide how each group of files writes its dates and numbers.

    Parameters
    ----------
    source : PreparedInput
    settings : segcore.job.Job
    every : bool
        Look at every line. Without it, some lines of some files do where nothing in them can be read in two ways.
    count : callable, optional
        Counts the patterns in all lines of a group, with the last year that a date can have; without it they are read.
    head : callable, optional
        Gives the first lines of a file, by its group; without it they are read.

    Raises
    ------
    segcore.errors.DataError
        If dates or numbers could be read in two ways and it matters.
    """
    decided = []
    currency_lines: Counter[str] = Counter()
    last_year = settings.input.latest_year
    for group in source.file_groups:
        lines = _sample(group, head or first_lines)
        sample = value_patterns.count(lines, group, last_year=last_year)
        seen = None if every else collect(sample)
        if seen is None or not formats.is_settled(seen, settings.input):
            seen = value_patterns.add_up([(count or _patterns_of_all)(group, last_year)])
        how = formats.decide(seen, group, settings.input)
        _check_price(lines, group, how, settings)
        decided.append(replace(how, amount_given=_amount_given(lines, group, how, settings)))
        if not currencies.decides(settings.input):
            currency_lines += currencies.of_patterns(by_frequency(seen))
            currency_lines += _named_currencies(group)
            currencies.check(currency_lines, group.name)
    return decided


def _check_price(some: pl.LazyFrame, group: FileGroup, how: Formats, settings: Job) -> None:
    """Refuse a price that nobody named and that looks like the amount of its line."""
    if "unit_price" in settings.columns or not {"quantity", "unit_price"} <= {*group.columns}:
        return
    if "line_amount" in group.columns:
        return
    sample = ingest.read_values(some, group, how, settings, latest=settings.input.latest_second)
    lines = collect(sample.select("quantity", "unit_price"))
    if amounts.holds_quantity(lines, one=10**settings.cleaning.quantity_decimals):
        amounts.refuse_multiple(group.columns["unit_price"], group.name)


def _amount_given(some: pl.LazyFrame, group: FileGroup, how: Formats, settings: Job) -> bool:
    """Decide whether an amount beside quantity and price is the money of a line, and refuse an order's total."""
    wanted = ["line_amount", "order_id"]
    if "line_amount" not in group.columns or "line_amount" in settings.columns:
        return False
    if "order_id" in group.columns:
        sample = ingest.read_values(some, group, how, settings, latest=settings.input.latest_second)
        lines = collect(sample.select(*wanted, "product_amount"))
        if amounts.repeats_orders(lines, with_product=group.amount_beside_product):
            if group.by_amount:
                amounts.refuse_order_total(group.columns["line_amount"], group.name)
            return False
    if group.by_amount or group.discounts:  # an amount may have them off already
        return False
    tasks = [(part, how, settings) for part in task_groups(group)]
    return amounts.added(list(engine.run_tasks(_compare_amounts, tasks, label="amounts"))).is_money


def _compare_amounts(task: tuple[FileGroup, Formats, Job]) -> pl.DataFrame:
    group, how, settings = task
    values = ingest.read_values(ingest.scan(group), group, how, settings, latest=settings.input.latest_second)
    return collect(amounts.compare(values))


def _named_currencies(group: FileGroup) -> Counter[str]:
    if not group.currency:
        return Counter()
    counted = pl.concat(engine.run_tasks(_currencies, [*task_groups(group)], label="currencies"))
    known = counted.drop_nulls().group_by("currency").agg(pl.col("lines").sum())
    return Counter(dict(known.iter_rows()))


def _currencies(group: FileGroup) -> pl.DataFrame:
    return collect(currencies.count(ingest.scan(group).filter(~pl.col("malformed")), group))


def _patterns_of_all(group: FileGroup, last_year: int) -> pl.DataFrame:
    tasks = [(part, last_year) for part in task_groups(group)]
    return pl.concat(engine.run_tasks(_patterns, tasks, label="patterns"))


def patterns_by_file(group: FileGroup, last_year: int) -> pl.LazyFrame:
    """Count the patterns in the lines of a group, by ``file``."""
    return value_patterns.count(ingest.scan(group), group, last_year=last_year, by=["file"])


def _patterns(task: tuple[FileGroup, int]) -> pl.DataFrame:
    group, last_year = task
    return collect(value_patterns.count(ingest.scan(group), group, last_year=last_year))


def _sample(group: FileGroup, head: Head) -> pl.LazyFrame:
    step = -(-len(group.files) // _SAMPLE_FILES)
    some = [*group.files[::step], group.files[-1]]
    return pl.concat(head(group, file) for file in dict.fromkeys(some))


def first_lines(group: FileGroup, file: Prepared) -> pl.LazyFrame:
    """Return some lines of a file."""
    return ingest.scan(replace(group, files=(file,))).head(_SAMPLE_LINES)
