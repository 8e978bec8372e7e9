"""What goes to stderr: one line per record, as text for people or as JSON for machines."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any, Literal

from segcore.errors import printable
from segcore.stores import redacted

Format = Literal["text", "json"]

LOGGER = logging.getLogger("segcore")
# What is going on in this process: `run` and `stage`. The records of all libraries and threads carry it.
CONTEXT: dict[str, str] = {}
# What a record may carry beside its message.
_FIELDS = ("seconds", "rows", "bytes", "peak_memory", "exit_code")


@contextmanager
def to_stderr(form: Format = "text", *, quiet: bool = False) -> Iterator[None]:
    """Send the log to stderr while a run goes on, the warnings of all libraries included.

    Parameters
    ----------
    form : {"text", "json"}
    quiet : bool
        Nothing but errors.
    """
    handler = _handler(form)
    root, level = logging.getLogger(), LOGGER.level
    CONTEXT.clear()
    root.addHandler(handler)
    LOGGER.setLevel(logging.ERROR if quiet else logging.INFO)
    others = logging.ERROR if quiet else logging.WARNING  # Dask logs a lot
    handler.addFilter(lambda record: record.name == LOGGER.name or record.levelno >= others)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        LOGGER.setLevel(level)


def fail(message: str, exit_code: int, form: Format = "text") -> None:
    """Log on stderr in one line why the command ends."""
    record = logging.LogRecord("segcore", logging.ERROR, "", 0, message, None, None)
    record.exit_code = exit_code
    if form == "text":
        record.msg = f"segcore: {message}"
    _handler(form, errors_are_marked=False).emit(record)


def discard_unwritten(stream: IO[str]) -> None:
    """Discard what a stream could not write, such as to a full disk.

    It keeps that, and tries again where nobody expects it: whenever a process is started, which then fails, and at the end of the
    interpreter, which then has an exit code of its own.
    """
    number = stream.fileno()
    kept, nowhere = os.dup(number), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, number)
        stream.flush()
    finally:
        os.dup2(kept, number)
        os.close(kept)
        os.close(nowhere)


class _Handler(logging.StreamHandler[Any]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Go on where stderr cannot be written: a run is not worse for what nobody was told."""
        if isinstance(sys.exception(), OSError):
            discard_unwritten(self.stream)
        else:
            super().handleError(record)


def _handler(form: Format, *, errors_are_marked: bool = True) -> logging.Handler:
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text(marked=errors_are_marked))
    return handler


def _one_line(text: str) -> str:
    return printable(redacted(" ".join(text.split()) if "\n" in text else text))


class _Text(logging.Formatter):
    def __init__(self, *, marked: bool) -> None:
        super().__init__()
        self._marked = marked

    def format(self, record: logging.LogRecord) -> str:
        """Return the message, marked where it is a warning or worse."""
        text = _one_line(record.getMessage())
        mark = f"{record.levelname.lower()}: " if record.levelno > logging.INFO and self._marked else ""
        return mark + text


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return an object with time, level, message and what else the record carries."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": " ".join(_one_line(record.getMessage()).split()),
            **CONTEXT,
            **getattr(record, "facts", {}),
            **{name: value for name in _FIELDS if (value := getattr(record, name, None)) is not None},
        }
        if record.name != LOGGER.name:
            fields["logger"] = record.name
        return json.dumps(fields, ensure_ascii=False)
