"""Job files on disk."""

from __future__ import annotations

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
