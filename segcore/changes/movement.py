"""Who moved between two runs, how much money went with them, and why.

Every customer of either run makes a transition in three steps: from the segment then (``old``) to the one that the old
model gives them when only time has passed (``aged``), from there to the one that it gives them today (``between``), and on to
the segment now (``new``). So time, their behaviour and the model have changed them, in this order. Of who neither bought
nor sent anything back between the two runs all is time, also what a window has let go of. ``behaved`` is the segment that the
old model gives them for what they did, had no time passed: it stands where ``aged`` does when behaviour comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from segcore import amounts
from segcore.changes.lineage import Lineage, SegmentCounts
from segcore.lookup import looked_up
from segcore.records.changes import Causes, Flow, NamedSegment
from segcore.schema import FEW, LEAST_CUSTOMERS

UNASSIGNED = 0
_KEYS = ["old", "aged", "behaved", "between", "outside", "new"]
ACTS = ("last_order_at", "return_count")
"""Features that are the same of who neither bought nor sent anything back."""
_LARGEST = 5


def transitions(old: pl.LazyFrame, new: pl.LazyFrame, *, money_decimals: int) -> pl.LazyFrame:
    """Join two runs by customer.

    Parameters
    ----------
    old : LazyFrame
        ``customer_id``, ``segment``, ``total_spend``, and where time has passed ``aged``, the old model's segment once it has.
    new : LazyFrame
        The same but ``aged``, and ``between`` (the old model's segment), ``outside`` (whether beyond its radius), and where time
        has passed ``behaved``, the old model's segment if it had not.
    money_decimals : int

    Returns
    -------
    LazyFrame
        ``customer_id``, ``old`` (null for who is new), ``aged``, ``behaved``, ``between``, ``outside``, ``new`` (null for who is
        gone), and what they spent then and now in whole minor units: ``money_before``, ``money``.

    Notes
    -----
    Where both frames have ``last_order_at`` and ``return_count``, who has the same of both has done nothing.
    """

    def segment(name: str) -> pl.Expr:
        return pl.col(name).fill_null(UNASSIGNED).cast(pl.Int32)

    then, now = old.collect_schema().names(), new.collect_schema().names()
    acts = [name for name in ACTS if name in then and name in now]
    before = old.select(
        "customer_id",
        *(pl.col(name).alias(f"{name}_before") for name in acts),
        old=segment("segment"),
        aged=segment("aged" if "aged" in then else "segment"),
        money_before=amounts.minor("total_spend", money_decimals),
    )
    after = new.select(
        "customer_id",
        *acts,
        behaved=segment("behaved" if "behaved" in now else "between"),
        between=segment("between"),
        outside="outside",
        new=segment("segment"),
        money=amounts.minor("total_spend", money_decimals),
    )
    idle = pl.all_horizontal(
        pl.lit(bool(acts)), *(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in acts)
    )
    both = pl.col("old").is_not_null() & pl.col("new").is_not_null()
    return (
        before.join(after, on="customer_id", how="full", coalesce=True)
        .with_columns(
            pl.when(both & idle).then("between").when(both).then("aged").alias("aged"),
            pl.when(both & idle).then("old").when(both).then("behaved").alias("behaved"),
            pl.col("money_before", "money").fill_null(0),
        )
        .select("customer_id", *_KEYS, "money_before", "money")
    )


def cells(transitions: pl.LazyFrame) -> pl.DataFrame:
    """Count customers and money of each transition, sorted by its six keys, which are those of `transitions`."""
    return (
        transitions.group_by(_KEYS)
        .agg(pl.len().cast(pl.Int64).alias("customers"), pl.col("money_before", "money").sum())
        .collect(engine="streaming")
        .sort(_KEYS, nulls_last=True)
    )


def added_up(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return the :func:`cells` of all customers from those of parts of them, each customer in one."""
    counts = pl.col("customers", "money_before", "money").sum()
    return pl.concat(parts).group_by(_KEYS).agg(counts).sort(_KEYS, nulls_last=True)


def evidence(cells: pl.DataFrame) -> tuple[SegmentCounts, SegmentCounts]:
    """Return what `segcore.changes.lineage.match` judges by: history, and the same data under both models."""
    history = cells.group_by("old", "new").agg(pl.col("customers").sum()).rows()
    today = cells.filter(pl.col("new").is_not_null()).with_columns(
        seen=pl.when(~pl.col("outside")).then("between")
    )
    same = today.group_by("seen", "new").agg(pl.col("customers").sum()).rows()
    return {(a, b): n for a, b, n in history}, {(a, b): n for a, b, n in same}


def renumber(frame: pl.DataFrame, lineage: Lineage) -> pl.DataFrame:
    """Give the new segments their ids."""
    return frame.with_columns(renumbered(lineage))


def renumbered(lineage: Lineage) -> pl.Expr:
    """Return the column ``new`` with ids in place of the new run's own numbers."""
    return looked_up(pl.col("new"), lineage.ids, pl.Int32, default=pl.col("new"))


def moved(
    transitions: pl.LazyFrame, old: Mapping[int, str], new: Mapping[int, str], *, money_decimals: int
) -> pl.LazyFrame:
    """Return every customer of both runs who is in another segment now, sorted by id, and why.

    Parameters
    ----------
    transitions : LazyFrame
        With the new segments' ids.
    old, new : mapping of int to str
        The segments' names.
    money_decimals : int
        Of the amounts in whole minor units.
    """
    return (
        transitions.filter(pl.col("old") != pl.col("new"))
        .select(
            "customer_id",
            pl.col("old").alias("old_segment"),
            _named("old", old).alias("old_segment_name"),
            pl.col("between").alias("old_model_segment"),
            pl.col("new").alias("new_segment"),
            _named("new", new).alias("new_segment_name"),
            _CAUSE.alias("changed"),
            amounts.units("money_before", money_decimals).alias("total_spend_before"),
            amounts.units("money", money_decimals).alias("total_spend"),
        )
        .sort("customer_id")
    )


def _cause(first: str, name: str, second: str) -> pl.Expr:
    """Return what changed who moved: one step, named by what makes it, or more than one (``both``)."""
    steps = {
        name: pl.col("old") != pl.col(first),
        second: pl.col(first) != pl.col("between"),
        "model": pl.col("between") != pl.col("new"),
    }
    several = pl.sum_horizontal(step.fill_null(False).cast(pl.Int8) for step in steps.values()) > 1
    (a, by_first), (b, by_second), _ = steps.items()
    return (
        pl.when(several)
        .then(pl.lit("both"))
        .when(by_first)
        .then(pl.lit(a))
        .when(by_second)
        .then(pl.lit(b))
        .otherwise(pl.lit("model"))
    )


_CAUSE = _cause("aged", "time", "behaviour")
_BEHAVIOUR_FIRST = _cause("behaved", "behaviour", "time")


def causes(cells: pl.DataFrame, *, behaviour_first: bool = False) -> Causes:
    """Count who moved by what changed, each once; what time did before what customers did, or after it."""
    moved = cells.drop_nulls(["old", "new"]).filter(pl.col("old") != pl.col("new"))
    cause = _BEHAVIOUR_FIRST if behaviour_first else _CAUSE
    counted = dict(moved.group_by(cause.alias("cause")).agg(pl.col("customers").sum()).iter_rows())
    return Causes(**{name: counted.get(name, 0) for name in ("time", "behaviour", "model", "both")})


def _named(column: str, names: Mapping[int, str]) -> pl.Expr:
    return looked_up(pl.col(column), names, pl.String, default="Unassigned")


def matrices(cells: pl.DataFrame, *, money_decimals: int) -> dict[str, tuple[Flow, ...]]:
    """Return the matrices of movement.json, ``flows``, ``time``, ``behaviour`` and ``model``, as lists of their cells."""
    both = cells.drop_nulls(["old", "new"])
    return {
        "flows": _matrix(cells, "old", "new", money_decimals),
        "time": _matrix(both, "old", "aged", money_decimals),
        "behaviour": _matrix(both, "aged", "between", money_decimals),
        "model": _matrix(both, "between", "new", money_decimals),
    }


def _matrix(cells: pl.DataFrame, start: str, end: str, money_decimals: int) -> tuple[Flow, ...]:
    sums = (
        cells.group_by(old=start, new=end)
        .agg(pl.col("customers", "money_before", "money").sum())
        .sort("old", "new", nulls_last=True)
    )
    rows = sums.with_columns(
        amounts.units(name, money_decimals) for name in ("money_before", "money")
    ).to_dicts()
    return tuple(Flow(**row) for row in rows)


def words(cells: pl.DataFrame, old: Mapping[int, str], new: Mapping[int, str]) -> list[str]:
    """Describe who is new, who is gone and the largest flows between segments, one sentence each.

    No flow of fewer than :data:`segcore.schema.LEAST_CUSTOMERS` is named: somebody could tell who they are.

    Parameters
    ----------
    cells : DataFrame
        With the new segments' ids.
    old, new : mapping of int to str
        The segments' names.
    """
    both = cells.drop_nulls(["old", "new"])
    n_both, n_moved = _n(both), _n(both.filter(pl.col("old") != pl.col("new")))
    came, gone = cells.filter(pl.col("old").is_null()), cells.filter(pl.col("new").is_null())
    everybody = (
        f"{_n(came):,} customers are new and {_n(gone):,} are gone; of the {n_both:,} in both runs "
        f"{n_moved:,} ({n_moved / max(n_both, 1):.1%}) changed segment."
    )
    moves = (
        both.filter(pl.col("old") != pl.col("new"))
        .group_by("old", "new")
        .agg(
            pl.col("customers").sum(),
            **{
                name: pl.col("customers").filter(_CAUSE.is_in([name])).sum()
                for name in ("time", "behaviour", "model")
            },
        )
        .filter(pl.col("customers") >= LEAST_CUSTOMERS)
        .sort("customers", "old", "new", descending=[True, False, False])
        .head(_LARGEST)
    )
    flows = (
        _flow(row, old.get(row["old"], "Unassigned"), new.get(row["new"], "Unassigned"))
        for row in moves.to_dicts()
    )
    return [everybody, *flows]


def _flow(row: Mapping[str, Any], start: str, end: str) -> str:
    rest = row["customers"] - row["time"] - row["behaviour"] - row["model"]
    causes = [
        f"{_few(row['time'])} because time passed" if row["time"] else "",
        f"{_few(row['behaviour'])} because their behaviour changed" if row["behaviour"] else "",
        f"{_few(row['model'])} because the model changed" if row["model"] else "",
        f"{_few(rest)} because more than one of these did" if rest else "",
    ]
    because = ", ".join(cause for cause in causes if cause)
    return f"{row['customers']:,} customers went from {start!r} to {end!r}: {because}."


def _few(customers: int) -> str:
    return FEW if customers < LEAST_CUSTOMERS else f"{customers:,}"


def _n(cells: pl.DataFrame) -> int:
    return int(cells["customers"].sum())


def named(names: Mapping[int, str]) -> tuple[NamedSegment, ...]:
    """Return segments and their names as movement.json lists them, sorted."""
    return tuple(NamedSegment(segment=s, segment_name=name) for s, name in sorted(names.items()))
