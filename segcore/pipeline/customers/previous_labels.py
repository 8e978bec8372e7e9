"""The customers as the previous run's model sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segcore import engine, errors, records
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers.customers import Customers
from segcore.pipeline.finished import apply_model, job_diff
from segcore.pipeline.finished.previous_run import Previous
from segcore.records import DriftReport


@dataclass(frozen=True, kw_only=True)
class PreviousLabels:
    """Every customer's label by the previous run's model.

    Attributes
    ----------
    previous : Previous
    folder : Path
        What :func:`segcore.pipeline.finished.apply_model.label` wrote, and drift.json.
    changes : list of str
        What else than the customers is different since then.
    """

    previous: Previous
    folder: Path
    changes: list[str]

    @property
    def drift(self) -> DriftReport:
        """How far the customers have drifted from those of the model's fit."""
        return records.read(DriftReport, self.folder)


def label(run: RunContext, customers: Customers) -> PreviousLabels | None:
    """Label every customer with the previous run's model, and measure the drift; None without a previous run.

    It takes seconds, so it is made anew by a start that resumes. A run that only scores is refused where the model
    needs features that these customers do not have, another follows no run then.

    Raises
    ------
    segcore.errors.DataError
    """
    previous = run.plan.previous
    if previous is None:
        return None
    if lacking := apply_model.missing(customers.features, previous.model):
        if run.plan.refresh == "score":
            raise errors.DataError(
                f"the model of {previous.run_id} needs {errors.listing(lacking)}, which the input says nothing"
                " about; score lines with the columns of the fit"
            )
        run.progress.warn(f"no previous run is followed: its model needs {errors.listing(lacking)}")
        return None
    changes = job_diff.changes(previous.settings, run.settings, previous.manifest.versions, engine.versions())
    folder = run.temporary("previous")
    with run.measured("previous", folder=folder, rows=customers.customers):
        apply_model.label(customers.features, previous.model, folder)
        drift = apply_model.drifted(customers.features, folder, previous.model, run.settings.drift)
        apply_model.write_drift(folder, drift, against=previous.fitted, added=changes)
    return PreviousLabels(previous=previous, folder=folder, changes=changes)
