"""What a run needs: how its lines are split so that a partition fits in memory, and what is refused before it starts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl

from segcore import engine, errors, expressions
from segcore.cpus import available_cpus
from segcore.job import Job
from segcore.lines import shuffle
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.lines.repartition import more_bits

# Bytes of memory that a line costs while its bucket is aggregated, and what a column that features of the job's own
# name adds: a text of 50 letters, read and sorted.
_BYTES_A_LINE = 400
_BYTES_A_COLUMN = 100
_BYTES_A_LETTER = 2
# And what a customer of few lines costs beside them: 620 were measured on five million with one line each.
_BYTES_A_CUSTOMER = 700
_LINES_A_CUSTOMER = 20  # with as many on average the lines' own bytes are enough
_ONE_IN = 1_024  # customers that are counted, drawn by their hash
# Lines of a bucket that are worked on fastest, of which a quarter may be rejected and go elsewhere: of more, tables of hashes
# are beyond the cache, and four times as many take a quarter longer each, eight times as many twice as long.
_BEST_LINES = 800_000
# What a pass over the lines holds, whatever their number, measured on 50 million; and what it holds of few lines.
_PASS = 700_000_000
_PASS_A_LINE = 700
# What is known of each more file, here and in each scan, measured on 50,000.
_A_FILE = 4_000
# What the sample fits hold beside the distances of a tree, of which a linkage takes two copies and work space.
_FITS = 150_000_000
_TREE_A_PAIR = 10
_REFIT = 60_000_000
_REFIT_SHARE = 0.64  # of the rows, that a draw with replacement has
_MATRIX_A_VALUE = 64  # of the sample and the evaluation sample, with what is worked out of them
# Bytes of scratch that a line takes: in its bucket, and while a bucket is split once more.
_SCRATCH_A_LINE = 40
_MOST_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class PartitionPlan:
    """How the lines are split; it changes no answer.

    Attributes
    ----------
    bits : int
        Of the customers' hash that number the bucket in the first pass.
    capacity : int
        Lines of a bucket that fit in memory, as many buckets at once as are worked on.
    at_once : int
        Buckets that are worked on at the same time on this machine.
    """

    bits: int
    capacity: int
    at_once: int


class Costs(NamedTuple):
    """What decides how much memory lines of buckets take: how many they are, and about how many customers' and letters of texts."""

    lines: int = 0
    customers: int = 0
    letters: int = 0


def plan(n_lines: int, memory: int, *, columns: int = 0) -> PartitionPlan:
    """Return how so many lines are split within a budget.

    Parameters
    ----------
    n_lines : int
    memory : int
        Bytes, of this process or of each worker.
    columns : int
        How many columns of a line the features of the job's own name.
    """
    a_line = _BYTES_A_LINE + _BYTES_A_COLUMN * columns
    at_once = 1 if engine.n_workers() else _at_once(memory, a_line)
    capacity = max(1, _for_a_bucket(memory, at_once) // a_line)
    best = min(capacity, _BEST_LINES)
    bits = 0 if n_lines <= best else more_bits(n_lines, best)
    return PartitionPlan(bits=min(bits, shuffle.MOST_BITS), capacity=capacity, at_once=at_once)


def _at_once(memory: int, a_line: int) -> int:
    """Return how many buckets are worked on at once: one for each CPU, and two where the budget has room for more of the best size.

    While the plans of one are made another is computed: 50 million lines on two CPUs take 9.8 s with four and 11.8 s with two.
    """
    room, cpus = _for_a_bucket(memory, 1) // (_BEST_LINES * a_line), available_cpus()
    return min(_MOST_AT_ONCE, max(cpus, min(2 * cpus, room)))


def _for_a_bucket(memory: int, at_once: int) -> int:
    """Return the bytes of a bucket where so many are worked on at once: half of a budget is for them."""
    return memory // 2 // at_once


def costs(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Count lines of buckets: one row with the columns of :class:`Costs`.

    Parameters
    ----------
    lines : polars.LazyFrame
        As :func:`segcore.lines.shuffle.write` leaves them, not the rejected ones.
    """
    texts = [name for name, dtype in lines.collect_schema().items() if dtype == pl.String]
    drawn = pl.col("h").filter(pl.col("h") % _ONE_IN == 0)
    carried = [pl.col(name).str.len_bytes().sum() for name in texts if name in shuffle.CARRIED]
    return lines.select(
        lines=pl.len().cast(pl.Int64),
        customers=drawn.n_unique().cast(pl.Int64) * _ONE_IN,
        letters=pl.sum_horizontal(pl.lit(0), *carried).cast(pl.Int64),
    )


def measured(plan: PartitionPlan, memory: int, costs: Costs, *, columns: int) -> PartitionPlan:
    """Return a plan of smaller buckets where lines take more than was planned, as of customers with few of them, or of long texts.

    Parameters
    ----------
    plan : PartitionPlan
    memory : int
        Bytes, of this process or of each worker.
    costs : Costs
    columns : int
        How many columns of a line the features of the job's own name.
    """
    lines, customers, letters = costs
    if not lines:
        return plan
    of_texts = max(_BYTES_A_COLUMN * columns * lines, _BYTES_A_LETTER * letters)
    of_customers = _BYTES_A_CUSTOMER * max(0, customers - lines // _LINES_A_CUSTOMER)
    needed = _BYTES_A_LINE * lines + of_texts + of_customers
    capacity = _for_a_bucket(memory, plan.at_once) * lines // needed
    return replace(plan, capacity=min(plan.capacity, max(1, capacity)))


def needed_for_lines(n_lines: int, n_files: int = 1) -> int:
    """Return the bytes of memory that so many lines need at least, beyond what the imports take."""
    return min(_PASS, n_lines * _PASS_A_LINE) + (n_files - 1) * _A_FILE


def needed_for_models(settings: Job) -> int:
    """Return the bytes of memory that the sample fits of a job need, beyond what the imports take."""
    models = settings.models
    trees = {"hierarchical", "spectral", "dbscan", "hdbscan"} & {*models.families}
    values = (models.sample + models.evaluation_sample) * _most_columns(settings)
    return _FITS + values * _MATRIX_A_VALUE + (_TREE_A_PAIR * models.tree_sample**2 if trees else 0)


def _most_columns(settings: Job) -> int:
    """Return how many columns the matrix has at most: whether another table's are numbers is not known yet."""
    transforms = settings.matrix.columns
    numbers = [name for name, transform in transforms.items() if transform != "one-hot"]
    seen = {name for table in settings.extra if table.in_matrix for name in table.features} - {*numbers}
    categories = seen | {name for name, transform in transforms.items() if transform == "one-hot"}
    # A category's values, others and missing; a number from another table may be missing too.
    missing = len({*numbers} & {*settings.extra_features})
    return len(numbers) + missing + len(categories) * (settings.matrix.max_categories + 2)


def refit_processes(settings: Job, memory: int) -> int:
    """Return how many processes may refit models at once within a budget: at least this one."""
    rows = _REFIT_SHARE * settings.models.tree_sample
    each = _REFIT + int(_TREE_A_PAIR * rows**2)
    return max(1, min(available_cpus(), (memory - _FITS) // each))


def refit_processes_beside_models(settings: Job, memory: int) -> int:
    """Return how many of those processes may start while the models are fitted: all, or none but this one."""
    stability = settings.stability
    if not (stability.splits or stability.resamples or settings.structure_test.copies):
        return 1  # nothing will be fitted again
    processes = refit_processes(settings, memory)
    return processes if needed_for_models(settings) + processes * _REFIT <= memory else 1


def partition(run: RunContext, n_lines: int, *, beside: int = 0) -> PartitionPlan:
    """Plan how a run's lines are split, and log what the run will need; the pass over the lines holds so many bytes beside them.

    Raises
    ------
    segcore.errors.BudgetError
        If a pass over the lines does not keep to the budget; with both numbers.
    """
    n_files = len(run.plan.sources)
    check_lines(n_lines, run.plan.budget, n_files=n_files, beside=beside)
    columns = len(expressions.all_columns(run.settings.features.own))
    partitions = plan(n_lines, run.plan.budget, columns=columns)
    run.progress.log(summary(n_lines, run.plan.budget, partitions, run.settings, n_files=n_files))
    return partitions


def check_lines(n_lines: int, memory: int, *, n_files: int = 1, beside: int = 0) -> None:
    """Refuse a budget that a pass over so many lines does not keep to, with so many bytes beside them.

    Raises
    ------
    segcore.errors.BudgetError
        With both numbers.
    """
    what = f"{n_lines:,} lines in {n_files:,} files" if n_files > 1 else f"{n_lines:,} lines"
    _check(needed_for_lines(n_lines, n_files) + beside, memory, what=what, remedy=" or more")


def check_models(settings: Job, memory: int) -> None:
    """Refuse a budget that the job's sample fits do not keep to.

    Raises
    ------
    segcore.errors.BudgetError
        With both numbers.
    """
    remedy = ", or a smaller models.tree_sample or models.sample"
    _check(needed_for_models(settings), memory, what="the models", remedy=remedy)


def _check(needed: int, memory: int, *, what: str, remedy: str) -> None:
    if memory < needed:
        raise errors.BudgetError(
            f"{what} need {_megabytes(needed)} of memory beyond what the program itself takes, "
            f"the budget is {_megabytes(memory)}: use --memory {-(-needed // 10**6)}MB{remedy}"
        )


def summary(n_lines: int, memory: int, partitions: PartitionPlan, settings: Job, *, n_files: int = 1) -> str:
    """Return in one line what a run will need."""
    needed = max(needed_for_lines(n_lines, n_files), needed_for_models(settings))
    scratch = max(n_lines * _SCRATCH_A_LINE, 1_000_000)
    buckets = f"{2**partitions.bits} bucket{'s' if partitions.bits else ''}"
    return (
        f"{n_lines:,} lines in {buckets}; memory: at least {_megabytes(needed)} of a budget of {_megabytes(memory)}; "
        f"scratch: up to {_megabytes(scratch)}"
    )


def _megabytes(size: int) -> str:
    return f"{-(-size // 10**6):,} MB"
