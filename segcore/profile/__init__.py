"""Segments described: numbered, measured, named, and explained by rules.

`build` makes the profile table, `order_segments` numbers the segments by revenue, and
`fit_rules` draws a short decision list.
"""

from segcore.profile.decision_list import fit_rules
from segcore.profile.files import load, save
from segcore.profile.hysteresis import Named, named_before, names_of
from segcore.profile.naming import Name, Position
from segcore.profile.rules import Rules
from segcore.profile.statistics import ALL, order_segments
from segcore.profile.table import build, transforms_of

__all__ = [
    "ALL",
    "Name",
    "Named",
    "Position",
    "Rules",
    "build",
    "fit_rules",
    "load",
    "named_before",
    "names_of",
    "order_segments",
    "save",
    "transforms_of",
]
