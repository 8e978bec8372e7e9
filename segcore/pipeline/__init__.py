"""The story of a run from top to bottom."""

from segcore.pipeline.compare import compare_runs
from segcore.pipeline.finished import explain_customer, rebuild_report
from segcore.pipeline.inspect_text import inspect_input
from segcore.pipeline.runs import list_runs
from segcore.pipeline.score import score
from segcore.pipeline.segment import segment
from segcore.pipeline.start import Run

__all__ = [
    "Run",
    "compare_runs",
    "explain_customer",
    "inspect_input",
    "list_runs",
    "rebuild_report",
    "score",
    "segment",
]
