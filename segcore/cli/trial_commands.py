"""Commands that let a treatment be tested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from segcore.cli.group import cli, importing, say
from segcore.cli.options import NumberRange, inputs_argument, memory_option, path_or_url


@cli.command()
@click.argument("run", type=path_or_url)
@click.option("--name", required=True, help="Of the treatment; another name holds out other customers.")
@click.option(
    "--share",
    type=NumberRange(0, 0.9, min_open=True),
    default=0.1,
    show_default=True,
    help="Of the customers of each segment.",
)
@click.option(
    "--lift",
    type=NumberRange(0, min_open=True),
    default=0.1,
    show_default=True,
    help="Of the rate of buying, that should be seen: 0.1 is 22% in place of 20%.",
)
def holdout(run: Path | str, **options: Any) -> None:
    """Draw the customers of RUN who are left without a treatment, and print what they can show.

    Leaves RUN/holdouts/NAME with customers.csv, the sizes needed and a page. The same name holds out the same
    customers in every run.
    """
    with importing():
        from segcore import pipeline

    say(pipeline.hold_out(run, **options), published=True)


@cli.command()
@click.argument("run", type=path_or_url)
@inputs_argument
@click.option("--holdout", "name", required=True, help="Name of the holdout.")
@click.option("--since", required=True, type=click.DateTime(), help="Day from which on lines count.")
@memory_option
def readout(run: Path | str, inputs: tuple[str, ...], **options: Any) -> None:
    """Compare treated customers of RUN with those held out, by what they bought in INPUT since a day.

    Leaves the table and a page beside the holdout.
    """
    with importing():
        from segcore import pipeline

    say(pipeline.read_out(run, list(inputs), **options), published=True)
