"""What options are read as, and options that several commands share."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import click

from segcore import errors, stores


def size(value: str) -> int:
    """Return the bytes of a size such as 1GB."""
    from segcore import engine

    try:
        return engine.parse_size(value)
    except errors.UsageError as exc:
        raise click.BadParameter(str(exc)) from exc


def path_or_url(value: str) -> Path | str:
    """Return a folder as a path, or as a URL that holds no credentials."""
    try:
        return stores.place(value)
    except errors.UsageError as exc:
        raise click.BadParameter(str(exc)) from exc


def folder(value: str) -> Path:
    """Return a folder on this machine that can be made anew; a path would make one with an odd name of a URL."""
    if stores.is_url(value):
        raise click.BadParameter("expected a folder on this machine, found a URL")
    path = Path(path_or_url(value))
    if path.name in ("", ".."):
        raise click.BadParameter(f"{value}: expected a folder with a name of its own, since it is made anew")
    return path


def k(value: str) -> int | None:
    """Return a number of segments of at least 2; None for ``auto``."""
    if value == "auto":
        return None
    if not value.isdecimal():
        raise click.BadParameter(f"{value!r} is neither a number of segments nor 'auto'")
    if int(value) < 2:
        raise click.BadParameter(f"k={value} should be at least 2: one segment is everybody")
    return int(value)


def count(value: str) -> int:
    """Return a whole number, also written like 1e6."""
    try:
        number = float(value)
    except ValueError as exc:
        raise click.BadParameter(f"{value!r} is no number; write it like 20000 or 1e6") from exc
    if number < 1 or not number.is_integer():
        raise click.BadParameter(f"{value!r} should be a whole number of at least 1")
    return int(number)


def days(value: str) -> int:
    """Return a number of days such as 400d."""
    number = value.removesuffix("d")
    if not number.isdecimal() or value == number or not 1 <= int(number[:9]) <= _MOST_DAYS:
        raise click.BadParameter(f"{value!r} should be a number of days up to {_MOST_DAYS:,}, such as 400d")
    return int(number)


class NumberRange(click.FloatRange):
    """A number between bounds; NaN is none, which click lets pass as neither below nor above any."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number", param, ctx)
        return number


Command = Callable[..., None]
LOG_FORMAT = "SEGCORE_LOG_FORMAT"
DEFAULT_OUT = "segcore-out"
_KEY = "job__"
_MOST_DAYS = 36_500


def remember_log_format(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Let what fails later be logged in the same format."""
    os.environ[LOG_FORMAT] = value
    return value


def limit_threads(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    """Tell Polars before it is imported: it starts its threads then."""
    if value is not None:
        os.environ["POLARS_MAX_THREADS"] = str(value)


def option(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    """Add an option that has an environment variable of its name."""
    variable = names[0].removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=f"SEGCORE_{variable}", **attributes)


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Add several options, in this order."""

    def add(command: Command) -> Command:
        return reduce(lambda inner, add_one: add_one(inner), reversed(options), command)

    return add


def key_option(key: str, name: str, **attributes: Any) -> Callable[[Command], Command]:
    """Add an option that overrides a dotted key of the job."""
    return option(name, _KEY + key.replace(".", "__"), **attributes)


def take_overrides(options: dict[str, Any]) -> dict[str, Any]:
    """Take those of `key_option` out of a command's options, and return the ones that were given by their key."""
    taken = {name: options.pop(name) for name in [*options] if name.startswith(_KEY)}
    dotted = {name.removeprefix(_KEY).replace("__", "."): value for name, value in taken.items()}
    return {key: value for key, value in dotted.items() if value is not None}


inputs_argument = click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
job_option = option("--job", type=click.Path(path_type=Path), help="Job file (TOML); see jobs/default.toml.")
memory_option = option(
    "--memory",
    type=size,
    help="Memory budget, such as 1GB; with a cluster of each worker.  [default: half of the machine]",
)
source_options = together(  # without them it is found by looking
    key_option(
        "input.preset",
        "--preset",
        help="Known system that the files are exports of, such as shopify; or none.  [default: by their header]",
    ),
    key_option("input.encoding", "--encoding", help="Of text files.  [default: found by looking]"),
    key_option(
        "input.date_format",
        "--date-format",
        help="month-first, day-first, year-first, epoch-seconds, epoch-milliseconds, excel-days, or a pattern like %d.%m.%Y.",
    ),
    key_option("input.decimal", "--decimal", type=click.Choice([".", ","]), help="Decimal mark of numbers."),
    key_option(
        "cleaning.max_reject_share",
        "--max-reject-share",
        type=NumberRange(0, 1),
        help="Share of lines, beyond missing customers, that may be rejected.  [default: 0.5]",
    ),
)
place_options = together(
    option(
        "--out",
        "-o",
        default=DEFAULT_OUT,
        show_default=True,
        type=path_or_url,
        help="Folder or URL for the runs.",
    ),
    option(
        "--scratch",
        type=path_or_url,
        help="Folder or URL for finished stages until the run is published.  [default: DIR/work]",
    ),
)
operating_options = together(  # of every command that makes a run; they change no answer
    memory_option,
    option(
        "--threads",
        type=click.IntRange(1),
        callback=limit_threads,
        expose_value=False,
        help="Threads.  [default: all]",
    ),
    option(
        "--no-resume",
        "resume",
        is_flag=True,
        callback=lambda ctx, param, value: not value,
        help="Start clean, not from the last finished stage of a run that was stopped.",
    ),
    option("--wait", is_flag=True, help="Wait while another run is at work in DIR; else exit 75."),
    option(
        "--keep",
        type=click.IntRange(1),
        help="Remove old runs beyond so many, never the published one.  [default: keep all]",
    ),
    option(
        "--keep-history",
        type=days,
        help="Remove from DIR/history what is more than so many days before its newest night, such as 400d.  "
        "[default: keep all]",
    ),
    option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        is_eager=True,
        callback=remember_log_format,
        help="Of what is logged on stderr, one line per record.",
    ),
    option("--quiet", "-q", is_flag=True, help="Say nothing but errors."),
)
