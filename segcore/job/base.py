"""What all tables of a job have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table that knows all of its keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
