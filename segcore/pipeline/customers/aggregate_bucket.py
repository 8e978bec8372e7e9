"""One task of stage ``customers``: from the lines of a bucket to what is known of its customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from segcore import engine, errors, expressions
from segcore.job import Job
from segcore.lines import discounts, features, rejected, returns, suspects
from segcore.lines.look_back import Cut, came, newcomers, repeated, with_outcome
from segcore.lines.orders import LARGEST, beyond_count, by_month, in_one_hash, n_lines
from segcore.pipeline.customers import condense_bucket, kept_bucket
from segcore.pipeline.customers.condense_bucket import Condensed, History
from segcore.pipeline.customers.kept_bucket import Changed, OfCustomers
from segcore.pipeline.customers.task import KeptPart, Task


@dataclass(frozen=True, kw_only=True)
class Aggregates:
    """What a bucket holds; all of it is small beside its lines.

    Attributes
    ----------
    customers : polars.DataFrame
        Their features in hash order.
    months : polars.DataFrame
        What they bought in each month; ``row`` is the customer's.
    products : polars.DataFrame
        What the first customers in hash order bought, each product once: ``row`` and ``product``.
    product_customers : int
        How many customers those are.
    counts : polars.DataFrame
        Lines and money by file and class.
    rejects : polars.DataFrame
        Second and later copies of a line, lines before the window and other rejects of these customers, as many as the job wants
        to see and nobody else shows.
    guests : polars.DataFrame
        Customers that may be guest accounts, and their lines.
    orders : polars.DataFrame
        Some order ids with their days and customers.
    mixed_orders : int
        Orders with negative amounts among their purchases.
    taken_back : polars.DataFrame or None
        What returns took back, where they do.
    taken_off : polars.DataFrame or None
        What discounts took off orders, where something may.
    then : polars.DataFrame or None
        Features at the cut of the customers known then, what they have bought since, and ``half``, 0 or 1 by hash.
    earlier : polars.DataFrame or None
        The same of the first customers at the earlier cut.
    newcomers : polars.DataFrame or None
        What others have bought since the cut, one row.
    seasons : tuple of polars.DataFrame
        How many customers came again, one row each.
    kept : KeptPart or None
        Where it is kept for the next run.
    """

    customers: pl.DataFrame
    months: pl.DataFrame
    products: pl.DataFrame
    product_customers: int
    counts: pl.DataFrame
    rejects: pl.DataFrame
    guests: pl.DataFrame
    orders: pl.DataFrame
    mixed_orders: int
    taken_back: pl.DataFrame | None
    taken_off: pl.DataFrame | None
    then: pl.DataFrame | None
    earlier: pl.DataFrame | None
    newcomers: pl.DataFrame | None
    seasons: tuple[pl.DataFrame, ...]
    kept: KeptPart | None = None


def aggregate_some(tasks: Sequence[Task]) -> list[Aggregates]:
    """Aggregate neighbouring buckets, as many as one as few enough of their lines are read of."""
    with engine.in_memory():
        return _aggregate_some(tasks)


def _aggregate_some(tasks: Sequence[Task]) -> list[Aggregates]:
    if len(tasks) == 1:
        return [aggregate(tasks[0])]
    if one := kept_bucket.as_one(tasks):
        return [_aggregate(*one)]
    half = len(tasks) // 2
    return [*_aggregate_some(tasks[:half]), *_aggregate_some(tasks[half:])]


def aggregate(task: Task) -> Aggregates:
    """Aggregate the lines of a bucket; those of customers alone of whom an earlier run has not kept what is true today."""
    return _aggregate(task, kept_bucket.changed(task))


def _aggregate(task: Task, changed: Changed | None) -> Aggregates:
    condensed = condense_bucket.condense(task, only=None if changed is None else changed.customers)
    known = _of_customers(condensed, task)
    if changed is not None:
        known = kept_bucket.joined(known, changed, task)
    kept = kept_bucket.write(known, task)
    taken_back = None
    if condensed.taken_back is not None:
        gross, net = _orders(condensed.now, condensed.bought, task.today)
        taken_back = condensed.taken_back.hstack(returns.emptied(gross.lazy(), net.lazy()).collect())
    done = _added(known, task, taken_back=taken_back, taken_off=condensed.taken_off)
    return replace(done, kept=kept)


def _of_customers(condensed: Condensed, task: Task) -> OfCustomers:
    """Return what is known of each customer."""
    bought, cuts, collected = condensed.bought, task.cuts, task.collected
    _check_hashes(bought)
    _check_sums(bought, task.settings.cleaning.amount_decimals)
    _, orders = _orders(condensed.now, bought, task.today)
    months, lines = pl.collect_all([by_month(orders.lazy()), n_lines(orders.lazy())])
    return OfCustomers(
        customers=_described(condensed.now, bought, task, task.today),
        months=months.drop("customer_id"),
        products=_once(condensed.now.products.filter(collected.early)),
        lines=lines,
        counts=condensed.counts,
        rejects=condensed.rejects,
        orders=condensed.orders,
        mixed=None
        if condensed.classes is None
        else discounts.mixed_orders(condensed.classes.lazy(), by=task.by).collect(),
        then=_at(cuts.last, condensed.then, bought, task),
        earlier=_at(cuts.earlier, condensed.earlier, bought.filter(collected.early), task),
        came=came(bought.lazy(), cuts.looked_at).drop("customer_id").collect() if cuts.looked_at else None,
    )


def _added(
    known: OfCustomers, task: Task, *, taken_back: pl.DataFrame | None, taken_off: pl.DataFrame | None
) -> Aggregates:
    """Add up what all customers need not be told of one by one."""
    customers, early = known.customers, task.drawn.early
    rows = customers.select("h").with_row_index("row")
    came_again, cuts = known.came, task.cuts
    first_season = len(cuts.looked_at) - len(cuts.seasons)
    counts, shown = known.counts, known.rejects
    if task.keep is not None:  # they are by customer
        counts = counts.group_by("file", "class").agg(pl.col("rows", "money", "unreadable_amount_rows").sum())
        shown = rejected.first_of_each(shown.lazy()).collect()
    orders = known.orders.filter(suspects.is_drawn(task.drawn.orders_below))
    return Aggregates(
        customers=customers,
        months=known.months.join(rows, on="h").drop("h"),
        products=known.products.filter(early).join(rows, on="h").select("row", "product"),
        product_customers=customers.filter(early).height,
        counts=counts,
        rejects=shown,
        guests=suspects.heavy_customers(known.lines.lazy(), more_than=task.guest_lines).collect(),
        orders=orders.select("order", "day", "customer_id"),
        mixed_orders=0 if known.mixed is None else known.mixed.height,
        taken_back=taken_back,
        taken_off=taken_off,
        then=known.then,
        earlier=None if known.earlier is None else known.earlier.filter(early),
        newcomers=None if came_again is None or cuts.last is None else newcomers(came_again.lazy()).collect(),
        seasons=()
        if came_again is None
        else tuple(
            repeated(came_again.lazy(), place).collect() for place in range(first_season, len(cuts.looked_at))
        ),
    )


def _at(cut: Cut | None, known: History | None, bought: pl.DataFrame, task: Task) -> pl.DataFrame | None:
    """Return the customers as they were at a cut, with what they have bought since."""
    if cut is None or known is None:
        return None
    half = (pl.col("h") % 2).cast(pl.Int8).alias("half")
    described = _described(known, bought, task, cut)
    return with_outcome(described.lazy(), bought.lazy(), cut).with_columns(half).collect()


def _once(products: pl.DataFrame) -> pl.DataFrame:
    """Return each customer's products once: ``h, product``, sorted."""
    # Customer by customer: a third of the cost of telling pairs apart and sorting them all.
    once = products.lazy().group_by("h").agg(pl.col("product").unique().sort()).sort("h")
    return once.explode("product").collect()


def _check_hashes(orders: pl.DataFrame) -> None:
    """Refuse customers that are told apart by their ids alone: from here on their hashes stand for them."""
    alike = in_one_hash(orders.lazy()).collect()["customer_id"]
    if len(alike):
        raise errors.DataError(
            f"the customers {errors.listing(alike, most=3)} have the same hash of 64 bits with this seed: give another seed"
        )


def _check_sums(orders: pl.DataFrame, money_decimals: int) -> None:
    """Refuse customers of whom more was bought than is counted exactly; most often a column is not what it seems."""
    total = orders.select(pl.col("amount", "quantity").abs().sum()).row(0)
    if max(total) <= LARGEST:
        return
    beyond = beyond_count(orders.lazy()).collect()["customer_id"]
    if len(beyond):
        raise errors.DataError(
            f"purchases or returns of {errors.listing(beyond, most=3)} add up to more than "
            f"{LARGEST / 10**money_decimals:,.0f} of money or {LARGEST:,} items, which cannot be counted "
            "exactly: check quantity and price, or leave them out with cleaning.exclude_customers"
        )


def _orders(history: History, bought: pl.DataFrame, cut: Cut) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the orders that were known at a cut, before and after returns took purchases back."""
    gross = cut.history(bought.lazy()).collect()
    return gross, gross if history.net is None else history.net


def _described(history: History, bought: pl.DataFrame, task: Task, cut: Cut) -> pl.DataFrame:
    """Return the features of every customer with a purchase, in hash order."""
    gross, orders = _orders(history, bought, cut)
    customers = features.customer_features(
        orders.lazy(),
        history.products.lazy(),
        as_of=cut.at,
        money_decimals=task.settings.cleaning.amount_decimals,
        quantity_decimals=task.settings.cleaning.quantity_decimals,
        gross=None if history.net is None else gross.lazy(),
    ).collect()
    if history.purchases is None:
        return customers
    own = _own_features(history.purchases, task.own, task.settings)
    return customers.join(own, on="customer_id", how="left", maintain_order="left")


def _own_features(lines: pl.DataFrame, own: Mapping[str, str], job: Job) -> pl.DataFrame:
    decimals = {"amount": job.cleaning.amount_decimals, "unit_price": job.cleaning.price_decimals}
    if job.cleaning.quantity_decimals:
        decimals["quantity"] = job.cleaning.quantity_decimals
    seen = features.own_lines(lines.lazy(), expressions.all_columns(own), decimals=decimals)
    return expressions.evaluate(seen.collect(), own)
