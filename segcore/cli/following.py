"""Commands that follow a finished run: score new lines with it, compare it with another."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import click

from segcore.cli.group import cli
from segcore.cli.importing import importing
from segcore.cli.options import Folder, Place, Size, operating_options, place_options


@cli.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "--model",
    required=True,
    envvar="SEGCORE_MODEL",
    type=Place(),
    help="Finished run, or a folder with latest.json; a path or a URL.",
)
@place_options
@click.option(
    "--as-of",
    type=click.DateTime(),
    envvar="SEGCORE_AS_OF",
    help="Day that recency counts from.  [default: the job's, else last line + 1 day]",
)
@click.option(
    "--memory",
    type=Size(),
    envvar="SEGCORE_MEMORY",
    help="Memory budget, such as 1GB.  [default: half of the machine]",
)
@click.option("--report", "with_report", is_flag=True, help="Draw the report too.")
@operating_options
def score(
    inputs: tuple[str, ...],
    model: Path | str,
    out: Path | str,
    scratch: Path | str | None,
    as_of: datetime | None,
    memory: int | None,
    with_report: bool,
    no_resume: bool,
    wait: bool,
    keep: int | None,
    log_format: Literal["text", "json"],
    quiet: bool,
) -> None:
    """Label the customers in INPUT with the model of a finished run; nothing is fitted.

    Cleaning, features, transforms and centres are those of the run. Leaves a run in DIR/runs/ with every
    customer's segment, distance, confidence and whether they are beyond the fitted radius, and with drift.
    """
    with importing():
        from segcore import pipeline

    run = pipeline.score(
        list(inputs),
        out,
        model=model,
        as_of=as_of,
        with_report=with_report,
        memory=memory,
        scratch=scratch,
        resume=not no_resume,
        wait=wait,
        keep=keep,
        log_format=log_format,
        quiet=quiet,
    )
    click.echo(f"{run.place}/report.html" if with_report else str(run.place))


@cli.command()
@click.argument("old", type=Place())
@click.argument("new", type=Place())
@click.option(
    "--out",
    "-o",
    type=Folder(),
    help="Folder for the tables, every customer that moved (Parquet) and a report.",
)
def compare(old: Path | str, new: Path | str, out: Path | None) -> None:
    """Say which segments of run OLD live on in run NEW, who moved, and why (runs, or folders with latest.json)."""
    with importing():
        from segcore import pipeline

    click.echo(pipeline.compare_runs(old, new, out))
