"""The simulated shop: what all blocks of a dump share."""

from __future__ import annotations

from dataclasses import dataclass

from segcore.simulate.calendar import Calendar
from segcore.simulate.catalogue import Catalogue
from segcore.simulate.planted import PlantedSegment


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A retailer with its days, its shelf and its kinds of customers."""

    segments: tuple[PlantedSegment, ...]
    calendar: Calendar
    catalogue: Catalogue
    noise: float  # factor on the spreads inside the segments
    defects: float  # factor on what goes wrong
    until_gone: bool = (
        False  # customers come, buy at random times and leave for good, whatever the end of the days
    )
