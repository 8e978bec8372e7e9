"""What the report shows: the small files of a run directory, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import polars.selectors as cs

from segcore import errors, job, profile, records
from segcore.profile import Rules
from segcore.records import DriftReport, Ledger, LineageReport, Manifest, MovementReport
from segcore.report import net_revenue

TABLES = (
    "monthly",
    "nights",
    "products",
    "countries",
    "map",
    "map_loadings",
    "histogram",
    "agreement",
    "preparations",
    "preparations_kept",
    "tree",
    "examples",
    "cohorts",
    "newcomers",
    "concentration",
    "returns",
    "rfm",
    "outlook",
    "outlook_calibration",
)
_REJECTS_PER_REASON = 3


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """A finished run, as far as its report needs it.

    Attributes
    ----------
    manifest : Manifest
    ledger : Ledger
    job : segcore.job.Job
    job_text : str
        The resolved job as it lies in the run.
    profile, candidates : polars.DataFrame
        Revenue of the profile is net of returns; what it was before is beside it.
    look_back : polars.DataFrame
        Empty where the run has none.
    tables : dict of polars.DataFrame
        Aggregates for charts; a table that the run does not have is empty.
    rejects : polars.DataFrame
        The first rejected lines of each reason, as examples.
    lineage : LineageReport or None
    movement : MovementReport or None
    drift : DriftReport or None
    rules : Rules or None
        The optional files; None where the run has none.
    """

    manifest: Manifest
    ledger: Ledger
    job: job.Job
    job_text: str
    profile: pl.DataFrame
    candidates: pl.DataFrame
    look_back: pl.DataFrame
    tables: dict[str, pl.DataFrame]
    rejects: pl.DataFrame
    lineage: LineageReport | None
    movement: MovementReport | None
    drift: DriftReport | None
    rules: Rules | None


def load(run_dir: Path) -> ReportData:
    """Read the files of a run directory that the report shows.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If the directory is no finished run.
    """
    if not (run_dir / "manifest.json").is_file():
        raise errors.InputNotFoundError(
            f"{run_dir}: no finished run (found no manifest.json); give the directory that latest.json names"
        )
    manifest, ledger = records.read(Manifest, run_dir), records.read(Ledger, run_dir)
    job_text = (run_dir / "job.toml").read_text(encoding="utf-8")
    settings = job.resolve(job_text, source=str(run_dir / "job.toml"))
    tables = {name: _table(run_dir / "tables" / f"{name}.parquet") for name in TABLES}
    return ReportData(
        manifest=manifest,
        ledger=ledger,
        job=settings,
        job_text=job_text,
        profile=net_revenue.net(_finite(profile.load(run_dir)), tables["returns"], settings),
        candidates=_table(run_dir / "candidates.parquet"),
        look_back=_table(run_dir / "look_back.parquet"),
        tables=tables,
        rejects=_rejects(run_dir / "rejects", list(ledger.rows)),
        lineage=records.read_optional(LineageReport, run_dir),
        movement=records.read_optional(MovementReport, run_dir),
        drift=records.read_optional(DriftReport, run_dir),
        rules=records.read_optional(Rules, run_dir),
    )


def _table(path: Path) -> pl.DataFrame:
    """Read a table, empty where it is not there."""
    if not path.is_file():
        return pl.DataFrame()
    return _finite(pl.read_parquet(path))


def _finite(df: pl.DataFrame) -> pl.DataFrame:
    """Make null of what is not finite, since JSON has no other word for it."""
    return df.with_columns(pl.when(cs.float().is_finite()).then(cs.float()))


def _rejects(folder: Path, reasons: list[str]) -> pl.DataFrame:
    """Return the first few lines of each reason; the scan of each ends when it has them."""
    if not folder.is_dir() or not any(folder.glob("*.parquet")):
        return pl.DataFrame()
    lf = pl.scan_parquet(folder / "*.parquet", missing_columns="insert", extra_columns="ignore")
    firsts = [lf.filter(pl.col("reason") == reason).head(_REJECTS_PER_REASON) for reason in reasons]
    with records.readable(folder):
        return pl.concat(pl.collect_all(firsts)) if firsts else pl.DataFrame()
