"""Job files on disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from segcore import errors, job
from segcore.ingest import known_systems


def load(path: Path | None, overrides: dict[str, Any] | None = None) -> job.Job:
    """Read a job file and lay overrides over it; without a file, the defaults.

    Raises
    ------
    segcore.errors.JobError
        If the file cannot be read, or what it says is no job.
    """
    if path is None:
        return _with_pinned_k(
            _with_whole_paths(
                known_systems.before_reading(job.resolve("", overrides, source="the default job")), Path.cwd()
            )
        )
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(job.MOST_CHARACTERS + 1)  # more is refused, however much it is
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8"
        raise errors.JobError(f"{path}: the job file cannot be read: {reason}; check --job") from exc
    settings = known_systems.before_reading(job.resolve(text, overrides, source=str(path)))
    return _with_pinned_k(_with_whole_paths(settings, path.absolute().parent))


def _with_whole_paths(settings: job.Job, folder: Path) -> job.Job:
    """Let relative paths of other tables begin in a folder, so that a run's own job means the same ones."""

    def whole(path: str) -> str:
        return path if not path or "://" in path else str(folder / path)

    extra = [table.model_copy(update={"path": whole(table.path)}) for table in settings.extra]
    customers = settings.customers.model_copy(update={"map": whole(settings.customers.map)})
    joined = [table.model_copy(update={"path": whole(table.path)}) for table in settings.join]
    return _with_unmatched(
        settings.model_copy(update={"extra": extra, "join": joined, "customers": customers})
    )


def _with_unmatched(settings: job.Job) -> job.Job:
    """Let lines without a row in a joined table be rejects of a class of their own, before other rules are asked."""
    if not settings.join:
        return settings
    conditions = (f'"joined {number}" IS NULL' for number in range(1, len(settings.join) + 1))
    rules = {"unmatched": " OR ".join(conditions)} | settings.cleaning.rules
    return settings.model_copy(update={"cleaning": settings.cleaning.model_copy(update={"rules": rules})})


def _with_pinned_k(settings: job.Job) -> job.Job:
    """Widen the range of k where a pinned one lies outside, so that it is fitted and compared with the others."""
    k, models = settings.selection.k, settings.models
    if k is None or k in models.ks:
        return settings
    wider = models.model_copy(update={"k_min": min(k, models.k_min), "k_max": max(k, models.k_max)})
    return settings.model_copy(update={"models": wider})


def with_clock(settings: job.Job, begun: datetime) -> job.Job:
    """Return the job with the latest time that an order can have: its own, else a day after the run began."""
    if settings.input.latest is not None:
        return settings
    latest = begun.astimezone(UTC).replace(microsecond=0, tzinfo=None) + timedelta(days=1)
    return settings.model_copy(update={"input": settings.input.model_copy(update={"latest": latest})})


def reading_all(settings: job.Job) -> job.Job:
    """Return the job without what earlier runs have kept, which is of the runs of `segcore segment` in one OUT."""
    return settings.model_copy(update={"input": settings.input.model_copy(update={"incremental": False})})
