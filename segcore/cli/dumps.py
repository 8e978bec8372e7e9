"""Commands that bring a dump: a synthetic one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from segcore.cli.group import cli
from segcore.cli.options import Rows


@cli.command()
@click.option("--rows", type=Rows(), required=True, help="Transaction lines, such as 1e6.")
@click.option(
    "--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder for the dump; new or empty."
)
@click.option("--customers", type=Rows(), help="Customers.  [default: follows from the lines]")
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
