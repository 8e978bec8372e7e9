"""Command ``inspect``: columns, types, dates, rejects, and what the run would cost."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segcore import errors
from segcore.ingest import known_systems
from segcore.ingest.columns import HINT
from segcore.pipeline.core.job_file import load as load_job
from segcore.pipeline.inspection import job_draft, job_template, look, text


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
) -> tuple[str, errors.SegcoreError | None]:
    """Say what a job would make of an input, and write a job file for it if one is asked for.

    Returns
    -------
    told : str
    stops : SegcoreError or None
        What would stop the run, with its exit code; None where nothing says so.

    Raises
    ------
    segcore.errors.SegcoreError
        As the run would.
    """
    settings = load_job(None if job is None else Path(job), dict(overrides or {}))
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    if write_job_to is not None:
        job_draft.check_is_new(write_job_to)
    try:
        seen = look.inspect(given, settings, full=full, memory=memory, now=int(time.time()))
    except errors.DataError as exc:
        if write_job_to is None or not job_template.write(given, settings, write_job_to, memory=memory):
            raise
        raise errors.DataError(
            f"{str(exc).removesuffix(HINT)}; {write_job_to} has every column to choose from"
        ) from exc
    known = known_systems.sentence(*known_systems.of_files(seen.prepared.files, settings))
    settings = seen.prepared.settings
    if write_job_to is not None:
        job_draft.write_job(seen, settings, write_job_to)
    description = text.describe(seen, settings, memory=memory)
    return f"{known}\n{description}" if known else description, text.stops(seen, settings, memory=memory)
