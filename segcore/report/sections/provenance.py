"""How a run was made, as the report shows it: versions, timings, the command that repeats it."""

from __future__ import annotations

from typing import Any

from segcore.report.formatting import Formatter, cut, day, seconds, sentence, size
from segcore.report.report_data import ReportData


def provenance(data: ReportData, fmt: Formatter) -> dict[str, Any]:
    """Return how the run was made: versions, timings, command."""
    manifest = data.manifest
    stages = manifest.get("stages", [])
    longest = max([stage.get("seconds") or 0.0 for stage in stages], default=0.0) or 1.0
    peaks = [stage["peak_memory"] for stage in stages if stage.get("peak_memory")]
    source = manifest.get("input") or {}
    versions = {
        "segcore": manifest.get("segcore") or manifest.get("version") or "",
        **(manifest.get("versions") or {}),
    }
    return {
        "run": str(manifest.get("run_id", "")),
        "facts": [
            *(
                [("Model", "that of an earlier run; nothing was fitted")]
                if manifest.get("kind") == "score"
                else []
            ),
            ("Run", str(manifest.get("run_id", ""))),
            ("Made", _moment(manifest.get("created_at"))),
            ("Counted as of", _moment(manifest.get("as_of"))),
            (
                "Input",
                f"{fmt.count(source.get('files'))} files, {size(source.get('bytes'))}, {fmt.count(source.get('lines'))} lines",
            ),
            ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items() if version)),
            ("Fingerprint", str(manifest.get("fingerprint", ""))),
            ("Time", seconds(sum(stage.get("seconds") or 0.0 for stage in stages))),
            ("Peak memory", size(max(peaks)) if peaks else "–"),
        ],
        "stages": [
            {
                "name": sentence(cut(stage["name"], 40).replace("_", " ")),
                "seconds": seconds(stage.get("seconds")),
                "bar": round(100 * (stage.get("seconds") or 0.0) / longest),
                "rows": fmt.count(stage.get("rows")),
                "resumed": bool(stage.get("resumed")),
                "peak": size(stage.get("peak_memory")),
            }
            for stage in stages
        ],
        "kmeans": [
            {
                "k": fit["k"],
                "iterations": fmt.count(fit["n_iter"]),
                "passes": fmt.count(fit["n_passes"]),
                "seconds": seconds(fit["seconds"]),
            }
            for fit in manifest.get("kmeans") or []
        ],
        "command": cut(manifest.get("command", ""), 2000),
    }


def _moment(text: str | None) -> str:
    if not text:
        return "–"
    return f"{day(text)}, {text[11:16]}" if len(text) > 11 else day(text)
