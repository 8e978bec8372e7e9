"""Commands that look at an input, a job or a finished run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from segcore.cli.group import cli, importing, say
from segcore.cli.options import (
    DEFAULT_OUT,
    inputs_argument,
    job_option,
    memory_option,
    path_or_url,
    source_options,
    take_overrides,
)


@cli.command("report")
@click.argument("run", type=path_or_url)
@click.option("--format", "kind", type=click.Choice(["html", "md"]), default="html", show_default=True)
@click.option("--show-ids", is_flag=True, help="Name typical customers by their id.")
def report_command(run: Path | str, kind: str, show_ids: bool) -> None:
    """Rebuild the report of a finished RUN (its folder or URL, or one with latest.json)."""
    with importing():
        from segcore import pipeline

    say(str(pipeline.rebuild_report(run, markdown=kind == "md", show_ids=show_ids)), published=True)


@cli.command()
@click.argument("customer_id")
@click.option(
    "--run", required=True, type=path_or_url, help="The run's folder or URL, or one with latest.json."
)
def explain(customer_id: str, run: Path | str) -> None:
    """Explain why CUSTOMER_ID is in their segment, and what would move them to the next one."""
    with importing():
        from segcore import pipeline

    say(pipeline.explain_customer(customer_id, run))


@cli.command("runs")
@click.argument("out", type=path_or_url, default=DEFAULT_OUT)
@click.option("--json", "as_json", is_flag=True, help="One object a line, with all that is known of a run.")
def runs_command(out: Path | str, as_json: bool) -> None:
    """List the finished runs in OUT, the newest last: when, as of which day, which lines, model, who moved, drift."""
    with importing():
        from segcore import pipeline

    if as_json:
        for run in pipeline.runs(out):
            say(json.dumps(run, ensure_ascii=False))
        return
    for line in pipeline.list_runs(out):
        say(line)


@cli.command("export")
@click.argument("run", type=path_or_url, default=DEFAULT_OUT)
@click.option("--to", required=True, help="A folder, postgresql://[USER@]HOST/DATABASE or duckdb:FILE.")
def export_command(run: Path | str, to: str) -> None:
    """Write the customers, profile, movement and lists per segment of a finished RUN for other systems.

    Into a folder, as Parquet and CSV, or into a database, as tables, in one transaction. A run that is there
    already is left as it is. Passwords come from the environment (PGPASSWORD, PGPASSFILE).
    """
    with importing():
        from segcore import pipeline

    say(pipeline.export(run, to), published=True)


@cli.command("inspect")
@inputs_argument
@job_option
@click.option("--full", is_flag=True, help="Look through all files, so that nothing is estimated.")
@click.option(
    "--write-job", "write_job_to", type=click.Path(path_type=Path), help="Write a ready job file; a new one."
)
@memory_option
@source_options
def inspect_command(inputs: tuple[str, ...], **options: Any) -> None:
    """Show what would happen to INPUT: columns, types, dates, first rejects, customers and what the job would cost.

    Exits with the run's code where it would stop: 65 for what the data are, 78 where the memory is too small.
    """
    with importing():
        from segcore import pipeline

    overrides = take_overrides(options)
    description, stops = pipeline.inspected(list(inputs), overrides=overrides, **options)
    say(description)
    if stops is not None:
        raise type(stops)(f"the run would stop: {stops}")


@cli.command("validate-job")
@click.argument("file", type=click.Path(path_type=Path))
def validate_job(file: Path) -> None:
    """Check a job FILE alone, and print it with every default filled in."""
    with importing():
        from segcore import job
        from segcore.pipeline.core.job_file import load

    say(job.to_toml(load(file)), nl=False)
