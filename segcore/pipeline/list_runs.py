"""What has been run in a folder, and how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segcore import errors, records, storage
from segcore.changes.summary import summarise
from segcore.pipeline.finished import finished_run
from segcore.records import Manifest, MovementReport
from segcore.storage import Place, cache, finished_runs, latest_run, run_place
from segcore.stores import is_url

_NOTHING = "-"
_COLUMNS = (
    "date",
    "run",
    "as_of",
    "window",
    "k",
    "model",
    "segments",
    "customers",
    "moved",
    "drift",
    "verdict",
)


def list_runs(out: Place) -> list[str]:
    """Return a line for each finished run, the oldest first, below a line of headings.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is no finished run.
    """
    known, remark = _listed(out)
    rows = [{name: _in_words(name, value) for name, value in run.items()} for run in known]
    lines = [[*rows[0]], *([*row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    remarks = [text for text in (remark, _cache(out)) if text]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines] + remarks


def _cache(out: Place) -> str:
    """Return how much is kept for the next run; empty where nothing is."""
    folder = storage.join(out, cache.FOLDER)
    size = sum(storage.sizes(folder).values())
    return f"{folder}: {size / 1e6:,.1f} MB of what the next run need not read again" if size else ""


def runs(out: Place) -> list[dict[str, Any]]:
    """Return what is known of each finished run, the oldest first; None for what does not apply.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is no finished run.
    """
    return _listed(out)[0]


def _listed(out: Place) -> tuple[list[dict[str, Any]], str]:
    """Return what is known of each run, and what is wrong with latest.json."""
    run_ids = finished_runs(out)
    if not run_ids:
        raise errors.InputNotFoundError(
            f"{out}: no finished run; expected the --out of a run, with runs/ in it"
        )
    latest, remark = _latest(out, run_ids)
    return [_whole_or_damaged(run_place(out, run_id), run_id, latest) for run_id in run_ids], remark


def _latest(out: Place, run_ids: list[str]) -> tuple[str, str]:
    """Return the run that latest.json names, and what is wrong with it, both empty where there is nothing to say."""
    try:
        named = latest_run(out) or ""
    except errors.InputNotFoundError as exc:
        return "", str(exc)
    if named and named not in run_ids:
        return "", f"{storage.join(out, 'latest.json')}: names {named}, which is not there, or not whole"
    return named, ""


def _whole_or_damaged(place: Place, run_id: str, latest: str) -> dict[str, Any]:
    try:
        return _run(place, latest)
    except errors.InputNotFoundError as exc:
        day, time = (
            f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}",
            f"{run_id[9:11]}:{run_id[11:13]}:{run_id[13:15]}",
        )
        what = str(exc).removeprefix(f"{place}/").partition(";")[0]
        verdict = f"{'latest, ' if run_id == latest else ''}damaged: {what}"
        known = {"date": f"{day}T{time}+00:00", "run": run_id, "verdict": verdict}
        return dict.fromkeys(_COLUMNS) | known


def _run(place: Place, latest: str) -> dict[str, Any]:
    manifest = records.read(Manifest, place)
    if manifest.run_id == latest and not is_url(place):
        finished_run.check(place, Path(place), manifest)  # the one that the next run follows
    moves = records.read_optional(MovementReport, place)
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
    features = finished_run.read_job(run).features
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
