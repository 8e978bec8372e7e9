"""The tables on other sources by customer: demographics, website usage and the like."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from segcore import errors, schema, stores
from segcore.job.base import Table


class Extra(Table):
    """A table with one row for each customer, joined to the features; as many as are wanted."""

    path: str = Field(
        min_length=1,
        description="of its file or files, of any kind that a dump may be; from the job file's folder if it is relative",
    )
    key: str = Field(min_length=1, description="its column that holds the customer ids")
    columns: list[str] | dict[str, str] = Field(
        min_length=1,
        description="its columns that become features, called so in small letters and _; or feature = column",
    )
    in_matrix: bool = Field(
        True,
        description="whether the models see columns that [matrix] does not name: numbers as yeo-johnson, others as "
        "one-hot; false: they only describe the segments",
    )
    decimal: Literal["", ".", ","] = Field(
        "", description="decimal point or comma of numbers; empty: found by looking"
    )

    @field_validator("path")
    @classmethod
    def _without_credentials(cls, path: str) -> str:
        return checked_path(path)

    @property
    def features(self) -> dict[str, str]:
        """Feature to column."""
        if isinstance(self.columns, dict):
            return self.columns
        return {feature_name(column): column for column in self.columns}

    @model_validator(mode="after")
    def _names(self) -> Self:
        if len(self.features) < len(self.columns):
            raise ValueError("columns: two become the same feature; name them as feature = column")
        for name, column in self.features.items():
            if not schema.is_free(name):
                raise ValueError(
                    f"columns: {name!r} cannot name the feature of column {column!r}: expected small letters, digits "
                    f"and _, and no name in use; write columns = {{ another_name = {column!r} }}"
                )
        return self


def checked_path(path: str) -> str:
    """Return a path or URL as it is.

    Raises
    ------
    ValueError
        If a URL holds what none should, such as credentials.
    """
    if stores.is_url(path):
        try:
            stores.check_url(path)
        except errors.UsageError as exc:
            raise ValueError(str(exc)) from exc
    return path


def feature_name(column: str) -> str:
    """Return the feature that a column becomes: in small letters, with _ for what is neither letter nor digit.

    Examples
    --------
    >>> feature_name("Age (years)")
    'age_years'
    """
    return re.sub(r"[^0-9a-z]+", "_", column.lower()).strip("_")
