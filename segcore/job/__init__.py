"""The job: what a run is asked to do. Validates values and never touches a disk."""

from segcore.job.analysis import (
    CovarianceType,
    Drift,
    Family,
    Gate,
    Lineage,
    Linkage,
    LookBack,
    Models,
    Outlook,
    Report,
    Selection,
    Stability,
    StructureTest,
)
from segcore.job.cleaning import Cleaning
from segcore.job.extra import Extra
from segcore.job.features import Features, Matrix, Rfm, Transform
from segcore.job.input import Input
from segcore.job.join import Join
from segcore.job.tables import Customers, Job
from segcore.job.text import MOST_CHARACTERS, commented, json_schema, resolve, template, to_toml

__all__ = [
    "MOST_CHARACTERS",
    "Cleaning",
    "CovarianceType",
    "Customers",
    "Drift",
    "Extra",
    "Family",
    "Features",
    "Gate",
    "Input",
    "Job",
    "Join",
    "Lineage",
    "Linkage",
    "LookBack",
    "Matrix",
    "Models",
    "Outlook",
    "Report",
    "Rfm",
    "Selection",
    "Stability",
    "StructureTest",
    "Transform",
    "commented",
    "json_schema",
    "resolve",
    "template",
    "to_toml",
]
