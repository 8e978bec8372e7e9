"""Command ``compare``: two finished runs compared, as text for a terminal and as a report."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from segcore import errors, records, report, storage
from segcore.pipeline.finished import apply_model, job_diff, previous_run, run_comparison
from segcore.pipeline.finished.finished_run import local_copy
from segcore.pipeline.finished.previous_run import Previous
from segcore.records import DriftReport, MovementReport

_FILES = ("lineage.json", "movement.json", "drift.json", "report.html")


def compare_runs(old: storage.Place, new: storage.Place, out: Path | None = None) -> str:
    """Compare two finished runs and say what moved, as text for a terminal.

    Parameters
    ----------
    old, new : path or URL
        Their folders, or ones with latest.json.
    out : Path, optional
        Folder for lineage.json, movement.json, drift.json, moved.parquet and the report of `new` with this
        comparison in it: a new one, or one that a comparison has left.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If one of them is no finished run.
    segcore.errors.DataError
        If the new run lacks a feature of the old one's model.
    segcore.errors.OutputError
        If files of others, or of a run, are called as those that would be written.
    """
    if out is not None:
        _refuse_others(out)
    with local_copy(old) as first, local_copy(new, rejects=out is not None) as second:
        return _compare_runs(previous_run.load(first), previous_run.load(second), out)


def _compare_runs(before: Previous, after: Previous, out: Path | None) -> str:
    with tempfile.TemporaryDirectory(prefix="segcore-compare-") as name:
        scratch = Path(name)
        labels = scratch / "labels"
        labels.mkdir()
        features = sorted((after.folder / "features").glob("*.parquet"))
        if lacking := apply_model.missing(features, before.model):
            raise errors.DataError(
                f"{after.run_id}: the model of {before.run_id} needs {errors.listing(lacking)}, which this run does not have; "
                "compare runs with the same features"
            )
        apply_model.label(features, before.model, labels)
        comparison = run_comparison.compare(
            before,
            features,
            pl.scan_parquet(after.folder / "segments/*.parquet"),
            labels,
            after.settings,
            as_of=after.as_of,
            same_ids=before.run_id in (after.run_id, *after.ancestors),
        )
        names = {
            comparison.lineage.ids[segment]: text
            for segment, text in after.names.items()
            if segment in comparison.lineage.ids
        }
        reasons = job_diff.changes(
            before.settings, after.settings, before.manifest.versions, after.manifest.versions
        )
        result = scratch / "result"
        result.mkdir()
        content = run_comparison.write(result, comparison, names, reasons)
        fit = apply_model.drifted(features, labels, before.model, after.settings.drift)
        apply_model.write_drift(result, fit, against=before.fitted)
        if out is not None:
            _publish(result, after.folder, out)
    return _text(content, fit)


def _refuse_others(out: Path) -> None:
    """Refuse a folder where files of others would be written over; what a comparison has left has a movement.json."""
    taken = [path for name in (*_FILES, "moved.parquet", "moved*.csv") for path in sorted(out.glob(name))]
    remedy = "; move it, or choose another --out"
    if taken and (out / "manifest.json").exists():
        raise errors.OutputError(f"{taken[0]}: is of the run in {out}{remedy}")
    try:
        if taken:
            records.read(MovementReport, out)
    except errors.InputNotFoundError as exc:
        raise errors.OutputError(
            f"{taken[0]}: is there already, and no comparison has left it{remedy}"
        ) from exc


def _publish(result: Path, run: Path, out: Path) -> None:
    """Put the comparison into a folder, with the report of the run as if it had followed the old one."""
    view = result.with_name("view")
    view.mkdir()
    own = [p for p in run.iterdir() if p.name not in _FILES and not p.name.startswith("moved")]
    for path in (*result.iterdir(), *own):
        (view / path.name).symlink_to(path.resolve())
    text = report.build(view)
    with storage.disk_errors(out):
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The movement first: it says whose the others are.
        for path in sorted(result.iterdir(), key=lambda path: path.name != MovementReport.FILE):
            part = out / f".{path.name}.part"
            shutil.copyfile(path, part)
            os.replace(part, out / path.name)
        storage.write_text(out / "report.html", text)


def _text(moved: MovementReport, drift: DriftReport) -> str:
    lines = [*(f"Changed since then: {reason}." for reason in moved.reasons), *moved.words, ""]
    names = {own.segment: own.segment_name for own in (*moved.old_segments, *moved.new_segments)}
    customers = {(flow.old, flow.new): flow.customers for flow in moved.flows}
    money = {(flow.old, flow.new): flow.money for flow in moved.flows}
    for title, cells in (("Customers", customers), ("Money now", money)):
        lines += [f"{title}, from (rows) to (columns):", *_matrix(cells, names), ""]
    lines.append(f"Drift: {drift.verdict}, since {'; '.join(drift.reasons)}.")
    return "\n".join(lines)


def _matrix(count: Mapping[tuple[int | None, int | None], float], names: dict[int, str]) -> list[str]:
    """Lay out a migration matrix by segment ids, with their names in front of the rows."""
    olds = [*sorted({a for a, _ in count if a is not None}), None]
    news = [*sorted({b for _, b in count if b is not None}), None]
    width = max(len(f"{value:,.0f}") for value in count.values()) + 2
    width = max(width, 6)
    head = " " * 34 + "".join(f"{'gone' if b is None else b:>{width}}" for b in news)
    rows = [
        f"{'new' if a is None else a!s:>4}  {'' if a is None else names.get(a, 'Unassigned'):<28.28}"
        + "".join(f"{count.get((a, b), 0):>{width},.0f}" for b in news)
        for a in olds
    ]
    return [head, *rows]
