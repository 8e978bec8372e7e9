"""The story of a run from top to bottom."""

from segcore.pipeline.finished import explain_customer, rebuild_report
from segcore.pipeline.runs import list_runs
from segcore.pipeline.segment import Run, segment

__all__ = ["Run", "explain_customer", "list_runs", "rebuild_report", "segment"]
