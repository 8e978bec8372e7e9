"""What in an OUT is segcore's own, by its name and by what it holds: nothing else is ever swept or removed."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from segcore import errors
from segcore.storage import places
from segcore.storage.places import Place
from segcore.stores import is_url

CLOCK = "begun.json"
PART = ".part"  # what is half written, or half removed: never read, swept by the next start
NIGHT = "history-"  # before the id of a run whose customers are being moved into the history
_MARK = ".segcore"  # in a folder of stages, which others may put things into meanwhile
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


def run_id(begun: datetime, fingerprint: str) -> str:
    """Return what a run is called."""
    return f"{begun:%Y%m%dT%H%M%SZ}-{fingerprint[:8]}"


def is_run_id(name: str) -> bool:
    """Whether a name is one that :func:`run_id` gives."""
    return _RUN_ID.fullmatch(name) is not None


def take_work_folder(work: Path, *, holds: str = "stages of runs") -> None:
    """Make a folder for what is segcore's own and mark it, or refuse one that is somebody else's.

    Raises
    ------
    segcore.errors.OutputError
        If it is a link, or holds things of others alone.
    """
    remedy = f"{holds} would lie there; move it, or choose another --out or --scratch"
    if work.is_symlink():
        raise errors.OutputError(f"{work}: is a link, and {remedy}")
    work.mkdir(mode=places.PRIVATE, exist_ok=True, parents=True)
    names = [entry.name for entry in work.iterdir()]
    if names and _MARK not in names and not any(is_stages(work / name) for name in names):
        raise errors.OutputError(
            f"{work}: is not segcore's, for it holds {errors.listing(names, most=3)}, and {remedy}"
        )
    (work / _MARK).touch()


def leave_work_folder(work: Path) -> None:
    """Remove the folder of stages where nothing is in it."""
    if [entry.name for entry in work.glob("*")] == [_MARK]:
        (work / _MARK).unlink()
        work.rmdir()


def is_stages(place: Place) -> bool:
    """Whether a folder holds the stages of a run: by its name, and by the clock that is first and last in it."""
    if is_url(place):
        name = str(place).rpartition("/")[2]
        return _FINGERPRINT.fullmatch(name) is not None and places.exists(places.join(place, CLOCK))
    folder = Path(place)
    if not _FINGERPRINT.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
        return False
    return (folder / CLOCK).exists() or {entry.name for entry in folder.iterdir()} <= {f".{CLOCK}{PART}"}


def is_own_run(out: Place, name: str) -> bool:
    """Whether a folder in ``runs`` is a finished run: by its name, and by the same one in its manifest."""
    run = places.join(out, "runs", name)
    if not is_run_id(name) or (not is_url(run) and Path(run).is_symlink()):
        return False
    try:
        state = places.read_json(places.join(run, "manifest.json"))
    except (OSError, ValueError, errors.InputNotFoundError):
        return False
    return isinstance(state, dict) and state.get("run_id") == name


def sweep_aside(out: Path) -> None:
    """Remove runs, and nights of the history, that were half moved into `out`, or half removed from it.

    Raises
    ------
    segcore.errors.OutputError
        If the folder for them is a link.
    """
    folder = out / PART
    if folder.is_symlink():
        raise errors.OutputError(
            f"{folder}: is a link, and old runs would be moved there; remove it, or choose another --out"
        )
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        own = is_run_id(entry.name.removeprefix(NIGHT))
        if own and entry.is_dir() and not entry.is_symlink():
            places.remove(entry)
    if not any(folder.iterdir()):
        folder.rmdir()


def forget(stages: Place) -> None:
    """Remove the stages of a run: their marks, so that none is half there, and the clock last, since it says whose they are."""
    for name in places.list_files(stages, deep=False):
        if name != CLOCK:
            places.remove(places.join(stages, name))
    for name in places.list_folders(stages):
        places.remove(places.join(stages, name))
    places.remove(places.join(stages, CLOCK))
    places.remove(stages)
