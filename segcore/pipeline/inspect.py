"""What would happen to an input: columns, types, dates, rejects, and what the run would cost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from segcore import engine, errors, ingest, job, storage
from segcore.ingest import UNDECODABLE, Formats, Source
from segcore.job import Job
from segcore.lines import cleaning
from segcore.pipeline.customers import attributes
from segcore.pipeline.lines import read_input, shuffle_lines
from segcore.pipeline.lines.read_input import Reading

_SAMPLE_FILES, _SAMPLE_BYTES = 16, 1 << 28
_SHOWN_REJECTS = 3
_LONGEST_VALUE = 40
_KEPT = (cleaning.PURCHASE, cleaning.RETURN)


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found.

    Attributes
    ----------
    sources, sampled : list of Source
        All files, and those that were looked through.
    reading : Reading
    formats : list of Formats
        One for each group of files.
    classes : polars.DataFrame
        ``class, lines``, duplicates not told apart.
    first_rejects : polars.DataFrame
        ``class, file, record, value``: the first of each reason.
    first_at, last_at : datetime or None
    n_lines, n_customers : int
        Of the whole input; estimated unless all files were looked through.
    n_seen : int
        Customers in the files that were looked through.
    extra : list of (dict, int)
        What is known of every other table, and how many of those customers it has.
    """

    sources: list[Source]
    sampled: list[Source]
    reading: Reading
    formats: list[Formats]
    classes: pl.DataFrame
    first_rejects: pl.DataFrame
    first_at: object
    last_at: object
    n_lines: int
    n_customers: int
    n_seen: int
    extra: list[tuple[dict[str, Any], int]]

    @property
    def exact(self) -> bool:
        """Whether nothing is estimated."""
        return len(self.sampled) == len(self.sources)


def inspect(
    inputs: Sequence[str | Path], settings: Job, *, full: bool, memory: int | None = None, now: int
) -> Inspection:
    """Look at an input without running the job.

    Parameters
    ----------
    inputs : sequence of paths
    settings : segcore.job.Job
    full : bool
        Look through all files, not through a sample of them.
    memory : int, optional
        Budget in bytes.
    now : int
        Seconds since 1970.

    Raises
    ------
    segcore.errors.SegcoreError
        As the run would.
    """
    sources = ingest.discover(inputs)
    budget = memory or engine.default_budget()
    sampled = sources if full else _sample(sources)
    scratch = Path(tempfile.mkdtemp(prefix="segcore-inspect-"))
    try:
        files = ingest.prepare(sampled, settings.input, scratch, memory=budget)
        read = Reading(files=files, file_groups=ingest.group_files(files, settings.columns))
        read_input.check_ids(read)
        latest = now + 86_400 if settings.input.latest is None else settings.input.latest_second
        found = read_input.understand(read, settings, latest=latest, every=True)
        return _look(read, found, settings, sources, sampled, latest, scratch, budget)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _sample(sources: list[Source]) -> list[Source]:
    """Take files from the whole range, and as many as are read at once; at least one."""
    step = -(-len(sources) // _SAMPLE_FILES)
    chosen: list[Source] = []
    size = 0
    for source in sources[::step]:
        if not chosen or size + source.size <= _SAMPLE_BYTES:
            chosen.append(source)
            size += source.size
    return chosen


def _look(
    read: Reading,
    found: list[Formats],
    settings: Job,
    sources: list[Source],
    sampled: list[Source],
    latest: int,
    scratch: Path,
    memory: int,
) -> Inspection:
    classified = shuffle_lines.classified(read, found, settings, latest=latest)
    lf = pl.concat(classified).with_columns(pl.col("class").cast(pl.String))
    counted = lf.group_by("class").agg(
        lines=pl.len(), first=pl.col("ordered_at").min(), last=pl.col("ordered_at").max()
    )
    files = (
        lf.filter(pl.col("class").is_in(_KEPT)).group_by("customer_id").agg(files=pl.col("file").n_unique())
    )
    customers = files.group_by("files").agg(customers=pl.len())
    with ingest.readable():
        classes = counted.collect(engine="streaming")
        seen = dict(customers.collect(engine="streaming").iter_rows())
        rejects = _first_rejects(lf, classes, read)
    n_lines = sum(file.n_records for file in read.files)
    share = sum(source.size for source in sampled) / sum(source.size for source in sources)
    order = {name: place for place, (name, _) in enumerate(cleaning.rules(settings.cleaning))}
    return Inspection(
        sources=sources,
        sampled=sampled,
        reading=read,
        formats=found,
        classes=classes.select("class", "lines").sort(
            pl.col("class").replace_strict(order, default=len(order))
        ),
        first_rejects=rejects,
        first_at=_time(classes["first"].min()),
        last_at=_time(classes["last"].max()),
        n_lines=round(n_lines / share),
        n_seen=sum(seen.values()),
        extra=attributes.look(scratch, settings, files.select("customer_id"), memory=memory),
        n_customers=sum(seen.values()) if len(sampled) == len(sources) else _chao(seen, len(sampled)),
    )


def _time(seconds: object) -> object:
    return pl.from_epoch(pl.Series([seconds], dtype=pl.Int64)).item()


def _chao(seen: dict[int, int], n_files: int) -> int:
    """Estimate from how many customers are in one and in two files how many are in none that was looked at.

    References
    ----------
    Chao, A. (1987). Estimating the population size for capture-recapture data with unequal catchability.
    Biometrics 43, 783-791.
    """
    once, twice = seen.get(1, 0), seen.get(2, 0)
    unseen = once * (once - 1) / (2 * (twice + 1)) * (n_files - 1) / n_files
    return sum(seen.values()) + round(unseen)


def _first_rejects(lf: pl.LazyFrame, classes: pl.DataFrame, read: Reading) -> pl.DataFrame:
    starts = ingest.first_records(read.file_groups)
    frames = [
        lf.filter(pl.col("class") == name)
        .select("class", "file", "record", _telling(name).str.slice(0, _LONGEST_VALUE).alias("value"))
        .bottom_k(_SHOWN_REJECTS, by=["file", "record"])
        .sort("file", "record")
        .collect(engine="streaming")
        for name in classes["class"].sort()
        if name not in _KEPT
    ]
    empty = {"class": pl.String, "file": pl.UInt32, "record": pl.UInt64, "value": pl.String}
    paths = {file.number: file.source.name for file in read.files}
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
        "non_positive_price": "text_unit_price",
        "non_positive_quantity": "text_quantity",
        "undecodable_text": "text_description",
        "zero_amount": "text_line_amount",
        "unreadable_amount": "text_quantity",
    }
    column = of_class.get(name) or "text_" + name.removeprefix("unreadable_")
    if not name.startswith("unreadable_") and name not in of_class:
        column = "text_customer_id"
    return pl.col(column).str.replace_all(UNDECODABLE, "", literal=True)


def write_job(found: Inspection, settings: Job, path: Path) -> None:
    """Write a job file that names what was found, so that nothing is assumed any more.

    Raises
    ------
    segcore.errors.OutputError
        If there is a file already.
    """
    if path.exists():
        raise errors.OutputError(f"{path}: is there already; name a new file for --write-job")
    columns: dict[str, str] = {}
    for group in found.reading.file_groups:
        columns |= group.columns
    dates = [form for how in found.formats for form in how.dates]
    order = next((order for form in dates if (order := ingest.order_of(form))), "")
    comma = any(numbers.decimal == "," for how in found.formats for numbers in how.numbers.values())
    same = all(set(group.columns.items()) <= set(columns.items()) for group in found.reading.file_groups)
    given = settings.input.model_copy(
        update={
            "date_format": settings.input.date_format or order,
            "decimal": settings.input.decimal or ("," if comma else ""),
        }
    )
    made = settings.model_copy(update={"columns": columns if same else settings.columns, "input": given})
    with storage.disk_errors(path):
        storage.write_text(path, job.to_toml(made))
