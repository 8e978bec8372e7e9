"""What lies in an OUT: the published runs, and ``latest.json``, which names one of them."""

from __future__ import annotations

import os
from pathlib import Path

from segcore import errors, failures
from segcore.storage import places
from segcore.storage.ownership import is_run_id
from segcore.storage.places import Place
from segcore.stores import is_url

_REMEDY = (
    "expected runs/ and a run's id; the next run writes it anew, and until then each run can be named itself"
)


class _NamesNoRunError(errors.InputNotFoundError):
    """What ``latest.json`` holds names no run."""


def run_place(out: Place, run_id: str) -> Place:
    """Return where a run of that id lies, or will."""
    return places.join(out, "runs", run_id)


def latest_run(out: Place) -> str | None:
    """Return the id of the published run, None where there is none yet.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If ``latest.json`` cannot be read, or names no run.
    """
    latest = places.join(out, "latest.json")
    if not places.exists(latest):
        return None
    try:
        named = places.read_json(latest)["run"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as exc:
        raise _NamesNoRunError(f"{latest}: damaged ({failures.first_line(exc)}); {_REMEDY}") from exc
    head, _, name = str(named).rpartition("/")
    if head != "runs" or not is_run_id(name):
        raise _NamesNoRunError(f"{latest}: names no run ({errors.listing([str(named)])}); {_REMEDY}")
    return name


def finished_runs(out: Place) -> list[str]:
    """Return the ids of all finished runs, the oldest first."""
    names = places.list_folders(places.join(out, "runs"))
    return [name for name in names if is_run_id(name) and is_finished(out, name)]


def is_finished(out: Place, run_id: str) -> bool:
    """Whether a run is all there: its manifest is written last."""
    return places.exists(places.join(run_place(out, run_id), "manifest.json"))


def refuse_others(out: Place) -> None:
    """Refuse an OUT where what a run would write, or write over, is somebody else's.

    Raises
    ------
    segcore.errors.OutputError
        If a folder's name is taken, or ``latest.json`` names no run, and there is none whose it could be.
    """
    remedy = "move it, or choose another --out"
    latest = places.join(out, "latest.json")
    if not is_url(out):
        for path in (Path(out, "runs"), Path(out, "history")):
            if os.path.lexists(path) and not path.is_dir():
                raise errors.OutputError(f"{path}: is no folder, and finished runs would lie there; {remedy}")
        if Path(latest).is_dir():
            raise errors.OutputError(f"{latest}: is a folder, and would say which run is published; {remedy}")
    try:
        latest_run(out)
    except _NamesNoRunError as exc:
        if not any(map(is_run_id, places.list_folders(places.join(out, "runs")))):
            reason = str(exc).partition(";")[0]
            raise errors.OutputError(f"{reason}, and there is no run beside it; {remedy}") from exc
