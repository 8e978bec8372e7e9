"""What lies in an OUT: the published runs, and ``latest.json``, which names one of them."""

from __future__ import annotations

from segcore.storage import places
from segcore.storage.places import Place


def run_place(out: Place, run_id: str) -> Place:
    """Return where a run of that id lies, or will."""
    return places.join(out, "runs", run_id)


def latest_run(out: Place) -> str | None:
    """Return the id of the published run, None where there is none yet."""
    latest = places.join(out, "latest.json")
    return str(places.read_json(latest)["run"]).rpartition("/")[2] if places.exists(latest) else None


def finished_runs(out: Place) -> list[str]:
    """Return the ids of all finished runs, the oldest first."""
    return [run_id for run_id in places.list_folders(places.join(out, "runs")) if is_finished(out, run_id)]


def is_finished(out: Place, run_id: str) -> bool:
    """Whether a run is all there: its manifest is written last."""
    return places.exists(places.join(run_place(out, run_id), "manifest.json"))
