"""One task of stage ``customers``: from the lines of a bucket to what is known of its customers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import polars as pl

from segcore import errors, expressions
from segcore.job import Job
from segcore.lines import cleaning, discounts, features, returns, suspects
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
    today : Cut
        What the features of today look at: the observation window. Lines before it count as outside of it, and are
        what the cuts look at.
    n_lines : int
        Of the whole input.
    by_amount : bool
        Whether lines may say their amount, and nothing says that negative ones are discounts.
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
    today: Cut
    n_lines: int
    by_amount: bool
    guest_lines: int
    early_below: int
    cuts: Cuts

    @property
    def is_early(self) -> pl.Expr:
        """Whether a customer is one of the first, of whom more is kept."""
        return pl.col("h") <= pl.lit(self.early_below, dtype=pl.UInt64)

    @property
    def bounds(self) -> tuple[int, ...]:
        """Times that tell one part of the history from another."""
        return (*self.cuts.bounds, *([] if self.today.first is None else [self.today.first]))

    @property
    def product_bounds(self) -> tuple[int, ...]:
        """Cuts at which the different products are those of today that were first bought before them.

        None where a window leaves first purchases behind, or returns may not have taken back yet what they have by today.
        """
        if self.today.first is not None or self.settings.features.returns == "net":
            return ()
        return tuple(sorted(cut.at for cut in (self.cuts.last, self.cuts.earlier) if cut is not None))


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


def aggregate(task: Task) -> Done:
    """Aggregate the lines of a bucket, slice by slice: what was condensed of the earlier ones, and one more, are in memory."""
    slices = (_slice([f"{task.folder}/{path}" for path in paths], task) for paths in task.bucket.slices)
    found = reduce(_together, slices)
    bought, cuts = found.bought, task.cuts
    _check_sums(bought, task.settings.cleaning.amount_decimals)
    gross, orders = _orders(found.now, bought, task.today)
    taken_back = None
    if found.taken_back is not None:
        taken_back = found.taken_back.hstack(returns.emptied(gross.lazy(), orders.lazy()).collect())
    customers = _described(found.now, bought, task, task.today)
    months, guests, some_orders = pl.collect_all(
        [
            features.by_month(orders.lazy()),
            features.heavy_customers(orders.lazy(), more_than=task.guest_lines),
            suspects.some_orders(orders.lazy(), task.n_lines),
        ]
    )
    rows = customers.select("customer_id").with_row_index("row")
    early = task.is_early
    return Done(
        customers=customers,
        months=months.join(rows, on="customer_id").drop("customer_id"),
        products=found.now.products.filter(early).select("customer_id", "product"),
        product_customers=customers.filter(early).height,
        counts=found.counts,
        rejects=found.rejects,
        guests=guests,
        orders=some_orders,
        mixed_orders=discounts.mixed_orders(orders.lazy()).collect().item() if task.by_amount else 0,
        taken_back=taken_back,
        taken_off=found.taken_off,
        then=_at(cuts.last, found.then, bought, task),
        earlier=_at(cuts.earlier, found.earlier, bought.filter(early), task),
        newcomers=None if cuts.last is None else newcomers(bought.lazy(), cuts.last).collect(),
        seasons=tuple(repeated(bought.lazy(), cut).collect() for cut in cuts.seasons),
    )


def _at(cut: Cut | None, known: _History | None, bought: pl.DataFrame, task: Task) -> pl.DataFrame | None:
    """Return the customers as they were at a cut, with what they have bought since."""
    if cut is None or known is None:
        return None
    half = (pl.col("h") % 2).cast(pl.Int8).alias("half")
    described = _described(known, bought, task, cut)
    return with_outcome(described.lazy(), bought.lazy(), cut).with_columns(half).collect()


@dataclass(frozen=True, kw_only=True)
class _History:
    """What is known of some customers beside their orders; and their orders after returns took purchases back, where they do."""

    net: pl.DataFrame | None
    products: pl.DataFrame
    purchases: pl.DataFrame | None


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A slice of a bucket's lines, condensed; orders at all times before any was taken back."""

    bought: pl.DataFrame
    now: _History
    then: _History | None
    earlier: _History | None
    counts: pl.DataFrame
    rejects: pl.DataFrame
    taken_back: pl.DataFrame | None
    taken_off: pl.DataFrame | None


def _slice(paths: list[str], task: Task) -> _Part:
    job = task.settings
    everything = pl.read_parquet(paths, hive_partitioning=False)
    copies = everything["place"].clear()
    if job.cleaning.duplicates != "keep":
        counted = everything.lazy()
        if job.cleaning.takes_off_orders:  # among which are rejects
            counted = counted.filter(pl.col("class").is_in(cleaning.KEPT))
        within = job.cleaning.duplicates == "drop"
        copies = features.later_copies(counted, within_files=within).collect()["place"]
    is_copy = everything.select(pl.col("place").is_in(copies.implode())).to_series()
    is_before = pl.lit(False) if task.today.first is None else pl.col("ordered_at") < task.today.first
    duplicates, outside = (
        chosen.with_columns(pl.lit(name, everything.schema["class"]).alias("class"))
        for name, chosen in (
            (cleaning.DUPLICATE, everything.filter(is_copy).filter(~is_before)),
            (cleaning.OUTSIDE_WINDOW, everything.filter(is_before)),
        )
    )
    lines = everything.filter(~is_copy)
    del everything
    window = lines if task.today.first is None else lines.filter(~is_before)
    counts = [features.ledger(part.lazy()).collect() for part in (window, duplicates, outside)]
    taken_off, rejected = None, duplicates
    if job.cleaning.takes_off_orders:
        off = discounts.orders(window.lazy(), money_decimals=job.cleaning.amount_decimals).collect()
        discounts.check(off, job.cleaning)
        counts.append(discounts.by_file(off.lazy(), cleaning.class_type(job.cleaning)).collect())
        taken_off = discounts.account(off.lazy()).collect()
        if job.cleaning.rejects != "all":  # where their texts are not written otherwise
            rejected = pl.concat([duplicates, window.filter(~pl.col("class").is_in(cleaning.KEPT))])
        lines, window = _less(lines, window, off, task)
    now, taken_back = _history(window.lazy(), task)
    last, earlier = task.cuts.last, task.cuts.earlier
    orders = features.condense(lines.lazy())
    if task.bucket.whole_orders:
        orders = features.fold(orders, bounds=task.bounds)
    return _Part(
        bought=orders.collect(),
        now=now,
        then=None if last is None else _history_at(last, lines.lazy(), now.products, task),
        earlier=None
        if earlier is None
        else _history_at(
            earlier, lines.lazy().filter(task.is_early), now.products.filter(task.is_early), task
        ),
        counts=pl.concat(counts),
        rejects=rejects.of_bucket(rejected.lazy(), outside.lazy(), job.cleaning.rejects).collect(),
        taken_back=taken_back,
        taken_off=taken_off,
    )


def _less(
    lines: pl.DataFrame, window: pl.DataFrame, off: pl.DataFrame, task: Task
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return all lines, and those in the window, less what is off their orders; an order that begins before it is two."""
    window = discounts.take_off(window.lazy(), off.lazy()).collect()
    if task.today.first is None:
        return window, window
    before = lines.lazy().filter(pl.col("ordered_at") < task.today.first)
    earlier = discounts.orders(before, money_decimals=task.settings.cleaning.amount_decimals)
    return pl.concat([discounts.take_off(before, earlier).collect(), window]), window


def _history_at(cut: Cut, lines: pl.LazyFrame, today: pl.DataFrame, task: Task) -> _History:
    """Condense what was known at a cut; the different products follow from those of today where they can."""
    known = cut.history(lines)
    if cut.at not in task.product_bounds:
        return _history(known, task)[0]
    products = today.filter(pl.col("period") <= task.product_bounds.index(cut.at))
    return _History(net=None, products=products, purchases=_own_purchases(known, task))


def _history(known: pl.LazyFrame, task: Task) -> tuple[_History, pl.DataFrame | None]:
    """Condense what is known at a time, and count what returns took back, where they do.

    A return takes back nothing before it happens.
    """
    net = taken_back = None
    if task.settings.features.returns == "net":
        matched = returns.match(known).collect().lazy()
        taken_back = returns.account(matched).collect()
        known = returns.remaining(matched).collect().lazy()
        net = features.condense(known).collect()
    products = features.bought_products(known, bounds=task.product_bounds).collect()
    return _History(net=net, products=products, purchases=_own_purchases(known, task)), taken_back


def _own_purchases(lines: pl.LazyFrame, task: Task) -> pl.DataFrame | None:
    return features.purchases(lines, expressions.all_columns(task.own)).collect() if task.own else None


def _together(one: _Part, other: _Part) -> _Part:
    """Add up what two slices of the same customers' lines were condensed to."""
    return _Part(
        bought=_merged([one.bought, other.bought]),
        now=_added(one.now, other.now),
        then=one.then and other.then and _added(one.then, other.then),
        earlier=one.earlier and other.earlier and _added(one.earlier, other.earlier),
        counts=pl.concat([one.counts, other.counts]),
        rejects=pl.concat([one.rejects, other.rejects]),
        taken_back=_joined(one.taken_back, other.taken_back, lambda both: pl.concat(both).sum()),
        taken_off=_joined(one.taken_off, other.taken_off, lambda both: pl.concat(both).sum()),
    )


def _added(one: _History, other: _History) -> _History:
    return _History(
        net=_joined(one.net, other.net, _merged),
        products=features.join_products([one.products.lazy(), other.products.lazy()]).collect(),
        purchases=_joined(one.purchases, other.purchases, pl.concat),
    )


def _merged(orders: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return features.merge([df.lazy() for df in orders]).collect()


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


def _orders(history: _History, bought: pl.DataFrame, cut: Cut) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the orders that were known at a cut, before and after returns took purchases back."""
    gross = cut.history(bought.lazy()).collect()
    return gross, gross if history.net is None else history.net


def _described(history: _History, bought: pl.DataFrame, task: Task, cut: Cut) -> pl.DataFrame:
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
