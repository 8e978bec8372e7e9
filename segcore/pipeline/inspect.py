"""Command ``inspect``: columns, types, dates, rejects, and what the run would cost."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segcore.pipeline.core.job_file import load as load_job
from segcore.pipeline.inspection import job_draft, look, text


def inspect_input(inputs: str | Path | Sequence[str | Path], **options: Any) -> str:
    """Say what a job would make of an input; options as for :func:`inspected`."""
    return inspected(inputs, **options)[0]


def inspected(
    inputs: str | Path | Sequence[str | Path],
    *,
    job: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    full: bool = False,
    memory: int | None = None,
    write_job_to: Path | None = None,
) -> tuple[str, str]:
    """Say what a job would make of an input, and write a job file for it if one is asked for.

    Returns
    -------
    told : str
    stops : str
        Why the run would stop; empty where nothing says so.

    Raises
    ------
    segcore.errors.SegcoreError
        As the run would.
    """
    settings = load_job(None if job is None else Path(job), dict(overrides or {}))
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    seen = look.inspect(given, settings, full=full, memory=memory, now=int(time.time()))
    if write_job_to is not None:
        job_draft.write_job(seen, settings, write_job_to)
    return text.describe(seen, settings, memory=memory), text.stops(seen, settings)
