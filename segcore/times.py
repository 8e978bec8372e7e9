"""Times as whole seconds since 1970."""

from __future__ import annotations

SECONDS_A_DAY = 86_400
END_OF_TIME = 253_402_300_800  # of the year 10000
