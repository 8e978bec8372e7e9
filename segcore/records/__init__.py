"""The JSON files of a run: their keys and types, and the one place that reads and writes them.

====================== =========================================================================================
``manifest.json``      :class:`Manifest`: what the run is, written last, so that a run that has it is finished
``ledger.json``        :class:`Ledger`: what became of every line, in rows and in money
``drift.json``         :class:`DriftReport`: how far the customers are from those of the fit
``lineage.json``       :class:`LineageReport`: which segment is which of the run before
``movement.json``      :class:`MovementReport`: how many customers went from which segment to which, and why
``model.json``         :class:`segcore.models.stored.ModelFile`: what labels new customers, beside ``model/*.parquet``
``model/reference.json`` :class:`segcore.changes.baseline.DriftBaseline`: the customers of the fit, to tell drift from
``rules.json``         :class:`segcore.profile.Rules`: the segments as a short list of rules
====================== =========================================================================================

Each has a ``format_version``. A change that a reader of today's files would not survive makes it one more.
"""

from segcore.records.changes import DriftReport, LineageReport, MovementReport
from segcore.records.files import FORMAT_VERSION, RunFile, read, read_optional, readable, write
from segcore.records.ledger import Ledger
from segcore.records.manifest import Manifest

__all__ = [
    "FORMAT_VERSION",
    "DriftReport",
    "Ledger",
    "LineageReport",
    "Manifest",
    "MovementReport",
    "RunFile",
    "read",
    "read_optional",
    "readable",
    "write",
]
