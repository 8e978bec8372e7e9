"""The story of a run from top to bottom."""

from segcore.pipeline.compare_runs import compare_runs
from segcore.pipeline.core.run import Run
from segcore.pipeline.export import export
from segcore.pipeline.finished.finished_run import explain_customer, rebuild_report
from segcore.pipeline.inspect import inspect_input, inspected
from segcore.pipeline.list_runs import list_runs, runs
from segcore.pipeline.score import score
from segcore.pipeline.segment import segment
from segcore.pipeline.trials import hold_out, read_out

__all__ = [
    "Run",
    "compare_runs",
    "explain_customer",
    "export",
    "hold_out",
    "inspect_input",
    "inspected",
    "list_runs",
    "read_out",
    "rebuild_report",
    "runs",
    "score",
    "segment",
]
