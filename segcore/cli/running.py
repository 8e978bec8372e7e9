"""``segcore segment``: a run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import click

from segcore.cli.group import cli
from segcore.cli.importing import importing
from segcore.cli.options import K, Place, Rows, Size, operating_options, place_options, source_options
from segcore.report import vega


@cli.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@place_options
@click.option(
    "--job",
    "job_file",
    envvar="SEGCORE_JOB",
    type=click.Path(path_type=Path),
    help="Job file (TOML); see jobs/default.toml.",
)
@click.option(
    "--k",
    type=K(),
    envvar="SEGCORE_K",
    help="Number of segments, or 'auto' for the selection rule.  [default: auto]",
)
@click.option(
    "--family", envvar="SEGCORE_FAMILY", help="Pin the model family, such as kmeans or mixture-full."
)
@click.option(
    "--memory",
    type=Size(),
    envvar="SEGCORE_MEMORY",
    help="Memory budget, such as 1GB; with a cluster of each worker.  [default: half of the machine]",
)
@click.option(
    "--sample",
    type=Rows(),
    envvar="SEGCORE_SAMPLE",
    help="Customers that sample fits see.  [default: 10000]",
)
@click.option(
    "--as-of",
    type=click.DateTime(),
    envvar="SEGCORE_AS_OF",
    help="Day that recency counts from; later lines do not count.  [default: last line + 1 day]",
)
@click.option(
    "--window", envvar="SEGCORE_WINDOW", help="Only lines of so many days up to as-of count, such as 365d."
)
@click.option(
    "--from",
    "window_from",
    type=click.DateTime(),
    envvar="SEGCORE_FROM",
    help="Only lines from this day on count; in place of --window.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    envvar="SEGCORE_SEED",
    help="Seed of hashes, samples and restarts.  [default: 0]",
)
@source_options
@click.option(
    "--scheduler", envvar="SEGCORE_SCHEDULER", help="Address of a Dask scheduler, tcp://host:8786 or tls://."
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    envvar="SEGCORE_WORKERS",
    help="Start a local Dask cluster of so many workers.",
)
@click.option(
    "--previous",
    envvar="SEGCORE_PREVIOUS",
    type=Place(),
    help="Run that this one follows.  [default: the one that DIR/latest.json names]",
)
@click.option(
    "--fresh",
    is_flag=True,
    envvar="SEGCORE_FRESH",
    help="Fit and choose as if there were no previous run; ids of segments go on all the same.",
)
@click.option(
    "--if-drifted",
    is_flag=True,
    envvar="SEGCORE_IF_DRIFTED",
    help="Score with the previous model while it fits, refit when it does not.",
)
@operating_options
def segment(
    inputs: tuple[str, ...],
    out: Path | str,
    scratch: Path | str | None,
    job_file: Path | None,
    k: int | str | None,
    family: str | None,
    memory: int | None,
    sample: int | None,
    as_of: datetime | None,
    window: str | None,
    window_from: datetime | None,
    seed: int | None,
    encoding: str | None,
    date_format: str | None,
    decimal: str | None,
    max_reject_share: float | None,
    scheduler: str | None,
    workers: int | None,
    previous: Path | str | None,
    fresh: bool,
    if_drifted: bool,
    no_resume: bool,
    wait: bool,
    keep: int | None,
    log_format: Literal["text", "json"],
    quiet: bool,
) -> None:
    """Segment the customers in INPUT: files, folders, globs or URLs of CSV, Parquet or Excel.

    Leaves a run in DIR/runs/ with features, segments, the comparison of all models and report.html;
    DIR/latest.json points to it. Nothing is published when the run fails; the same command then goes on
    from the last finished stage.

    Exit codes: 0 done, 2 usage, 3 quality gate, 65 bad data, 66 input not found,
    69 cluster or store unreachable, 73 output not writable, 74 disk full, 75 try again, 78 bad job,
    130 and 143 stopped by a signal.
    """
    vega.bundled()  # beside the imports
    with importing():
        from segcore import pipeline

    overrides = {
        "selection.k": None if k == "auto" else k,
        "selection.family": family,
        "models.sample": sample,
        "features.as_of": as_of,
        "features.window": window,
        "features.window_from": window_from,
        "seed": seed,
        "input.encoding": encoding,
        "input.date_format": date_format,
        "input.decimal": decimal,
        "cleaning.max_reject_share": max_reject_share,
    }
    run = pipeline.segment(
        list(inputs),
        out,
        job=job_file,
        overrides={key: value for key, value in overrides.items() if value is not None},
        memory=memory,
        scratch=scratch,
        scheduler=scheduler,
        workers=workers,
        previous=previous,
        fresh=fresh,
        if_drifted=if_drifted,
        resume=not no_resume,
        wait=wait,
        keep=keep,
        log_format=log_format,
        quiet=quiet,
    )
    click.echo(f"{run.place}/report.html")
