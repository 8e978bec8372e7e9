"""Commands that make a run, and one that compares two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from segcore.cli.group import cli, importing, say
from segcore.cli.options import (
    count,
    folder,
    inputs_argument,
    job_option,
    k,
    key_option,
    operating_options,
    option,
    path_or_url,
    place_options,
    size,
    source_options,
    take_overrides,
)


@cli.command()
@inputs_argument
@place_options
@job_option
@key_option(
    "selection.k",
    "--k",
    type=k,
    help="Number of segments, or 'auto' for the selection rule.  [default: auto]",
)
@key_option("selection.family", "--family", help="Pin the model family, such as kmeans or mixture-full.")
@key_option("models.sample", "--sample", type=count, help="Customers that sample fits see.  [default: 10000]")
@key_option(
    "features.as_of",
    "--as-of",
    type=click.DateTime(),
    help="Day that recency counts from; later lines do not count.  [default: last line + 1 day]",
)
@key_option("features.window", "--window", help="Only lines of so many days up to as-of count, such as 365d.")
@key_option(
    "features.window_from",
    "--from",
    type=click.DateTime(),
    help="Only lines from this day on count; in place of --window.",
)
@key_option(
    "seed", "--seed", type=click.IntRange(0), help="Seed of hashes, samples and restarts.  [default: 0]"
)
@source_options
@key_option(
    "input.incremental",
    "--incremental",
    is_flag=True,
    default=None,
    help="Keep what files became in DIR/cache, and read new and changed files only next time.",
)
@option(
    "--cache-limit",
    type=size,
    help="With --incremental: how much may be kept on disk for the next run, such as 20GB.  [default: all that it can use]",
)
@option("--scheduler", help="Address of a Dask scheduler, tcp://host:8786 or tls://.")
@option("--workers", type=click.IntRange(1), help="Start a local Dask cluster of so many workers.")
@option(
    "--previous",
    type=path_or_url,
    help="Run that this one follows.  [default: the one that DIR/latest.json names]",
)
@option(
    "--fresh",
    is_flag=True,
    help="Fit and choose as if there were no previous run; ids of segments go on all the same.",
)
@option(
    "--if-drifted", is_flag=True, help="Score with the previous model while it fits, refit when it does not."
)
@operating_options
def segment(inputs: tuple[str, ...], **options: Any) -> None:
    """Segment the customers in INPUT: files, folders, globs or URLs of CSV, Parquet or Excel.

    Leaves a run in DIR/runs/ with features, segments, the comparison of all models and report.html;
    DIR/latest.json points to it. Nothing is published when the run fails; the same command then goes on
    from the last finished stage.

    Exit codes: 0 done, 2 usage, 3 quality gate, 65 bad data, 66 input not found,
    69 cluster or store unreachable, 73 output not writable, 74 disk full, 75 try again, 78 bad job,
    130 and 143 stopped by a signal.
    """
    with importing():
        from segcore import pipeline

    overrides = take_overrides(options)
    run = pipeline.segment(list(inputs), overrides=overrides, **options)
    say(f"{run.place}/report.html", published=True)


@cli.command()
@inputs_argument
@place_options
@option(
    "--model",
    required=True,
    type=path_or_url,
    help="Finished run, or a folder with latest.json; a path or a URL.",
)
@option(
    "--as-of",
    type=click.DateTime(),
    help="Day that recency counts from.  [default: the job's, else last line + 1 day]",
)
@click.option("--report", "with_report", is_flag=True, help="Draw the report too.")
@operating_options
def score(inputs: tuple[str, ...], **options: Any) -> None:
    """Label the customers in INPUT with the model of a finished run; nothing is fitted.

    Cleaning, features, transforms and centres are those of the run. Leaves a run in DIR/runs/ with every
    customer's segment, distance, confidence and whether they are beyond the fitted radius, and with drift.
    """
    with importing():
        from segcore import pipeline

    run = pipeline.score(list(inputs), **options)
    say(f"{run.place}/report.html" if options["with_report"] else str(run.place), published=True)


@cli.command()
@click.argument("old", type=path_or_url)
@click.argument("new", type=path_or_url)
@click.option(
    "--out",
    "-o",
    type=folder,
    help="Folder for the tables, every customer that moved (Parquet) and a report.",
)
def compare(old: Path | str, new: Path | str, out: Path | None) -> None:
    """Show which segments of run OLD live on in run NEW, who moved, and why (runs, or folders with latest.json)."""
    with importing():
        from segcore import pipeline

    say(pipeline.compare_runs(old, new, out), published=out is not None)
