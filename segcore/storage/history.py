"""Every night's customers beside the runs: ``OUT/history/as_of=YYYY-MM-DD/run=ID``, written once and kept when runs go.

A night is one file, so that it is whole or absent in a store too, where a file gets its name when all of it is there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

from segcore.storage import places
from segcore.storage.files import disk_errors, sync_folder, sync_tree
from segcore.storage.ownership import NIGHT, is_run_id
from segcore.storage.places import Place
from segcore.storage.workspace import aside
from segcore.stores import is_url

FOLDER = "history"
FILE = "part-00000.parquet"
_DAY = re.compile(r"as_of=(\d{4}-\d{2}-\d{2})")
_RUN = "run="


def night(out: Place, as_of: date, run_id: str) -> Place:
    """Return the folder of a run's customers."""
    return places.join(out, FOLDER, f"as_of={as_of:%Y-%m-%d}", f"{_RUN}{run_id}")


def has(out: Place, as_of: date, run_id: str) -> bool:
    """Whether a run's customers are there."""
    return places.exists(places.join(night(out, as_of, run_id), FILE))


def add(out: Place, as_of: date, run_id: str, folder: Path) -> None:
    """Put a run's file, :data:`FILE` in a folder, into its place, whole or not at all; one that is there stays as it is."""
    target = night(out, as_of, run_id)
    if has(out, as_of, run_id):
        return
    if is_url(target):
        places.copy(folder, target, [FILE])
        return
    with disk_errors(target):
        part = aside(Path(out)) / f"{NIGHT}{run_id}"
        places.remove(part)
        part.mkdir(mode=places.PRIVATE)
        places.copy(folder, part, [FILE])
        sync_tree(part)
        day = Path(target).parent
        for parent in (day.parent, day):
            parent.mkdir(mode=places.PRIVATE, exist_ok=True)
            sync_folder(parent.parent)
        os.replace(part, target)
        sync_folder(day)


def prune(out: Place, days: int) -> list[str]:
    """Remove the nights that are more than so many days before the newest one, and nothing that is no night.

    Returns
    -------
    list of str
        What was removed, by its name below ``history/``.
    """
    known = sorted(_days(out))
    removed = []
    for day, name in known:
        if day >= known[-1][0] - timedelta(days=days):
            break
        folder = places.join(out, FOLDER, name)
        for run in places.list_folders(folder):
            own = run.startswith(_RUN) and is_run_id(run.removeprefix(_RUN))
            if not own or (not is_url(folder) and Path(folder, run).is_symlink()):
                continue
            places.remove(places.join(folder, run, FILE))  # out of the readers' sight at once
            places.remove(places.join(folder, run))
            removed.append(f"{name}/{run}")
        if not is_url(folder) and not any(Path(folder).iterdir()):
            Path(folder).rmdir()
    return removed


def _days(out: Place) -> Iterator[tuple[date, str]]:
    for name in places.list_folders(places.join(out, FOLDER)):
        if match := _DAY.fullmatch(name):
            with suppress(ValueError):  # a folder of somebody else's, called almost like a day
                yield date.fromisoformat(match[1]), name
