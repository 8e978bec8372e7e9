"""What has been run in a folder, and how it ended."""

from __future__ import annotations

from typing import Any

from segcore import errors
from segcore.selection.doubt import in_short
from segcore.storage import Place, finished_runs, latest_run, manifest

_HEAD = ("date", "run", "k", "segments", "customers", "verdict")


def list_runs(out: Place) -> list[str]:
    """Return a line for each finished run, the oldest first, below a line of headings.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is no finished run.
    """
    found = finished_runs(out)
    if not found:
        raise errors.InputNotFoundError(
            f"{out}: no finished run; expected the --out of a run, with runs/ in it"
        )
    named = latest_run(out) or ""
    rows = [_HEAD, *(_row(run_id, manifest(out, run_id), named) for run_id in found)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _row(name: str, about: dict[str, Any], latest: str) -> tuple[str, ...]:
    date = str(about["created_at"])[:16].replace("T", " ")
    customers = f"{about['customers']:,}"
    return date, name, str(about["k"]), str(about["segments"]), customers, _verdict(name, about, latest)


def _verdict(name: str, about: dict[str, Any], latest: str) -> str:
    if broken := about.get("gate", {}).get("broken"):
        return f"stopped: {'; '.join(broken)}"
    reservation = in_short(about["chosen"], about.get("pinned_cost"))
    return ("latest" if name == latest else "published") + (f", {reservation}" if reservation else "")
