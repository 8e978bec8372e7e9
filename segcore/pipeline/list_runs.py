"""What has been run in a folder, and how it ended."""

from __future__ import annotations

from typing import Any

from segcore import errors, job, records, storage
from segcore.changes.summary import summarise
from segcore.pipeline.finished import finished_run
from segcore.records import Manifest, MovementReport
from segcore.storage import Place, finished_runs, latest_run, run_place

_NOTHING = "-"


def list_runs(out: Place) -> list[str]:
    """Return a line for each finished run, the oldest first, below a line of headings.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is no finished run.
    """
    told = [{name: _in_words(name, value) for name, value in run.items()} for run in runs(out)]
    lines = [[*told[0]], *([*row.values()] for row in told)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]


def runs(out: Place) -> list[dict[str, Any]]:
    """Return what is known of each finished run, the oldest first; None for what does not apply.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is no finished run.
    """
    run_ids = finished_runs(out)
    if not run_ids:
        raise errors.InputNotFoundError(
            f"{out}: no finished run; expected the --out of a run, with runs/ in it"
        )
    latest = latest_run(out) or ""
    return [_run(run_place(out, run_id), latest) for run_id in run_ids]


def _run(place: Place, latest: str) -> dict[str, Any]:
    manifest = records.read(Manifest, place)
    moves = finished_run.optional(MovementReport, place)
    return {
        "date": manifest.created_at,
        "run": manifest.run_id,
        "as_of": manifest.as_of[:10],
        "window": _window(place),
        "k": manifest.k,
        "model": manifest.chosen.variant or manifest.chosen.family,
        "segments": manifest.segments,
        "customers": manifest.customers,
        "moved": None if moves is None else summarise(moves).moved_share,
        "drift": finished_run.drift_verdict(place),
        "verdict": finished_run.verdict(manifest, latest),
    }


def _window(run: Place) -> str | None:
    """Return which lines counted, as the job says it; None where all did."""
    path = storage.join(run, "job.toml")
    with records.readable(path):
        features = job.resolve(storage.read(path).decode(), source=str(path)).features
    start = features.window_from
    return features.window or (None if start is None else f"from {start:%Y-%m-%d}")


def _in_words(name: str, value: Any) -> str:
    if value is None:
        return _NOTHING
    if name == "date":
        return str(value)[:16].replace("T", " ")
    if name == "moved":
        return f"{value:.1%}"
    return f"{value:,}" if name == "customers" else str(value)
