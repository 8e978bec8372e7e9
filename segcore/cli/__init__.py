"""The ``segcore`` command. Engines are imported inside the commands, so that ``--help`` answers at once."""

from __future__ import annotations

import errno
import os
import sys
from io import StringIO
from typing import NoReturn

import click

from segcore import errors, failures, logs, stopping, stores

# They add their commands to the root.
from segcore.cli import data_commands, query_commands, run_commands, trial_commands
from segcore.cli.group import cli
from segcore.cli.options import LOG_FORMAT

__all__ = ["cli", "data_commands", "main", "query_commands", "run_commands", "trial_commands"]


def main() -> NoReturn:
    """Run the command; every failure is one line on stderr and an exit code."""
    _open_streams()
    stopping.install(_fail)
    debug = "--debug" in sys.argv or os.environ.get("SEGCORE_DEBUG") not in (None, "", "0")
    if not debug:
        os.environ["RUST_BACKTRACE"] = "0"
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as exc:
        code = exc.exit_code
        _fail(exc.format_message(), code) if _in_json() else _show(exc)
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
    except BaseException as exc:
        if debug or not (isinstance(exc, Exception) or failures.is_panic(exc)):
            raise
        code = _unforeseen(exc)
    else:
        code = 0
    raise SystemExit(code)


def _unforeseen(exc: BaseException) -> int:
    """Say what nobody foresaw where it happened, and return its exit code: most often a bug."""
    if failures.is_full(exc) or failures.is_broken(exc):
        return _fail(f"reading or writing failed: {exc}", errors.StorageError.exit_code)
    if isinstance(exc, OSError) and exc.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        return _fail(f"{exc.filename}: {exc.strerror}; choose another name", errors.UsageError.exit_code)
    if isinstance(exc, FileNotFoundError) and exc.filename is None and _is_nowhere():
        return _fail(
            "the folder that one is in has been removed; go to another one", errors.UsageError.exit_code
        )
    odd = [text for text in sys.argv if any("\ud800" <= c <= "\udfff" for c in text)]
    if odd and isinstance(exc, UnicodeEncodeError):
        return _fail(f"{odd[0]}: is not UTF-8, as all texts and names are", errors.UsageError.exit_code)
    return _fail(f"a bug: {type(exc).__name__}: {exc} (run with --debug for the traceback)", 70)


def _is_nowhere() -> bool:
    """Whether the folder that this process is in has been removed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _open_streams() -> None:
    """Let what is closed lead nowhere: else the next file that is opened takes its place, and what is printed ends in it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the process's life


def _fail(message: str, code: int) -> int:
    logs.fail(message, code, "json" if _in_json() else "text")
    return code


def _show(exc: click.ClickException) -> None:
    """Print what click shows, with the usage above the error."""
    text = StringIO()
    exc.show(file=text)
    try:
        click.echo(errors.printable(stores.redacted(text.getvalue())), nl=False, err=True)
    except OSError:
        logs.discard_unwritten(sys.stderr)


def _in_json() -> bool:
    return os.environ.get(LOG_FORMAT) == "json"
