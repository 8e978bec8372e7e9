"""What can be asked of a finished run: its report again, and why a customer is where they are."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from segcore import encoding, errors, explain, job, profile, report, storage
from segcore.pipeline import model_store


def find(path: Path) -> Path:
    """Return a run's folder from itself or from a folder with latest.json.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is no finished run.
    """
    if (path / "manifest.json").is_file():
        return path
    latest = path / "latest.json"
    if latest.is_file():
        return path / str(storage.read_json(latest)["run"])
    raise errors.InputNotFoundError(
        f"{path}: no finished run; expected a folder with manifest.json or latest.json, such as the --out of a run"
    )


def rebuild_report(path: Path, *, markdown: bool = False, show_ids: bool = False) -> Path:
    """Write the report of a finished run again and return where it is."""
    run = find(path)
    target = run / ("report.md" if markdown else "report.html")
    text = report.build_markdown(run) if markdown else report.build(run, show_ids=show_ids)
    with storage.disk_errors(target):
        storage.write_text(target, text)
    return target


def explain_customer(customer_id: str, path: Path) -> str:
    """Say why a customer is in their segment and what would move them.

    Raises
    ------
    segcore.errors.DataError
        If the run has no such customer.
    """
    run = find(path)
    stored = model_store.load(run)
    customers = pl.scan_parquet(run / "features/*.parquet")
    row = customers.filter(pl.col("customer_id") == customer_id).collect(engine="streaming")
    if not row.height:
        raise errors.DataError(
            f"customer {customer_id!r} has no purchase in this run; ids are text, as in {run / 'segments.csv'}"
        )
    model = explain.Model(
        preparation=stored.preparation,
        assigner=stored.assigner,
        centres=stored.centres,
        segments=stored.segments,
        separate_one_time=stored.separate_one_time,
    )
    settings = job.resolve((run / "job.toml").read_text(encoding="utf-8"), source=str(run / "job.toml"))
    found = explain.explain(
        encoding.expand(row, stored.preparation.encodings),
        model=model,
        names=stored.names,
        profile=pl.read_parquet(run / "profile.parquet"),
        limits=explain.limits_of(encoding.expand(customers, stored.preparation.encodings), model),
        rules=profile.Rules.from_state(storage.read_json(run / "rules.json")),
    )
    return found.text(currency=settings.report.currency)
