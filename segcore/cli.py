"""The ``segcore`` command. Engines are imported inside the commands, so that ``--help`` answers at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NoReturn

import click

from segcore import __version__, errors, logs, stopping


class _Size(click.ParamType[int]):
    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from segcore import engine

        try:
            return engine.parse_size(str(value))
        except errors.UsageError as exc:
            self.fail(str(exc), param, ctx)


class _K(click.ParamType[int | str]):
    name = "k"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        if value == "auto" or isinstance(value, int):
            return str(value) if value == "auto" else int(value)
        if not str(value).isdigit():
            self.fail(f"{value!r} is neither a number of segments nor 'auto'", param, ctx)
        if int(value) < 2:
            self.fail(f"k={value} should be at least 2: one segment is everybody", param, ctx)
        return int(value)


class _Rows(click.ParamType[int]):
    name = "rows"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            rows = float(value)
        except ValueError:
            self.fail(f"{value!r} is no number; write it like 20000 or 1e6", param, ctx)
        if rows < 1 or rows != int(rows):
            self.fail(f"{value!r} should be a whole number of at least 1", param, ctx)
        return int(rows)


_LOG_FORMAT = "SEGCORE_LOG_FORMAT"


def _remember_log_format(ctx: click.Context, param: click.Parameter, value: str) -> str:
    os.environ[_LOG_FORMAT] = value  # what fails later is said in it too
    return value


def _source_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how the source is written; without them it is found by looking."""
    options = [
        click.option(
            "--encoding", envvar="SEGCORE_ENCODING", help="Of text files.  [default: found by looking]"
        ),
        click.option(
            "--date-format",
            envvar="SEGCORE_DATE_FORMAT",
            help="month-first, day-first, epoch-seconds, epoch-milliseconds, or a pattern like %d.%m.%Y.",
        ),
        click.option(
            "--decimal",
            type=click.Choice([".", ","]),
            envvar="SEGCORE_DECIMAL",
            help="Decimal mark of numbers.",
        ),
        click.option(
            "--max-reject-share",
            type=click.FloatRange(0, 1),
            envvar="SEGCORE_MAX_REJECT_SHARE",
            help="Share of lines, beyond missing customers, that may be rejected.  [default: 0.5]",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="segcore")
@click.option("--debug", is_flag=True, envvar="SEGCORE_DEBUG", help="Show a traceback when something fails.")
def cli(debug: bool) -> None:
    """Turn a dump of transaction lines into customer segments and a report.

    Start with: segcore segment INPUT --out DIR
    """


@cli.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "--out",
    "-o",
    required=True,
    envvar="SEGCORE_OUT",
    type=click.Path(path_type=Path),
    help="Folder for the runs.",
)
@click.option(
    "--job",
    "job_file",
    envvar="SEGCORE_JOB",
    type=click.Path(path_type=Path),
    help="Job file (TOML); see jobs/default.toml.",
)
@click.option(
    "--k",
    type=_K(),
    envvar="SEGCORE_K",
    help="Number of segments, or 'auto' for the selection rule.  [default: auto]",
)
@click.option(
    "--family", envvar="SEGCORE_FAMILY", help="Pin the model family, such as kmeans or mixture-full."
)
@click.option(
    "--memory",
    type=_Size(),
    envvar="SEGCORE_MEMORY",
    help="Memory budget, such as 1GB.  [default: half of the machine]",
)
@click.option(
    "--sample",
    type=_Rows(),
    envvar="SEGCORE_SAMPLE",
    help="Customers that sample fits see.  [default: 10000]",
)
@click.option(
    "--as-of",
    type=click.DateTime(),
    envvar="SEGCORE_AS_OF",
    help="Day that recency counts from.  [default: last line + 1 day]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    envvar="SEGCORE_SEED",
    help="Seed of hashes, samples and restarts.  [default: 0]",
)
@_source_options
@click.option("--threads", type=click.IntRange(1), envvar="SEGCORE_THREADS", help="Threads.  [default: all]")
@click.option(
    "--scheduler", envvar="SEGCORE_SCHEDULER", help="Address of a Dask scheduler, such as tcp://host:8786."
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
    type=click.Path(path_type=Path),
    help="Run that this one follows.  [default: the one that DIR/latest.json names]",
)
@click.option(
    "--fresh",
    is_flag=True,
    envvar="SEGCORE_FRESH",
    help="Do not go on from the previous centres; ids of segments go on all the same.",
)
@click.option(
    "--if-drifted",
    is_flag=True,
    envvar="SEGCORE_IF_DRIFTED",
    help="Score with the previous model while it fits, refit when it does not.",
)
@click.option(
    "--no-resume",
    is_flag=True,
    envvar="SEGCORE_NO_RESUME",
    help="Start clean, not from the last finished stage of a run that was stopped.",
)
@click.option(
    "--wait",
    is_flag=True,
    envvar="SEGCORE_WAIT",
    help="Wait while another run is at work in DIR; else exit 75.",
)
@click.option(
    "--keep",
    type=click.IntRange(1),
    envvar="SEGCORE_KEEP",
    help="Remove old runs beyond so many, never the published one.  [default: keep all]",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    is_eager=True,
    envvar=_LOG_FORMAT,
    callback=_remember_log_format,
    help="Of what is said on stderr, one line per record.",
)
@click.option("--quiet", "-q", is_flag=True, envvar="SEGCORE_QUIET", help="Say nothing but errors.")
def segment(
    inputs: tuple[str, ...],
    out: Path,
    job_file: Path | None,
    k: int | str | None,
    family: str | None,
    memory: int | None,
    sample: int | None,
    as_of: datetime | None,
    seed: int | None,
    encoding: str | None,
    date_format: str | None,
    decimal: str | None,
    max_reject_share: float | None,
    threads: int | None,
    scheduler: str | None,
    workers: int | None,
    previous: Path | None,
    fresh: bool,
    if_drifted: bool,
    no_resume: bool,
    wait: bool,
    keep: int | None,
    log_format: Literal["text", "json"],
    quiet: bool,
) -> None:
    r"""Segment the customers in INPUT: files, folders or globs of CSV or Parquet.

    Leaves a run in DIR/runs/ with features, segments, the comparison of all models and report.html;
    DIR/latest.json points to it. Nothing is published when the run fails; the same command then goes on
    from the last finished stage.

    \b
    Exit codes: 0 done, 2 usage, 3 quality gate, 65 bad data, 66 input not found,
    69 cluster unreachable, 73 output not writable, 74 disk full, 75 try again, 78 bad job,
    130 and 143 stopped by a signal.
    """
    if threads is not None:
        os.environ["POLARS_MAX_THREADS"] = str(threads)
    from segcore import pipeline

    overrides = {
        "selection.k": None if k == "auto" else k,
        "selection.family": family,
        "models.sample": sample,
        "features.as_of": as_of,
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
    click.echo(str(run.report))


@cli.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "--model",
    required=True,
    envvar="SEGCORE_MODEL",
    type=click.Path(path_type=Path),
    help="Finished run, or a folder with latest.json.",
)
@click.option(
    "--out",
    "-o",
    required=True,
    envvar="SEGCORE_OUT",
    type=click.Path(path_type=Path),
    help="Folder for the runs.",
)
@click.option(
    "--as-of",
    type=click.DateTime(),
    envvar="SEGCORE_AS_OF",
    help="Day that recency counts from.  [default: the job's, else last line + 1 day]",
)
@click.option(
    "--memory",
    type=_Size(),
    envvar="SEGCORE_MEMORY",
    help="Memory budget, such as 1GB.  [default: half of the machine]",
)
@click.option("--report", "with_report", is_flag=True, help="Draw the report too.")
@click.option("--wait", is_flag=True, envvar="SEGCORE_WAIT", help="Wait while another run is at work in DIR.")
@click.option("--quiet", "-q", is_flag=True, envvar="SEGCORE_QUIET", help="Say nothing but errors.")
def score(
    inputs: tuple[str, ...],
    model: Path,
    out: Path,
    as_of: datetime | None,
    memory: int | None,
    with_report: bool,
    wait: bool,
    quiet: bool,
) -> None:
    """Label the customers in INPUT with the model of a finished run; nothing is fitted.

    Cleaning, features, transforms and centres are those of the run. Leaves a run in DIR/runs/ with every
    customer's segment, distance, confidence and whether they are beyond the fitted radius, and with drift.
    """
    from segcore import pipeline

    run = pipeline.score(
        list(inputs),
        out,
        model=model,
        as_of=as_of,
        with_report=with_report,
        memory=memory,
        wait=wait,
        quiet=quiet,
    )
    click.echo(str(run.report if with_report else run.folder))


@cli.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    help="Folder for the tables, every customer that moved (Parquet) and a report.",
)
def compare(old: Path, new: Path, out: Path | None) -> None:
    """Say which segments of run OLD live on in run NEW, who moved, and why (runs, or folders with latest.json)."""
    from segcore import pipeline

    click.echo(pipeline.compare_runs(old, new, out))


@cli.command()
@click.option("--rows", type=_Rows(), required=True, help="Transaction lines, such as 1e6.")
@click.option(
    "--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder for the dump; new or empty."
)
@click.option("--customers", type=_Rows(), help="Customers.  [default: follows from the lines]")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed gives the same bytes."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="Of the files.",
)
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="First day.")
@click.option("--days", type=click.IntRange(1), help="Days from the first to the last.")
def simulate(
    rows: int,
    out: Path,
    customers: int | None,
    seed: int,
    kind: str,
    start: datetime | None,
    days: int | None,
) -> None:
    """Write a synthetic dump of the Online Retail kind, with its warts and planted segments.

    The planted segment of every customer goes to DIR.truth.parquet, beside the dump's folder.
    """
    from segcore.simulate import simulate as write

    given = {"customers": customers, "start": start.date() if start else None, "days": days}
    known: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    dump = write(out, rows=rows, seed=seed, format="csv" if kind == "csv" else "parquet", **known)
    click.echo(f"{dump.rows:,} lines of {dump.customers:,} customers in {len(dump.paths)} files: {out}")


@cli.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(["html", "md"]), default="html", show_default=True)
@click.option("--show-ids", is_flag=True, help="Name typical customers by their id.")
def report_command(run: Path, kind: str, show_ids: bool) -> None:
    """Rebuild the report of a finished RUN (its folder, or a folder with latest.json)."""
    from segcore import pipeline

    click.echo(str(pipeline.rebuild_report(run, markdown=kind == "md", show_ids=show_ids)))


@cli.command()
@click.argument("customer_id")
@click.option(
    "--run", required=True, type=click.Path(path_type=Path), help="The run's folder, or one with latest.json."
)
def explain(customer_id: str, run: Path) -> None:
    """Say why CUSTOMER_ID is in their segment, and what would move them to the next one."""
    from segcore import pipeline

    click.echo(pipeline.explain_customer(customer_id, run))


@cli.command("runs")
@click.argument("out", type=click.Path(path_type=Path))
def runs_command(out: Path) -> None:
    """List the finished runs in OUT, the newest last."""
    from segcore import pipeline

    for line in pipeline.list_runs(out):
        click.echo(line)


@cli.command("inspect")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "--job", "job_file", envvar="SEGCORE_JOB", type=click.Path(path_type=Path), help="Job file (TOML)."
)
@click.option("--full", is_flag=True, help="Look through all files, so that nothing is estimated.")
@click.option(
    "--write-job", "write_to", type=click.Path(path_type=Path), help="Write a ready job file; a new one."
)
@click.option("--memory", type=_Size(), envvar="SEGCORE_MEMORY", help="Memory budget, such as 1GB.")
@_source_options
def inspect_command(
    inputs: tuple[str, ...],
    job_file: Path | None,
    full: bool,
    write_to: Path | None,
    memory: int | None,
    encoding: str | None,
    date_format: str | None,
    decimal: str | None,
    max_reject_share: float | None,
) -> None:
    """Say what would happen to INPUT: columns, types, dates, first rejects, customers and what the job would cost."""
    from segcore import pipeline

    overrides = {
        "input.encoding": encoding,
        "input.date_format": date_format,
        "input.decimal": decimal,
        "cleaning.max_reject_share": max_reject_share,
    }
    text = pipeline.inspect_input(
        list(inputs),
        job_file=job_file,
        overrides={key: value for key, value in overrides.items() if value is not None},
        full=full,
        memory=memory,
        write_job_to=write_to,
    )
    click.echo(text)


@cli.command("validate-job")
@click.argument("file", type=click.Path(path_type=Path))
def validate_job(file: Path) -> None:
    """Check a job FILE alone, and print it with every default filled in."""
    from segcore import job
    from segcore.pipeline.jobs import load

    click.echo(job.to_toml(load(file)), nl=False)


def main() -> NoReturn:
    """Run the command; every failure is one line on stderr and an exit code."""
    stopping.install(_fail)
    debug = "--debug" in sys.argv or os.environ.get("SEGCORE_DEBUG") not in (None, "", "0")
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as exc:
        code = exc.exit_code
        _fail(exc.format_message(), code) if _in_json() else exc.show()
    except stopping.Stopped as exc:
        code = _fail(stopping.MESSAGE.format(exc.signal_name), exc.exit_code)
    except (click.Abort, KeyboardInterrupt):  # an engine has a handler of its own
        code = _fail(stopping.MESSAGE.format("SIGINT"), 130)
    except errors.SegcoreError as exc:
        if debug:
            raise
        code = _fail(str(exc), exc.exit_code)
    except MemoryError:
        code = _fail("out of memory; use a smaller --memory budget or a larger machine", 75)
    except Exception as exc:
        if debug:
            raise
        code = _fail(f"a bug: {type(exc).__name__}: {exc} (run with --debug for the traceback)", 70)
    else:
        code = 0
    raise SystemExit(code)


def _fail(message: str, code: int) -> int:
    logs.fail(message, code, "json" if _in_json() else "text")
    return code


def _in_json() -> bool:
    return os.environ.get(_LOG_FORMAT) == "json"
