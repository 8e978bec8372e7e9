"""Every failure that a user can cause, as one small tree; each class is one exit code.

A message is one line: what was found, what was expected, what to do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class SegcoreError(Exception):
    """Base of all errors that are shown to a user as one line.

    Attributes
    ----------
    exit_code : int
        What the process exits with (sysexits.h where it has a meaning).
    """

    exit_code = 70


class UsageError(SegcoreError):
    """The command line asks for something that makes no sense (2)."""

    exit_code = 2


class GateError(SegcoreError):
    """The job's quality gate stopped publication (3)."""

    exit_code = 3


class DataError(SegcoreError):
    """The data cannot be used: nothing usable, a column missing, fewer customers than k (65)."""

    exit_code = 65


class InputNotFoundError(SegcoreError):
    """The input is not there or cannot be opened (66)."""

    exit_code = 66


class UnreachableError(SegcoreError):
    """A cluster or an object store does not answer (69)."""

    exit_code = 69


class OutputError(SegcoreError):
    """The output cannot be created (73)."""

    exit_code = 73


class StorageError(SegcoreError):
    """The disk is full, or reading or writing failed (74)."""

    exit_code = 74


class BusyError(SegcoreError):
    """Try again: another run holds the lock, memory was lost at run time, or the input changed meanwhile (75)."""

    exit_code = 75


class JobError(SegcoreError):
    """A bad job file (78)."""

    exit_code = 78


class BudgetError(SegcoreError):
    """A memory budget too small for the job (78); with another one it goes on from what is finished."""

    exit_code = 78


_LONGEST_NAME = 100
# Control characters but newline and tab, lone surrogates, separators of lines, and marks that turn the direction.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def _on_one_line(name: str) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"


def printable(text: str) -> str:
    """Return a text for a terminal: what would steer it, or turn the direction of writing, stands as an escape of JSON's."""
    return _STEERING.sub(lambda one: f"\\u{ord(one[0]):04x}", text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def listing(names: Iterable[str], *, most: int = 12, in_order: bool = False) -> str:
    """Return names for a message of one line, cut after `most` of them and each where it is long.

    They are sorted, unless their own order means something.
    """
    ordered = list(names) if in_order else sorted(names)
    shown = ", ".join(_on_one_line(name) for name in ordered[:most])
    return shown if len(ordered) <= most else f"{shown} and {len(ordered) - most} more"
