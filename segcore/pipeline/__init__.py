"""The story of a run from top to bottom."""

from segcore.pipeline.compare_runs import compare_runs
from segcore.pipeline.core.run import Run
from segcore.pipeline.export import export
from segcore.pipeline.finished.finished_run import explain_customer, rebuild_report
from segcore.pipeline.inspect import inspect_input, inspected
from segcore.pipeline.list_runs import list_runs, runs
from segcore.pipeline.score import score
from segcore.pipeline.segment import segment

__all__ = [
    "Run",
    "compare_runs",
    "explain_customer",
    "export",
    "inspect_input",
    "inspected",
    "list_runs",
    "rebuild_report",
    "runs",
    "score",
    "segment",
]
