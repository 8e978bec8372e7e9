"""The workspace opened: where it lies, alone on an OUT, swept of what others left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from segcore import errors
from segcore.storage import places
from segcore.storage.files import disk_errors, disk_failures, fingerprint
from segcore.storage.lock import lock
from segcore.storage.ownership import (
    CLOCK,
    PART,
    forget,
    is_stages,
    leave_work_folder,
    sweep_aside,
    take_work_folder,
)
from segcore.storage.places import Place
from segcore.storage.private import private_base, private_folder
from segcore.storage.runs import refuse_others
from segcore.storage.workspace import Workspace
from segcore.stores import engine_errors, is_url


@contextmanager
def workspace(
    out: Place,
    mark: str | Callable[[], str],
    *,
    scratch: Place | None = None,
    resume: bool = True,
    wait: bool = False,
    log: Callable[[str], None] = lambda text: None,
) -> Iterator[Workspace]:
    """Open the workspace of a fingerprint, alone on `out` while it is open.

    What other fingerprints left there is swept: their input or job has changed. What is not segcore's own stays.
    Where `out` did not exist and nothing was published or finished, nothing is left behind. A store has no locks:
    there it is alone on this machine.

    Parameters
    ----------
    out : path or URL
    mark : str or callable
        The fingerprint, or what returns it, called when nobody else works on `out`.
    scratch : path or URL, optional
        Where stages are kept until the run is published; in `out` by default.
    resume : bool
        Resume from the stages that an earlier start finished.
    wait : bool
        Wait for another run on `out` to end.
    log : callable
        Called with what was found there.

    Raises
    ------
    segcore.errors.BusyError
        If another run holds `out`.
    segcore.errors.OutputError
        If `out` cannot be created, or what would be written over, or the folder for stages, is somebody else's.
    segcore.errors.StorageError
        If the disk is full or fails.
    segcore.errors.UnreachableError
        If a store does not answer.
    """
    stages = stages_of(out, scratch)
    with ExitStack() as stack:
        stack.enter_context(_alone(out, stages, wait=wait, log=log))
        work = stack.enter_context(private_folder()) if is_url(stages) else Path(stages)
        store = str(stages) if is_url(stages) else None
        refuse_others(out)
        name = mark if isinstance(mark, str) else mark()
        with disk_errors(stages):
            take_work_folder(work)
        try:
            with disk_errors(stages):
                space = _begin(out, work, store, name, resume, log)
            with disk_failures(stages), engine_errors():
                yield space
        except (errors.DataError, errors.JobError):
            # The same input and job would end so again: there is nothing to go on with.
            forget(work / name)
            if store is not None:
                forget(f"{store}/{name}")
            raise
        finally:
            _tidy(out, work)
            if store is not None:
                with suppress(errors.SegcoreError):  # the store may be why the run ends
                    _tidy_store(f"{store}/{name}")


def stages_of(out: Place, scratch: Place | None) -> Place:
    """Return where the stages of the runs of an `out` lie; a scratch may serve many of them."""
    return places.join(out, "work") if scratch is None else places.join(scratch, f"segcore-{_name(out)}")


def _name(out: Place) -> str:
    return fingerprint({"out": str(out) if is_url(out) else str(Path(out).absolute())})


@contextmanager
def _alone(out: Place, stages: Place, *, wait: bool, log: Callable[[str], None]) -> Iterator[None]:
    if not is_url(out):
        with _alone_in_folder(Path(out), wait=wait, log=log):
            yield
        return
    path = private_base() / f"{_name(out)}.lock" if is_url(stages) else Path(f"{stages}.lock")
    with ExitStack() as stack:
        with disk_errors(path):
            stack.enter_context(lock(path, of=out, wait=wait, log=log))
        yield


@contextmanager
def _alone_in_folder(out: Path, *, wait: bool, log: Callable[[str], None]) -> Iterator[None]:
    created = [folder for folder in (out, *out.parents) if not folder.exists()]
    path = out / ".lock"
    with ExitStack() as stack:
        with disk_errors(out):
            stack.enter_context(lock(path, of=out, wait=wait, log=log))
        try:
            yield
        finally:
            # While the lock is held, so that nobody loses a folder that they have just begun to use.
            if created and {entry.name for entry in out.glob("*")} == {path.name}:
                path.unlink()
                for folder in created:
                    with suppress(OSError):  # somebody uses it
                        folder.rmdir()


def _begin(
    out: Place, work: Path, store: str | None, mark: str, resume: bool, log: Callable[[str], None]
) -> Workspace:
    if not is_url(out):
        sweep_aside(Path(out))
    folder = work / mark
    for stages in (work, store):
        if stages is not None:
            _sweep(stages, mark if resume else "")
    if folder.exists() and not is_stages(folder):
        raise errors.OutputError(
            f"{folder}: is not segcore's, for it has no {CLOCK}, and stages of this run would lie there; move it"
        )
    folder.mkdir(mode=places.PRIVATE, exist_ok=True)
    for part in folder.glob("*" + PART):
        places.remove(part)
    url = None if store is None else f"{store}/{mark}"
    begun = _begun(folder if url is None else url, log)
    return Workspace(out=out, folder=folder, begun=begun, store=url, log=log)


def _sweep(stages: Place, keep: str) -> None:
    """Remove the stages of other fingerprints."""
    for name in places.list_folders(stages):
        if name != keep and is_stages(places.join(stages, name)):
            forget(places.join(stages, name))


def _begun(stages: Place, log: Callable[[str], None]) -> datetime:
    """Return when the first start of a run read the clock; without one that can be read, this is the first."""
    clock = places.join(stages, CLOCK)
    if places.exists(clock):
        try:
            return datetime.fromisoformat(places.read_json(clock)["begun"])
        except (ValueError, TypeError, KeyError):
            log(f"{clock}: is damaged; all stages are made again")
            forget(stages)
    begun = datetime.now(UTC).replace(microsecond=0)
    places.write_json(clock, {"begun": begun.isoformat()})
    return begun


def _tidy(out: Place, work: Path) -> None:
    """Remove what is half written, and a workspace without a finished stage."""
    for folder in filter(is_stages, work.glob("*")):
        for part in folder.glob("*" + PART):
            places.remove(part)
        if not places.list_folders(folder):
            forget(folder)
    leave_work_folder(work)
    if not is_url(out):
        sweep_aside(Path(out))


def _tidy_store(store: str) -> None:
    """Remove the clock of a run that has not finished a stage."""
    if places.list_files(store, deep=False) == [CLOCK]:
        forget(store)
