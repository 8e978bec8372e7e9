"""Two runs compared: identities, migration and drift, as the report shows them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from segcore import errors, job, report, storage
from segcore.changes import lineage, movement
from segcore.changes.lineage import Identity, Lineage
from segcore.pipeline.finished import apply_model, previous_run
from segcore.pipeline.finished.finished_run import at_hand
from segcore.pipeline.finished.previous_run import Previous

_FILES = ("lineage.json", "movement.json", "moved.parquet", "drift.json", "report.html")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A run beside the one before.

    Attributes
    ----------
    old : Previous
    ways : LazyFrame
        A row per customer of either run; the new segments by the new run's own numbers.
    cells : DataFrame
        Their counts and money, new segments by their ids.
    lineage : Lineage
    unit : float
        Minor units in one of money.
    """

    old: Previous
    ways: pl.LazyFrame
    cells: pl.DataFrame
    lineage: Lineage
    unit: float


def compare(
    old: Previous,
    features: Sequence[Path],
    segments: pl.LazyFrame,
    labels: Path,
    settings: job.Job,
    *,
    same_ids: bool = False,
) -> Comparison:
    """Follow every customer from an old run to a new one, and find which segment is which.

    Parameters
    ----------
    old : Previous
    features : sequence of Path
        The new run's customer features.
    segments : LazyFrame
        ``segment`` of the same customers in the same order.
    labels : Path
        Folder that `frozen.label` wrote for them with the old run's model.
    settings : segcore.job.Job
        Of the new run.
    same_ids : bool
        Whether the new run's ids carry on the old one's already.
    """
    new = pl.concat(
        [
            pl.scan_parquet(list(features)).select("customer_id", "total_spend"),
            segments.select("segment"),
            pl.scan_parquet(apply_model.labels(labels)).select("outside", between="segment"),
        ],
        how="horizontal",
    )
    decimals = settings.cleaning.money_decimals
    ways = movement.ways(old.customers(), new, money_decimals=decimals)
    cells = movement.cells(ways)
    history, same_data = movement.evidence(cells)
    numbers = sorted({b for _, b in history if b})
    both = {"old": sorted(old.names), "new": numbers}
    if same_ids:
        found = lineage.inherited(
            history, same_data, **both, next_segment=max(old.next_segment, *numbers) + 1
        )
    else:
        found = lineage.match(
            history, same_data, **both, next_segment=old.next_segment, rule=settings.lineage
        )
    return Comparison(
        old=old,
        ways=ways,
        cells=movement.renumber(cells, found),
        lineage=found,
        unit=10.0**decimals,
    )


def write(folder: Path, found: Comparison, names: dict[int, str], reasons: Sequence[str]) -> dict[str, Any]:
    """Write lineage.json, movement.json and moved.parquet, and return what movement.json holds.

    Parameters
    ----------
    folder : Path
    found : Comparison
    names : dict of int to str
        Of the new segments, by id.
    reasons : sequence of str
        What else than the customers has changed.
    """
    old = found.old
    storage.write_json(folder / "lineage.json", _lineage(found, names))
    renamed = [
        f"{old.names[s]!r} is called {names[s]!r} now."
        for s in names
        if s in old.names and old.names[s] != names[s]
    ]
    said = movement.words(found.cells, old.names, names)
    content = {
        "previous": {"run_id": old.run_id, "created_at": old.manifest["created_at"]},
        "reasons": list(reasons),
        "words": said + [_identity_in_words(i, old.names, names) for i in _changed(found.lineage)] + renamed,
        "old_segments": movement.names(list(old.names.items())),
        "new_segments": movement.names(list(names.items())),
        **movement.matrices(found.cells, found.unit),
    }
    storage.write_json(folder / "movement.json", content)
    ways = found.ways.with_columns(movement.renumbered(found.lineage))
    movement.moved(ways, old.names, names, found.unit).sink_parquet(folder / "moved.parquet")
    return content


def _lineage(found: Comparison, names: dict[int, str]) -> dict[str, Any]:
    old = found.old.names
    return {
        "previous": found.old.run_id,
        "next_segment": found.lineage.next_segment,
        "segments": [
            {
                "segment": i.segment,
                "segment_name": None if i.segment is None else names[i.segment],
                "previous": i.previous,
                "previous_name": None if i.previous is None else old[i.previous],
                "verdict": i.verdict,
                "renamed": i.verdict == "kept" and names[i.segment or 0] != old[i.previous or 0],
                "jaccard": i.jaccard,
                "jaccard_history": i.jaccard_history,
                "jaccard_same_data": i.jaccard_same_data,
                "shared_customers": i.shared,
            }
            for i in found.lineage.identities
        ],
    }


def _changed(lineage: Lineage) -> Iterable[Identity]:
    return (identity for identity in lineage.identities if identity.verdict != "kept")


def _identity_in_words(identity: Identity, old: dict[int, str], new: dict[int, str]) -> str:
    now = repr(new.get(identity.segment or 0, ""))
    before = repr(old.get(identity.previous or 0, ""))
    return {
        "new": f"{now} is a new segment.",
        "retired": f"{before} is no longer a segment.",
        "split": f"{now} has split off {before}.",
        "merged": f"{before} has merged into {now}.",
        "kept": "",
    }[identity.verdict]


def compare_runs(old: storage.Place, new: storage.Place, out: Path | None = None) -> str:
    """Compare two finished runs and say what moved, as text for a terminal.

    Parameters
    ----------
    old, new : path or URL
        Their folders, or ones with latest.json.
    out : Path, optional
        Folder for lineage.json, movement.json, drift.json, moved.parquet and the report of `new` with this
        comparison in it.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If one of them is no finished run.
    segcore.errors.DataError
        If the new run lacks a feature of the old one's model.
    """
    with at_hand(old) as first, at_hand(new, rejects=out is not None) as second:
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
        found = compare(
            before,
            features,
            pl.scan_parquet(after.folder / "segments/*.parquet"),
            labels,
            after.settings,
            same_ids=before.run_id in (after.run_id, *after.ancestors),
        )
        names = {
            found.lineage.ids[segment]: text
            for segment, text in after.names.items()
            if segment in found.lineage.ids
        }
        reasons = previous_run.changes(
            before.settings, after.settings, before.manifest["versions"], after.manifest["versions"]
        )
        made = scratch / "made"
        made.mkdir()
        content = write(made, found, names, reasons)
        fit = apply_model.drifted(features, labels, before.model, after.settings.drift)
        apply_model.write_drift(made, fit, against=before.fitted)
        if out is not None:
            _publish(made, after.folder, out)
    return _text(content, fit.state)


def _publish(made: Path, run: Path, out: Path) -> None:
    """Put the comparison into a folder, with the report of the run as if it had followed the old one."""
    view = made.with_name("view")
    view.mkdir()
    for path in (*made.iterdir(), *(p for p in run.iterdir() if p.name not in _FILES)):
        (view / path.name).symlink_to(path.resolve())
    text = report.build(view)
    with storage.disk_errors(out):
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in made.iterdir():
            shutil.copyfile(path, out / path.name)
        storage.write_text(out / "report.html", text)


def _text(content: dict[str, Any], drift: dict[str, Any]) -> str:
    lines = [*(f"Changed since then: {reason}." for reason in content["reasons"]), *content["words"], ""]
    names = {
        row["segment"]: row["segment_name"] for row in (*content["old_segments"], *content["new_segments"])
    }
    for title, key in (("Customers", "customers"), ("Money now", "money")):
        lines += [f"{title}, from (rows) to (columns):", *_matrix(content["flows"], names, key), ""]
    lines.append(f"Drift: {drift['verdict']}, since {'; '.join(drift['reasons'])}.")
    return "\n".join(lines)


def _matrix(flows: list[dict[str, Any]], names: dict[int, str], key: str) -> list[str]:
    """Lay out a migration matrix by segment ids, with their names in front of the rows."""
    count = {(row["old"], row["new"]): row[key] for row in flows}
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
