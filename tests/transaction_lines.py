"""Transaction lines for tests: small tables, written as a shop would export them."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import strategies as st

from segcore import ingest, job
from segcore.lines import cleaning, duplicates, features, shuffle
from segcore.lines.ledger import count
from segcore.lines.orders import condense
from segcore.pipeline.core.job_file import with_clock
from segcore.pipeline.core.plan import Plan
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers import customers as of_customers
from segcore.pipeline.lines import fill_orders, id_map, read_input, shuffle_lines, understand_formats
from segcore.pipeline.lines.memory_plan import PartitionPlan
from segcore.pipeline.lines.prepared_input import PreparedInput
from segcore.progress import Progress
from segcore.storage import Workspace, read_json

HEADER = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]
RULES = job.Cleaning(
    cancellation_prefix="C", adjustment_prefix="A", not_products=["POST", "M"], not_product_prefixes=["GIFT_"]
)
NOW = 1_900_000_000
CLOCK = datetime.fromtimestamp(NOW, UTC) - timedelta(days=1)  # when the clock is read
AS_FOUND = job.Input()

Line = tuple[str, ...]


def line(**given: Any) -> Line:
    """Return a plain purchase line with some fields replaced."""
    fields = {
        "InvoiceNo": "1",
        "StockCode": "85123A",
        "Description": "HOLDER",
        "Quantity": "2",
        "InvoiceDate": "2011-03-01 10:00:00",
        "UnitPrice": "1.25",
        "CustomerID": "17850.0",
        "Country": "France",
    }
    return tuple(str({**fields, **given}[name]) for name in HEADER)


def frame(lines: Sequence[Line]) -> pl.DataFrame:
    """Return lines as the text columns of an export."""
    return pl.DataFrame(list(lines), schema=dict.fromkeys(HEADER, pl.String), orient="row")


def few_come_back(n_customers: int, share: float) -> list[Line]:
    """Customers of whom a share has two to nine orders, the others one."""
    rng = random.Random(0)
    return [
        line(
            InvoiceNo=f"{customer}-{order}",
            CustomerID=f"c{customer}",
            StockCode=f"p{rng.randrange(50)}",
            Quantity=rng.randint(1, 40),
            UnitPrice=f"{rng.randint(1, 900) / 100}",
            InvoiceDate=f"2011-{rng.randint(1, 12):02}-{rng.randint(1, 28):02} 10:00:00",
        )
        for customer in range(n_customers)
        for order in range(rng.randint(2, 9) if customer < n_customers * share else 1)
    ]


def write_csv(path: Path, lines: Sequence[Line]) -> Path:
    """Write lines as a CSV file with a header."""
    frame(lines).write_csv(path)
    return path


def prepared(paths: Sequence[Path], settings: job.Job | None = None) -> PreparedInput:
    """Look through some files; copies go to a folder beside the first."""
    settings = settings or job.Job()
    scratch = Path(tempfile.mkdtemp(dir=paths[0].parent, prefix=".scratch-"))
    files = ingest.prepare(ingest.discover(paths), settings.input, scratch, memory=10**9)
    return PreparedInput.of(files, settings)


def started(
    folder: Path, settings: job.Job, inputs: Sequence[Path | str] = (), progress: Progress | None = None
) -> RunContext:
    """Return a run whose stages go to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        sources=ingest.discover(inputs),
        ids=id_map.find(settings),
        settings=with_clock(settings, CLOCK),
        budget=10**9,
        refresh="fit",
    )
    work = Workspace(out=folder, folder=folder, begun=CLOCK)
    return RunContext(work=work, run_id="test", plan=plan, progress=progress or Progress(quiet=True))


def through(inputs: Sequence[Path | str], folder: Path, **settings: Any) -> dict[str, Any]:
    """Take inputs through the first stages of a run, and return its ledger."""
    job_settings = job.resolve("", {key.replace("__", "."): value for key, value in settings.items()})
    run = started(folder, job_settings, inputs)
    source = read_input.prepare(run)
    source = replace(source, ids=id_map.prepare(run))
    found = taken_through(source, source.settings, folder, progress=run.progress, n_buckets=4)
    return {**read_json(found.folder / "ledger.json"), "warnings": run.progress.warnings}


def taken_through(
    source: PreparedInput,
    settings: job.Job,
    folder: Path,
    *,
    n_buckets: int = 1,
    capacity: int = 10**6,
    progress: Progress | None = None,
) -> of_customers.Customers:
    """Take prepared files through the stages of the lines and of the customers."""
    run = started(folder, settings, progress=progress)
    plan = PartitionPlan(bits=n_buckets.bit_length() - 1, capacity=capacity, at_once=2)
    if settings.input.fill_from:
        source = fill_orders.fill(run, source, plan)
    buckets = shuffle_lines.partition(run, source, plan)
    return of_customers.describe(run, source, buckets, None, at_once=plan.at_once)


def counts(account: dict[str, Any]) -> dict[str, int]:
    """Return the lines of each class that has any."""
    return {entry["class"]: entry["rows"] for entry in account["classes"] if entry["rows"]}


def classified(
    paths: Sequence[Path], rules: job.Cleaning = RULES, given: job.Input = AS_FOUND
) -> pl.LazyFrame:
    """Return every line of some files with its class, duplicates not yet marked."""
    settings = with_clock(job.Job(input=given, cleaning=rules), CLOCK)
    read = prepared(paths, settings)
    frames = [
        cleaning.classify(ingest.read_values(ingest.scan(group), group, how, settings, latest=NOW), rules)
        for group, how in zip(
            read.file_groups, understand_formats.understand(read, settings, every=True), strict=True
        )
    ]
    return pl.concat(frames)


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """Files of lines by bucket, in hash order, and of the rejected lines."""

    lines: tuple[tuple[str, ...], ...]
    rejects: tuple[str, ...]

    def frames(self) -> list[pl.LazyFrame]:
        """Return the lines of each bucket that has any, each line once."""
        frames = [pl.scan_parquet(list(paths)) for paths in self.lines if paths]
        return [lf.join(duplicates.later_copies(lf), on="place", how="anti") for lf in frames]

    def duplicates(self) -> list[pl.LazyFrame]:
        """Return the second and later copies of lines."""
        frames = [pl.scan_parquet(list(paths)) for paths in self.lines if paths]
        return [lf.join(duplicates.later_copies(lf), on="place", how="semi") for lf in frames]


def shuffled(paths: Sequence[Path], folder: Path, *, n_buckets: int, rules: job.Cleaning = RULES) -> Shuffled:
    """Shuffle the lines of some files into buckets."""
    keyed = shuffle.keyed(classified(paths, rules), seed=0)
    files = shuffle.write(keyed, str(folder), bits=n_buckets.bit_length() - 1)
    return Shuffled(
        lines=tuple(tuple(p.path for p in files if p.bucket == number) for number in range(n_buckets)),
        rejects=tuple(p.path for p in files if p.bucket is None),
    )


def customers(buckets: Shuffled, *, as_of: int = NOW) -> pl.DataFrame:
    """Return the features of all customers, bucket after bucket."""
    return pl.concat(features_of(lf, as_of=as_of) for lf in buckets.frames())


def features_of(lines: pl.LazyFrame, *, as_of: int = NOW, gross: pl.LazyFrame | None = None) -> pl.DataFrame:
    """Return the features of the customers of some lines, each once."""
    return features.customer_features(
        condense(lines),
        features.bought_products(lines),
        as_of=as_of,
        money_decimals=4,
        gross=None if gross is None else condense(gross),
    ).collect()


def ledger(buckets: Shuffled) -> dict[str, tuple[int, int]]:
    """Return rows and money in minor units of every class."""
    parts = [count(lf).collect() for lf in buckets.frames()]
    parts += [
        count(lf).collect().with_columns(pl.lit("duplicate", parts[0].schema["class"]).alias("class"))
        for lf in buckets.duplicates()
    ]
    if buckets.rejects:
        parts.append(count(pl.scan_parquet(list(buckets.rejects))).collect())
    total = pl.concat(parts).group_by("class").agg(pl.col("rows", "money").sum())
    return {name: (rows, money) for name, rows, money in total.rows()}


def any_line() -> st.SearchStrategy[Line]:
    """Return lines with everything that is wrong with real ones."""
    return st.builds(
        lambda *fields: tuple(fields),
        st.sampled_from(["1", "2", "3", "C4", "A5", ""]),
        st.sampled_from(["85123A", "85123a", "POST", "gift_0001", "22", ""]),
        st.sampled_from(["HOLDER", "LAMP, RED", 'SAYS "HI"', "two\nlines", ""]),
        st.sampled_from(["1", "-1", "0", "12", "1.5", "x", "", " 3 "]),
        st.sampled_from(["2011-03-01 10:00:00", "2011-04-02 09:00:00", "2011-13-01 00:00:00", ""]),
        st.sampled_from(["1.25", "0", "-2", "0.00001", "99999999999999999", "1e-3", "NaN", ""]),
        st.sampled_from(["17850.0", "17850", "007", "", "abc", "9223372036854775807"]),
        st.sampled_from(["France", "United Kingdom", ""]),
    )
