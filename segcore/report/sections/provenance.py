"""How a run was made, as the report shows it: versions, timings, the command that repeats it."""

from __future__ import annotations

from typing import Any

from segcore.report.formatting import Formatter, cut, day, seconds, sentence, size
from segcore.report.report_data import ReportData


def provenance(data: ReportData, fmt: Formatter) -> dict[str, Any]:
    """Return how the run was made: versions, timings, command."""
    manifest = data.manifest
    stages, source = manifest.stages, manifest.input
    longest = max(stage.seconds for stage in stages) or 1.0
    scored = [("Model", "that of an earlier run; nothing was fitted")] if manifest.kind == "score" else []
    return {
        "run": manifest.run_id,
        "facts": [
            *scored,
            ("Run", manifest.run_id),
            ("Made", _moment(manifest.created_at)),
            ("Counted as of", _moment(manifest.as_of)),
            (
                "Input",
                f"{fmt.count(source.files)} files, {size(source.bytes)}, {fmt.count(source.lines)} lines",
            ),
            ("Versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
            ("Fingerprint", manifest.fingerprint),
            ("Time", seconds(sum(stage.seconds for stage in stages))),
            ("Peak memory", size(max(stage.peak_memory for stage in stages))),
        ],
        "stages": [
            {
                "name": sentence(cut(stage.name, 40).replace("_", " ")),
                "seconds": seconds(stage.seconds),
                "bar": round(100 * stage.seconds / longest),
                "rows": fmt.count(stage.rows),
                "resumed": stage.resumed,
                "peak": size(stage.peak_memory),
            }
            for stage in stages
        ],
        "kmeans": [
            {
                "k": fit.k,
                "iterations": fmt.count(fit.n_iter),
                "passes": fmt.count(fit.n_passes),
                "seconds": seconds(fit.seconds),
            }
            for fit in manifest.kmeans
        ],
        "command": cut(manifest.command, 2000),
    }


def _moment(text: str) -> str:
    return f"{day(text)}, {text[11:16]}"
