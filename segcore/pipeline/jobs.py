"""Job files on disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from segcore import errors, job


def load(path: Path | None, overrides: dict[str, Any] | None = None) -> job.Job:
    """Read a job file and lay overrides over it; without a file, the defaults.

    Raises
    ------
    segcore.errors.JobError
        If the file cannot be read, or what it says is no job.
    """
    if path is None:
        return job.resolve("", overrides)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8"
        raise errors.JobError(f"{path}: the job file cannot be read: {reason}; check --job") from exc
    return job.resolve(text, overrides, source=str(path))


def with_clock(settings: job.Job, begun: datetime) -> job.Job:
    """Return the job with the latest time that an order can have: its own, else a day after the run began."""
    if settings.input.latest is not None:
        return settings
    latest = begun.astimezone(UTC).replace(microsecond=0, tzinfo=None) + timedelta(days=1)
    return settings.model_copy(update={"input": settings.input.model_copy(update={"latest": latest})})
