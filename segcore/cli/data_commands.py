"""Commands that bring a dump: a synthetic one, or the public one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from segcore.cli.group import cli, say
from segcore.cli.options import NumberRange, count, folder


@cli.command()
@click.option("--rows", type=count, required=True, help="Transaction lines, such as 1e6.")
@click.option("--out", "-o", required=True, type=folder, help="Folder for the dump; new or empty.")
@click.option("--customers", type=count, help="Customers.  [default: follows from the lines]")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed gives the same bytes."
)
@click.option(
    "--format", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True, help="Of the files."
)
@click.option(
    "--start", type=click.DateTime(["%Y-%m-%d"]), default="2023-01-01", show_default=True, help="First day."
)
@click.option(
    "--days", type=click.IntRange(1), default=365, show_default=True, help="Days from the first to the last."
)
@click.option(
    "--until-gone",
    is_flag=True,
    help="Customers come, buy at random and leave for good (BG/NBD), so that who buys next is chance as well.",
)
def simulate(out: Path, start: datetime, **options: Any) -> None:
    """Write a synthetic dump of the Online Retail kind, with its defects and planted segments.

    The planted segment of every customer goes to DIR.truth.parquet, beside the dump's folder.
    """
    from segcore.simulate import simulate as write

    dump = write(out, start=start.date(), **options)
    say(
        f"{dump.rows:,} lines of {dump.customers:,} customers in {len(dump.paths)} files: {out}",
        published=True,
    )


@cli.command("download")
@click.argument("name", metavar="online-retail", type=click.Choice(["online-retail"]))
@click.option("--out", "-o", required=True, type=folder, help="Folder for the dump; new or empty.")
@click.option("--url", help="Address of the archive.  [default: that of the UCI repository]")
@click.option(
    "--timeout",
    type=NumberRange(0, min_open=True),
    default=60,
    show_default=True,
    help="Seconds that the server may be silent.",
)
def download_command(name: str, out: Path, url: str | None, timeout: float) -> None:
    """Fetch the Online Retail data set, check what it holds and write it as Parquet.

    Proxies are those of the environment.
    """
    from segcore.download import EXPECTED, ONLINE_RETAIL, download

    paths = download(out, url=url or ONLINE_RETAIL, timeout=timeout)
    say(
        f"{EXPECTED['rows']:,} lines of {EXPECTED['customers']:,} customers in {len(paths)} files: {out}",
        published=True,
    )
