"""What a run says last: four lines for people, and the same as one record for machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from segcore import profile, records, storage
from segcore.changes.summary import summarise
from segcore.lines.ledger import KEPT, rejects_in_words
from segcore.pipeline.finished import finished_run
from segcore.progress import Progress
from segcore.records import Ledger, Manifest, MovementReport

_MOST = 6  # segments that are named in a line


def log_summary(run: Path, place: storage.Place, progress: Progress) -> None:
    """Log what was rejected, what was found, what changed, and where it is; the last line carries the facts.

    Parameters
    ----------
    run : Path
        The finished run, or its files before they were copied to a store.
    place : path or URL
        Where the run lies.
    progress : Progress
    """
    manifest, account = records.read(Manifest, run), records.read(Ledger, run)
    progress.log(rejects_in_words(account))
    table = profile.load(run)
    segments = table.filter(table["segment"] != profile.ALL).sort(
        "revenue", "segment", descending=[True, False]
    )
    rows = segments.select(
        "segment", "segment_name", "customers", "customer_share", "revenue", "revenue_share"
    )
    named = [
        f"{row['segment_name']} {row['customers']:,} ({row['revenue_share']:.0%})"
        for row in rows.head(_MOST).to_dicts()
    ]
    more = [f"and {rows.height - _MOST} more"] if rows.height > _MOST else []
    progress.log(
        f"{manifest.customers:,} customers in {manifest.segments} segments, with their share of the money spent: "
        + ", ".join([*named, *more])
    )
    moves = records.read_optional(MovementReport, run)
    changed = None if moves is None else summarise(moves)
    progress.log("nothing to compare with: no run before" if changed is None else changed.text())
    report = storage.join(place, "report.html") if (run / "report.html").is_file() else None
    progress.log(
        f"run: {place}" if report is None else f"report: {report}",
        facts={
            "run_id": manifest.run_id,
            "as_of": manifest.as_of,
            "customers": manifest.customers,
            "segments": rows.to_dicts(),
            "moved": None if changed is None else changed.moved,
            "moved_share": None if changed is None else changed.moved_share,
            "verdict": finished_run.verdict(manifest),
            "drift": finished_run.drift_verdict(run),
            "rejects": _rejects(account),
            "rejected_money": {
                one.name: str(one.money) for one in account.classes if one.rows and one.name not in KEPT
            },
            "report": None if report is None else str(report),
            "seconds": round(sum(stage.seconds for stage in manifest.stages), 3),
            "peak_memory": max((stage.peak_memory for stage in manifest.stages), default=0),
        },
    )


def _rejects(ledger: Ledger) -> Mapping[str, int]:
    """Return the rejected lines by reason, of those that met some."""
    return {name: rows for name, rows in ledger.rows.items() if rows and name not in KEPT}
