"""The tables on what other files say of an order, or of anything else that lines name."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from segcore.job.base import Table
from segcore.job.extra import checked_path


class Join(Table):
    """A table with one row for each order, or whatever else lines name, whose columns its lines get; as many as are wanted."""

    path: str = Field(
        min_length=1,
        description="of its file or files, of any kind that a dump may be; from the job file's folder if it is relative",
    )
    on: str | dict[str, str] = Field(
        min_length=1, description="the column that both have; or column of the lines = column of the table"
    )
    columns: list[str] | dict[str, str] = Field(
        min_length=1,
        description="columns of the table that the lines get; or name = column, for another name",
    )

    @field_validator("path")
    @classmethod
    def _without_credentials(cls, path: str) -> str:
        return checked_path(path)

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if isinstance(self.on, dict) and len(self.on) > 1:
            raise ValueError("on: names several columns; expected one, as in on = { order = 'id' }")
        return self

    @property
    def key(self) -> tuple[str, str]:
        """The column of the lines, and that of the table."""
        return next(iter(self.on.items())) if isinstance(self.on, dict) else (self.on, self.on)

    @property
    def added(self) -> dict[str, str]:
        """What a column is called in the lines to what it is called in the table."""
        return self.columns if isinstance(self.columns, dict) else {name: name for name in self.columns}
