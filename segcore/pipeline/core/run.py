"""A finished run, and what every step of a running one needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segcore import storage
from segcore.stores import is_url


@dataclass(frozen=True, kw_only=True)
class Run:
    """Where a finished run lies.

    Attributes
    ----------
    place : Path or str
        Its folder, or its URL in an object store; the others are for a folder.
    folder : Path
    report : Path
        One HTML file.
    segments, features : Path
        Folders of Parquet files, one row per customer.
    """

    place: storage.Place

    @property
    def folder(self) -> Path:
        """The run's folder."""
        if is_url(self.place):
            raise ValueError(f"{self.place}: the run is in an object store; read it by its place")
        return Path(self.place)

    @property
    def report(self) -> Path:
        """The report."""
        return self.folder / "report.html"

    @property
    def segments(self) -> Path:
        """Every customer's segment."""
        return self.folder / "segments"

    @property
    def features(self) -> Path:
        """Every customer's features."""
        return self.folder / "features"
