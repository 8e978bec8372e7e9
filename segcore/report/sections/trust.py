"""Whether the segments can be relied on, in one plain answer."""

from __future__ import annotations

from segcore.report.formatting import Formatter
from segcore.report.report_data import ReportData
from segcore.report.sections.profile_rows import rows_by_revenue


def trust(data: ReportData, fmt: Formatter) -> str:
    """Return one plain sentence on whether the segments would come out again with other customers."""
    chosen = data.manifest.chosen
    groups = fmt.counted(len(rows_by_revenue(data)), "group")
    alike = chosen.jaccard_min
    if not chosen.admissible:
        return (
            f"With care: the {groups} did not pass the checks that a choice is held to, and may look different "
            "with other customers of the same shop."
        )
    if alike is None:
        return (
            f"It was not measured in this run whether the {groups} would come out again with other customers."
        )
    return (
        f"Yes, as a way to divide the customers: with others drawn from the same shop each of the {groups} comes out "
        f"again, the least stable of them {fmt.percent(alike)} the same."
    )
