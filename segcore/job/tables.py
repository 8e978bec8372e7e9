"""The job: all of its tables."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from segcore import errors, schema
from segcore.job.analysis import (
    Drift,
    Gate,
    Lineage,
    LookBack,
    Models,
    Outlook,
    Report,
    Selection,
    Stability,
    StructureTest,
)
from segcore.job.base import Table
from segcore.job.cleaning import Cleaning
from segcore.job.extra import Extra, checked_path
from segcore.job.features import Features, Matrix, Rfm
from segcore.job.input import Input
from segcore.job.join import Join


class Customers(Table):
    """Which ids are one person's."""

    map: str = Field(
        "",
        description="table with an id and the person that it is of, one row each, of any kind that a dump may be; from the job file's "
        "folder if it is relative; ids that it does not have are persons of their own",
    )
    id_column: str = Field("", description="its column with the id; empty: the first of two")
    person_column: str = Field("", description="its column with the person; empty: the second of two")

    @field_validator("map")
    @classmethod
    def _without_credentials(cls, path: str) -> str:
        return checked_path(path)

    @model_validator(mode="after")
    def _both_columns(self) -> Self:
        if bool(self.id_column) != bool(self.person_column):
            raise ValueError("id_column and person_column: name both, or neither")
        return self


def _with_numbers(columns: object) -> object:
    """Return columns that are given by their number as texts, as names are."""

    def text(value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    if not isinstance(columns, dict):
        return columns
    return {
        name: [text(one) for one in value] if isinstance(value, list) else text(value)
        for name, value in columns.items()
    }


_Place = Annotated[int, Field(ge=1, le=1_000)]


class Job(Table):
    """A job file, resolved.

    Every table has defaults, so an empty job is a valid one.
    """

    columns: Annotated[
        dict[str, str | list[str]],
        BeforeValidator(_with_numbers, json_schema_input_type=dict[str, str | _Place | list[str | _Place]]),
    ] = Field(
        {},
        description="canonical column = column of the source, or its number from 1; customer_id also a list: the first that is "
        "not empty counts; ordered_at also two: the date and the time",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="of hashes, samples and restarts")
    input: Input = Input()
    customers: Customers = Customers()
    cleaning: Cleaning = Cleaning()
    features: Features = Features()
    rfm: Rfm = Rfm()
    join: list[Join] = Field(
        [], description="tables whose columns the lines get, such as those of their order"
    )
    extra: list[Extra] = Field([], description="tables with a row for each customer, joined to the features")
    matrix: Matrix = Matrix()
    models: Models = Models()
    stability: Stability = Stability()
    selection: Selection = Selection()
    structure_test: StructureTest = StructureTest()
    look_back: LookBack = LookBack()
    outlook: Outlook = Outlook()
    lineage: Lineage = Lineage()
    drift: Drift = Drift()
    gate: Gate = Gate()
    report: Report = Report()

    @property
    def extra_features(self) -> list[str]:
        """The features from other tables."""
        return [name for table in self.extra for name in table.features]

    @model_validator(mode="after")
    def _joined_once(self) -> Self:
        names = [name for table in self.join for name in table.added]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(
                f"join: {errors.listing(twice)} would be more than one column of the lines; name all but one otherwise, with "
                "columns = { another = 'column' }"
            )
        return self

    @model_validator(mode="after")
    def _features_known(self) -> Self:
        extra = self.extra_features
        twice = {name for name in extra if extra.count(name) > 1 or name in self.features.own}
        if twice:
            raise ValueError(
                f"extra: {errors.listing(twice)} would be more than one feature; rename all but one with columns = "
                "{ another_name = 'column' }"
            )
        known = [*self.features.numbers, *extra]
        for name, transform in self.matrix.columns.items():
            if name in self.features.without:
                raise ValueError(
                    f"matrix.columns.{name} is left out by features.without: take it from one of them"
                )
            if name not in known:
                raise ValueError(
                    f"matrix.columns: {name!r} is no numeric feature{errors.did_you_mean(name, known)}; "
                    "features.own can make it one, or a column of [[extra]]"
                )
            if transform == "one-hot" and name not in extra:
                raise ValueError(f"matrix.columns.{name} is a number: one-hot is for columns of [[extra]]")
        return self

    @model_validator(mode="after")
    def _something_to_choose(self) -> Self:
        known, family = self.models.choosable, self.selection.family
        if not known:
            raise ValueError(
                f"models.families: {errors.listing(self.models.families)} find the number of segments themselves and "
                "are only shown; add one that can be chosen, such as 'kmeans'"
            )
        if family is not None and family not in known:
            raise ValueError(
                f"selection.family = {family!r} is no model of models.families that can be chosen"
                f"{errors.did_you_mean(family, known)}; there are {errors.listing(known, most=20)}"
            )
        return self

    @model_validator(mode="after")
    def _columns_known(self) -> Self:
        for name in self.columns:
            if name not in schema.LINE_NAMES:
                close = errors.did_you_mean(name, schema.LINE_NAMES)
                raise ValueError(
                    f"columns.{name} is no canonical column{close}: {', '.join(schema.LINE_NAMES)}"
                )
            given = self.columns[name]
            if isinstance(given, list) and not (
                (name == "customer_id" and given) or (name == "ordered_at" and len(given) == 2)
            ):
                raise ValueError(
                    f"columns.{name} names several columns; expected one, some for customer_id, or a date and a time for "
                    "ordered_at"
                )
        return self
