"""Exports of known systems, as ``systems.toml`` has them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True, kw_only=True)
class System:
    """An export of a known system.

    Attributes
    ----------
    title : str
    header : tuple of str
        Names that are all there; none for one without a header, which a job has to name.
    columns : mapping of str to list of str
        Canonical column to columns of the export, of which the first that is there and not empty is taken; for the customer all
        that are there.
    time : str
        The column with the time of day.
    date_order : str
        Which of day, month and year stands first where no line tells.
    keep : tuple of str
        Conditions on lines that count; one whose columns are not there is left out.
    settings : mapping of str to Any
        Other keys of the job.
    automatic : bool
        Whether it is read so without being asked.
    """

    title: str
    header: tuple[str, ...] = ()
    columns: Mapping[str, list[str]] = field(default_factory=dict)
    time: str = ""
    date_order: str = ""
    keep: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    automatic: bool = True


def _load() -> dict[str, System]:
    text = resources.files("segcore.ingest").joinpath("systems.toml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, System]).validate_python(tomllib.loads(text))


SYSTEMS: Mapping[str, System] = _load()
