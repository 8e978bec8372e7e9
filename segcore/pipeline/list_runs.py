"""What has been run in a folder, and how it ended."""

from __future__ import annotations

from segcore import errors, records
from segcore.records import Manifest
from segcore.selection.doubt import in_short
from segcore.storage import Place, finished_runs, latest_run, run_place

_HEAD = ("date", "run", "k", "segments", "customers", "verdict")


def list_runs(out: Place) -> list[str]:
    """Return a line for each finished run, the oldest first, below a line of headings.

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
    named = latest_run(out) or ""
    rows = [_HEAD, *(_row(records.read(Manifest, run_place(out, run_id)), named) for run_id in run_ids)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _row(run: Manifest, latest: str) -> tuple[str, ...]:
    date = run.created_at[:16].replace("T", " ")
    return date, run.run_id, str(run.k), str(run.segments), f"{run.customers:,}", _verdict(run, latest)


def _verdict(run: Manifest, latest: str) -> str:
    if run.gate.broken:
        return f"stopped: {'; '.join(run.gate.broken)}"
    reservation = in_short(run.chosen.admissible, run.pinned_cost)
    drifted = "scored, a new fit is asked for" if run.refresh.drift == "refit" else ""
    return ", ".join(filter(None, ("latest" if run.run_id == latest else "published", drifted, reservation)))
