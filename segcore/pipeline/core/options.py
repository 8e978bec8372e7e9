"""What a caller of a run may ask beside its inputs and its job: nothing that changes the answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from segcore import engine, logs


class Options(TypedDict, total=False):
    """The keywords that :func:`segcore.segment` and `score` share, as :class:`RunOptions` explains them."""

    memory: int | None
    scratch: str | Path | None
    resume: bool
    wait: bool
    keep: int | None
    keep_history: int | None
    cache_limit: int | None
    log_format: logs.Format
    quiet: bool


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The same, with their defaults.

    Attributes
    ----------
    memory : int, optional
        Budget in bytes; half of the machine by default.
    scratch : path or URL, optional
        Where finished stages are kept until the run is published; in the folder of the runs by default.
    resume : bool
        Start from the stages that a run of the same input and job had finished when it was stopped.
    wait : bool
        Wait while another run holds the folder of the runs, instead of giving up.
    keep : int, optional
        Remove old runs beyond so many, never the published one; all are kept without it.
    keep_history : int, optional
        Remove from the history what is more than so many days before its newest night; all is kept without it.
    cache_limit : int, optional
        Bytes that may be kept for the next run where the job reads incrementally; any number without it.
    log_format : {"text", "json"}
        Of the messages on stderr.
    quiet : bool
        Log nothing but errors.
    """

    memory: int | None = None
    scratch: str | Path | None = None
    resume: bool = True
    wait: bool = False
    keep: int | None = None
    keep_history: int | None = None
    cache_limit: int | None = None
    log_format: logs.Format = "text"
    quiet: bool = False

    @property
    def budget(self) -> int:
        """Bytes of memory that the run keeps to."""
        return self.memory or engine.default_budget()
