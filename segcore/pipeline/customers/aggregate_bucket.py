"""One task of stage ``customers``: from the lines of a bucket to what is known of its customers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce

import polars as pl

from segcore import errors, expressions
from segcore.job import Job
from segcore.lines import cleaning, features, returns
from segcore.lines.look_back import Cut, Cuts, newcomers, repeated, with_outcome
from segcore.pipeline.customers import rejects
from segcore.pipeline.lines.shuffle_lines import Bucket


@dataclass(frozen=True, kw_only=True)
class Task:
    """The lines of a bucket, to be aggregated.

    Attributes
    ----------
    bucket : Bucket
    folder : str
        What its files are relative to.
    settings : Job
    own : mapping of str to str
        Features of the job's own that can be computed.
    as_of : int
        Seconds since 1970.
    guest_lines : int
        Customers with more lines than that may be guest accounts.
    early_below : int
        The hash up to which more is kept of customers: what they bought, and how they were at an earlier cut.
    cuts : Cuts
        Where the customers are looked at as they were then, and at what they have bought since.
    """

    bucket: Bucket
    folder: str
    settings: Job
    own: Mapping[str, str]
    as_of: int
    guest_lines: int
    early_below: int
    cuts: Cuts

    @property
    def is_early(self) -> pl.Expr:
        """Whether a customer is one of the first, of whom more is kept."""
        return pl.col("h") <= pl.lit(self.early_below, dtype=pl.UInt64)


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a bucket holds; all of it is small beside its lines.

    Attributes
    ----------
    customers : polars.DataFrame
        Their features in hash order.
    months : polars.DataFrame
        What they bought in each month; ``row`` is the customer's.
    products : polars.DataFrame
        What the first customers in hash order bought.
    product_customers : int
        How many customers those are.
    counts : polars.DataFrame
        Lines and money by file and class.
    duplicates : polars.DataFrame
        Second and later copies of a line, as many as the job wants to see.
    guests : polars.DataFrame
        Customers that may be guest accounts, and their lines.
    taken_back : polars.DataFrame or None
        What returns took back, where they do.
    then : polars.DataFrame or None
        Features at the cut of the customers known then, what they have bought since, and ``half``, 0 or 1 by hash.
    earlier : polars.DataFrame or None
        The same of the first customers at the earlier cut.
    newcomers : polars.DataFrame or None
        What others have bought since the cut, one row.
    seasons : tuple of polars.DataFrame
        How many customers came again, one row each.
    """

    customers: pl.DataFrame
    months: pl.DataFrame
    products: pl.DataFrame
    product_customers: int
    counts: pl.DataFrame
    duplicates: pl.DataFrame
    guests: pl.DataFrame
    taken_back: pl.DataFrame | None
    then: pl.DataFrame | None
    earlier: pl.DataFrame | None
    newcomers: pl.DataFrame | None
    seasons: tuple[pl.DataFrame, ...]


def aggregate(task: Task) -> Done:
    """Aggregate the lines of a bucket, slice by slice: what was condensed of the earlier ones, and one more, are in memory."""
    slices = (_slice([f"{task.folder}/{path}" for path in paths], task) for paths in task.bucket.slices)
    found = reduce(_together, slices)
    now = found.now
    bought = now.orders if now.gross is None else now.gross
    _check_sums(bought, task.settings.cleaning.money_decimals)
    taken_back = None
    if now.gross is not None and found.taken_back is not None:
        taken_back = found.taken_back.hstack(returns.emptied(now.gross.lazy(), now.orders.lazy()).collect())
    customers = _described(now, task, as_of=task.as_of)
    months, guests = pl.collect_all(
        [
            features.by_month(now.orders.lazy()),
            features.heavy_customers(now.orders.lazy(), more_than=task.guest_lines),
        ]
    )
    rows = customers.select("customer_id").with_row_index("row")
    early = task.is_early
    return Done(
        customers=customers,
        months=months.join(rows, on="customer_id").drop("customer_id"),
        products=now.products.filter(early).select("customer_id", "product"),
        product_customers=customers.filter(early).height,
        counts=found.counts,
        duplicates=found.duplicates,
        guests=guests,
        taken_back=taken_back,
        then=_then(found, bought, task),
        earlier=_at(task.cuts.earlier, found.earlier, bought, task),
        newcomers=None if task.cuts.last is None else newcomers(bought.lazy(), task.cuts.last).collect(),
        seasons=tuple(repeated(bought.lazy(), cut).collect() for cut in task.cuts.seasons),
    )


def _then(found: _Part, bought: pl.DataFrame, task: Task) -> pl.DataFrame | None:
    known, cut = found.then, task.cuts.last
    if known is not None and cut is not None and found.now.gross is None:
        known = replace(known, orders=cut.history(found.now.orders.lazy()).collect())
    return _at(cut, known, bought, task)


def _at(cut: Cut | None, known: _History | None, bought: pl.DataFrame, task: Task) -> pl.DataFrame | None:
    """Return the customers as they were at a cut, with what they have bought since."""
    if cut is None or known is None:
        return None
    half = (pl.col("h") % 2).cast(pl.Int8).alias("half")
    described = _described(known, task, as_of=cut.at)
    return with_outcome(described.lazy(), bought.lazy(), cut).with_columns(half).collect()


@dataclass(frozen=True, kw_only=True)
class _History:
    """Lines of some customers, condensed: orders after returns took purchases back where they do, and before."""

    orders: pl.DataFrame
    products: pl.DataFrame
    gross: pl.DataFrame | None
    purchases: pl.DataFrame | None


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A slice of a bucket's lines, condensed."""

    now: _History
    then: _History | None
    earlier: _History | None
    counts: pl.DataFrame
    duplicates: pl.DataFrame
    taken_back: pl.DataFrame | None


def _slice(paths: list[str], task: Task) -> _Part:
    job = task.settings
    everything = pl.read_parquet(paths, hive_partitioning=False)
    copies = everything["place"].clear()
    if job.cleaning.duplicates == "drop":
        copies = features.later_copies(everything.lazy()).collect()["place"]
    is_copy = pl.col("place").is_in(copies.implode())
    duplicate = pl.lit(cleaning.DUPLICATE, dtype=cleaning.class_type(job.cleaning))
    duplicates = everything.filter(is_copy).with_columns(duplicate.alias("class"))
    lines = everything.filter(~is_copy)
    del everything
    counts = pl.concat([features.ledger(part.lazy()).collect() for part in (lines, duplicates)])
    now, taken_back = _history(lines, task)
    return _Part(
        now=now,
        then=None if task.cuts.last is None else _history_before(lines, now, task, task.cuts.last),
        earlier=None if task.cuts.earlier is None else _first_before(lines, task, task.cuts.earlier),
        counts=counts,
        duplicates=rejects.of_duplicates(duplicates.lazy(), job.cleaning.rejects).collect(),
        taken_back=taken_back,
    )


def _history(lines: pl.DataFrame, task: Task) -> tuple[_History, pl.DataFrame | None]:
    """Condense lines, and count what returns took back, where they do."""
    gross = taken_back = None
    if task.settings.features.returns == "net":
        matched = returns.match(lines.lazy()).collect()
        gross = features.condense(lines.lazy()).collect()
        taken_back = returns.account(matched.lazy()).collect()
        lines = returns.remaining(matched.lazy()).collect()
    orders, products = pl.collect_all(
        [features.condense(lines.lazy()), features.bought_products(lines.lazy())]
    )
    if task.bucket.whole_orders and gross is None:
        orders = features.fold(orders.lazy(), bounds=task.cuts.bounds).collect()
    history = _History(
        orders=orders, products=products, gross=gross, purchases=_own_purchases(lines.lazy(), task)
    )
    return history, taken_back


def _history_before(lines: pl.DataFrame, now: _History, task: Task, cut: Cut) -> _History:
    """Condense what was known at a cut; a return takes back nothing before it happens."""
    known = cut.history(lines.lazy())
    if now.gross is not None:
        return _history(known.collect(), task)[0]
    # The orders are those of now, once all slices are together.
    products = features.bought_products(known).collect()
    return _History(
        orders=now.orders.clear(), products=products, gross=None, purchases=_own_purchases(known, task)
    )


def _first_before(lines: pl.DataFrame, task: Task, cut: Cut) -> _History | None:
    """Condense what was known of the first customers at a cut, where there are any."""
    known = cut.history(lines.lazy()).filter(task.is_early).collect()
    return _history(known, task)[0] if known.height else None


def _own_purchases(lines: pl.LazyFrame, task: Task) -> pl.DataFrame | None:
    return features.purchases(lines, expressions.all_columns(task.own)).collect() if task.own else None


def _together(one: _Part, other: _Part) -> _Part:
    """Add up what two slices of the same customers' lines were condensed to."""
    then = one.then and other.then and _merged(one.then, other.then)
    return _Part(
        now=_merged(one.now, other.now),
        then=then,
        earlier=_merged(one.earlier, other.earlier)
        if one.earlier and other.earlier
        else one.earlier or other.earlier,
        counts=pl.concat([one.counts, other.counts]),
        duplicates=pl.concat([one.duplicates, other.duplicates]),
        taken_back=_joined(one.taken_back, other.taken_back, lambda both: pl.concat(both).sum()),
    )


def _merged(one: _History, other: _History) -> _History:
    return _History(
        orders=features.merge([one.orders.lazy(), other.orders.lazy()]).collect(),
        products=pl.concat([one.products, other.products]).unique(),
        gross=_joined(
            one.gross, other.gross, lambda both: features.merge([df.lazy() for df in both]).collect()
        ),
        purchases=_joined(one.purchases, other.purchases, pl.concat),
    )


def _joined(
    one: pl.DataFrame | None,
    other: pl.DataFrame | None,
    join: Callable[[list[pl.DataFrame]], pl.DataFrame],
) -> pl.DataFrame | None:
    return None if one is None or other is None else join([one, other])


def _check_sums(orders: pl.DataFrame, money_decimals: int) -> None:
    """Refuse customers of whom more was bought than is counted exactly; most often a column is not what it seems."""
    total = orders.select(pl.col("amount", "quantity").abs().sum()).row(0)
    if max(total) <= features.LARGEST:
        return
    beyond = features.beyond_count(orders.lazy()).collect()["customer_id"]
    if len(beyond):
        raise errors.DataError(
            f"purchases or returns of {errors.listing(beyond, most=3)} add up to more than "
            f"{features.LARGEST / 10**money_decimals:,.0f} of money or {features.LARGEST:,} items, which cannot be counted "
            "exactly: check quantity and price, or leave them out with cleaning.exclude_customers"
        )


def _described(history: _History, task: Task, *, as_of: int) -> pl.DataFrame:
    """Return the features of every customer with a purchase, in hash order."""
    customers = features.customer_features(
        history.orders.lazy(),
        history.products.lazy(),
        as_of=as_of,
        money_decimals=task.settings.cleaning.money_decimals,
        gross=None if history.gross is None else history.gross.lazy(),
    ).collect()
    if history.purchases is None:
        return customers
    own = _own_features(history.purchases, task.own, task.settings)
    return customers.join(own, on="customer_id", how="left", maintain_order="left")


def _own_features(lines: pl.DataFrame, own: Mapping[str, str], job: Job) -> pl.DataFrame:
    columns, decimals = expressions.all_columns(own), job.cleaning.money_decimals
    seen = features.own_lines(lines.lazy(), columns, money_decimals=decimals)
    return expressions.evaluate(seen.collect(), own)
