"""Who is next, as a run finds it and leaves it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from segcore import errors
from segcore.outlook import states
from segcore.outlook.model import Outlook
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.finished import outlook_file
from segcore.pipeline.models import outlook
from segcore.pipeline.models.outlook import JudgedOutlook
from segcore.times import SECONDS_A_DAY


def fit(run: RunContext, customers: Customers) -> JudgedOutlook | None:
    """Fit and judge who buys in the next period, where the job wants it and there is enough to learn from."""
    cut = customers.cut
    if cut is None or not run.settings.outlook.enabled:
        return None
    with run.measured("outlook") as stage:
        judged = outlook.make(
            customers.then,
            customers.earlier,
            run.settings.features.numbers,
            days=(cut.end - cut.at) // SECONDS_A_DAY,
            seasons=customers.seasons,
            money_decimals=run.settings.cleaning.amount_decimals,
        )
        stage.rows = None if judged is None else judged.figures.customers
    if judged is None:
        run.progress.log(f"no chance to buy: {outlook.NEEDED}")
    elif not judged.figures.published:
        run.progress.warn(judged.figures.sentence)
    return judged


def write(folder: Path, judged: JudgedOutlook | None) -> None:
    """Write how an outlook was judged and, where it is published, what `score` and `explain` need."""
    if judged is None:
        return
    judged.calibration.write_parquet(folder / "tables/outlook_calibration.parquet")
    if judged.published is not None:
        outlook_file.save(folder, judged.published)


def states_of(folder: Path, customers: Customers, outlook: Outlook) -> pl.DataFrame:
    """Count how many customers of each segment are due, overdue and gone, from the published segments."""
    return states.count(
        pl.scan_parquet(folder / "segments/*.parquet"),
        pl.scan_parquet(list(customers.features)),
        days=outlook.about.days,
    ).collect(engine="streaming")


def applicable(run: RunContext, folder: Path, customers: Customers) -> Outlook | None:
    """Return the outlook of the run whose files are linked here, where these customers have all of its features."""
    outlook = outlook_file.load(folder)
    if outlook is None or not run.settings.outlook.enabled:
        return None
    if lacking := outlook.lacking(pl.read_parquet_schema(customers.features[0])):
        run.progress.warn(f"no chance to buy: the input says nothing about {errors.listing(lacking)}")
        return None
    return outlook
