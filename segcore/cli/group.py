"""The command's root."""

from __future__ import annotations

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="segcore", prog_name="segcore")
@click.option("--debug", is_flag=True, envvar="SEGCORE_DEBUG", help="Show a traceback when something fails.")
def cli(debug: bool) -> None:
    """Turn a dump of transaction lines into customer segments and a report.

    Start with: segcore segment INPUT --out DIR
    """
