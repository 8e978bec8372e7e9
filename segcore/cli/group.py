"""The command's root, and how its commands import the engines."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from segcore import errors, logs


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="segcore", prog_name="segcore")
@click.option("--debug", is_flag=True, envvar="SEGCORE_DEBUG", help="Show a traceback when something fails.")
def cli(debug: bool) -> None:
    """Turn a dump of transaction lines into customer segments and a report.

    Start with: segcore segment INPUT
    """


@contextmanager
def importing() -> Iterator[None]:
    """Import without a search for garbage on the way, and leave what was imported out of later ones.

    All of it stays. Looking through it takes a fifth of the imports' time, and 0.2 seconds each time again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def say(text: str, *, published: bool = False, nl: bool = True) -> None:
    """Write a result to stdout; steered by nothing in it.

    Parameters
    ----------
    text : str
    published : bool
        The command has left what it was asked for already: whether somebody reads where does not make it a failure.
    nl : bool
        End the line.

    Raises
    ------
    segcore.errors.StorageError
        If stdout cannot be written; not where a reader had enough, such as ``head``.
    """
    try:
        click.echo(errors.printable(text), nl=nl)
    except OSError as exc:
        logs.discard_unwritten(sys.stdout)
        if not published and not isinstance(exc, BrokenPipeError):
            raise errors.StorageError(f"stdout: cannot be written: {exc.strerror}") from exc
