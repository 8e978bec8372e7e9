"""What can be asked of a finished run: its report again, and why a customer is where they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from segcore import errors, explain, ingest, job, profile, records, report, storage
from segcore.pipeline.finished import model_files, outlook_file
from segcore.records import DriftReport, Manifest
from segcore.selection.doubt import in_short
from segcore.storage import Place, join
from segcore.stores import is_url

# What is not fetched from a store: rejects can be as large as the dump, the others nobody reads again.
NOT_READ_AGAIN = ("rejects/", "labels/", "segments.csv", "segments-", "moved.", "moved-", "report.")


def find(path: Place) -> Place:
    """Return the place of a run from itself or from a folder with latest.json.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is no finished run.
    """
    if storage.exists(join(path, "manifest.json")):
        return path
    latest = storage.latest_run(path)
    if latest is not None:
        return storage.run_place(path, latest)
    raise errors.InputNotFoundError(
        f"{path}: no finished run; expected a folder with manifest.json or latest.json, such as the --out of a run"
    )


@contextmanager
def local_copy(path: Place, *, rejects: bool = False, moved: bool = False) -> Iterator[Path]:
    """Give the folder of a finished run; one in an object store is fetched for as long as it is needed.

    Parameters
    ----------
    path : path or URL
        The run, or a folder with latest.json.
    rejects : bool
        Fetch the rejected lines too.
    moved : bool
        And who moved.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is no finished run, or none that this version can read, or one of its files is not as it was written.
    segcore.errors.UnreachableError
        If a store does not answer, or not as expected.
    """
    run = find(path)
    manifest = records.read(Manifest, run)  # it knows which version wrote all files of the run
    if not is_url(run):
        check(run, Path(run), manifest)
        yield Path(run)
        return
    wanted = ["rejects/"] * rejects + ["moved."] * moved
    left = [name for name in NOT_READ_AGAIN if name not in wanted]
    names = storage.list_files(run)
    if manifest.FILE not in names:
        raise errors.UnreachableError(
            f"{run}: the store's list of it lacks {manifest.FILE}, which is there; run the same command again"
        )
    with storage.private_folder() as folder:
        with storage.disk_errors(folder):
            storage.copy(run, folder, [name for name in names if not name.startswith(tuple(left))])
        check(run, folder, manifest)
        yield folder


def check(run: Place, folder: Path, manifest: Manifest) -> None:
    """Look whether the files of a run are as they were written.

    Parameters
    ----------
    run : path or URL
        Its place, for messages.
    folder : Path
        Where its files are.
    manifest : Manifest

    Raises
    ------
    segcore.errors.InputNotFoundError
        If one is not there or has other bytes, or its job cannot be read.
    """
    for name, digest in manifest.digests.items():
        with records.readable(join(run, name)):
            if storage.digest(folder / name) != digest:
                raise ValueError("its bytes are not those that were written")
    read_job(folder)


def read_job(run: Place) -> job.Job:
    """Read the job of a finished run.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If it is not there or damaged, or this version knows no such job.
    """
    path = join(run, "job.toml")
    with records.readable(path):
        text = storage.read(path).decode()
    try:
        return job.resolve(text, source=str(path))
    except errors.JobError as exc:
        raise errors.InputNotFoundError(f"{exc}; make the run again with this version") from exc


def verdict(run: Manifest, latest: str = "") -> str:
    """Return how a run ended: stopped by the gate, or published, and with which reservation.

    Parameters
    ----------
    run : Manifest
    latest : str
        The run that latest.json names.
    """
    if run.gate.broken:
        return f"stopped: {'; '.join(run.gate.broken)}"
    reservation = in_short(run.chosen.admissible, run.pinned_cost)
    drifted = "scored, a new fit is asked for" if run.refresh.drift == "refit" else ""
    return ", ".join(filter(None, ("latest" if run.run_id == latest else "published", drifted, reservation)))


def drift_verdict(run: Place) -> str | None:
    """Return whether a run's customers still fit the model that they were compared with; None without one."""
    report = records.read_optional(DriftReport, run)
    return None if report is None else {"score": "fits", "refit": "drifted"}[report.verdict]


def rebuild_report(path: Place, *, markdown: bool = False, show_ids: bool = False) -> Place:
    """Write the report of a finished run again and return where it is."""
    run = find(path)
    target = join(run, "report.md" if markdown else "report.html")
    with local_copy(run, rejects=True) as folder:
        text = (report.build_markdown if markdown else report.build)(folder, show_ids=show_ids)
    with storage.disk_errors(target):
        storage.write_text(target, text)
    return target


def explain_customer(customer_id: str, path: Place) -> str:
    """Say why a customer is in their segment and what would move them.

    Raises
    ------
    segcore.errors.DataError
        If the run has no such customer.
    """
    with local_copy(path) as run:
        return _explanation(customer_id, run)


def _explanation(customer_id: str, run: Path) -> str:
    model = model_files.load(run)
    settings = read_job(run)
    [customer_id] = ingest.as_read([customer_id], settings)
    customers = pl.scan_parquet(run / "features/*.parquet")
    forms = [customer_id, customer_id.removesuffix(".0")]  # as the run has it, or as a dump may write it
    found_rows = customers.filter(pl.col("customer_id").is_in(forms)).collect(engine="streaming")
    row = found_rows.filter(pl.col("customer_id") == customer_id)
    row = row if row.height else found_rows
    if not row.height:
        raise errors.DataError(
            f"customer {customer_id!r} has no purchase in this run; ids are text, as in segments.csv"
        )
    explanation = explain.explain(
        model.preparation.expand(row),
        model=model,
        names=model.names,
        profile=profile.load(run),
        limits=explain.limits_of(model.preparation.expand(customers), model),
        rules=records.read(profile.Rules, run),
        outlook=outlook_file.load(run),
    )
    return explanation.text(currency=settings.report.currency)
