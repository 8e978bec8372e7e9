"""Types of options, and options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from segcore import errors, stores


class Size(click.ParamType[int]):
    """Bytes, such as 1GB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the text or say what is wrong with it."""
        from segcore import engine

        try:
            return engine.parse_size(str(value))
        except errors.UsageError as exc:
            self.fail(str(exc), param, ctx)


class Place(click.ParamType[Path | str]):
    """A folder: a path, or a URL in an object store."""

    name = "path or URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """Tell them apart, and refuse a URL that holds credentials."""
        try:
            return stores.place(value)
        except errors.UsageError as exc:
            self.fail(str(exc), param, ctx)


class Folder(click.Path):
    """A folder on this machine."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse a URL, of which a path would make a folder with an odd name."""
        if stores.is_url(value):
            self.fail("expected a folder on this machine, found a URL", param, ctx)
        return super().convert(value, param, ctx)


class K(click.ParamType[int | str]):
    """A number of segments of at least 2, or ``auto``."""

    name = "k"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        """Read the text or say what is wrong with it."""
        if value == "auto" or isinstance(value, int):
            return str(value) if value == "auto" else int(value)
        if not str(value).isdigit():
            self.fail(f"{value!r} is neither a number of segments nor 'auto'", param, ctx)
        if int(value) < 2:
            self.fail(f"k={value} should be at least 2: one segment is everybody", param, ctx)
        return int(value)


class Rows(click.ParamType[int]):
    """A whole number, also written like 1e6."""

    name = "rows"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the text or say what is wrong with it."""
        try:
            rows = float(value)
        except ValueError:
            self.fail(f"{value!r} is no number; write it like 20000 or 1e6", param, ctx)
        if rows < 1 or rows != int(rows):
            self.fail(f"{value!r} should be a whole number of at least 1", param, ctx)
        return int(rows)


Command = Callable[..., None]
LOG_FORMAT = "SEGCORE_LOG_FORMAT"


def remember_log_format(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Let what fails later be said in the same format."""
    os.environ[LOG_FORMAT] = value
    return value


def limit_threads(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    """Tell Polars before it is imported: it starts its threads then."""
    if value is not None:
        os.environ["POLARS_MAX_THREADS"] = str(value)


def place_options(command: Command) -> Command:
    """Add the options that say where a run goes."""
    return _with(
        command,
        click.option(
            "--out",
            "-o",
            required=True,
            envvar="SEGCORE_OUT",
            type=Place(),
            help="Folder or URL for the runs.",
        ),
        click.option(
            "--scratch",
            envvar="SEGCORE_SCRATCH",
            type=Place(),
            help="Folder or URL for finished stages until the run is published.  [default: DIR/work]",
        ),
    )


def operating_options(command: Command) -> Command:
    """Add the options of a run that change no answer."""
    return _with(
        command,
        click.option(
            "--threads",
            type=click.IntRange(1),
            envvar="SEGCORE_THREADS",
            callback=limit_threads,
            expose_value=False,
            help="Threads.  [default: all]",
        ),
        click.option(
            "--no-resume",
            is_flag=True,
            envvar="SEGCORE_NO_RESUME",
            help="Start clean, not from the last finished stage of a run that was stopped.",
        ),
        click.option(
            "--wait",
            is_flag=True,
            envvar="SEGCORE_WAIT",
            help="Wait while another run is at work in DIR; else exit 75.",
        ),
        click.option(
            "--keep",
            type=click.IntRange(1),
            envvar="SEGCORE_KEEP",
            help="Remove old runs beyond so many, never the published one.  [default: keep all]",
        ),
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            is_eager=True,
            envvar=LOG_FORMAT,
            callback=remember_log_format,
            help="Of what is said on stderr, one line per record.",
        ),
        click.option("--quiet", "-q", is_flag=True, envvar="SEGCORE_QUIET", help="Say nothing but errors."),
    )


def source_options(command: Command) -> Command:
    """Add the options that say how the source is written; without them it is found by looking."""
    return _with(
        command,
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
    )


def _with(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
