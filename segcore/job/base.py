"""What all tables of a job have in common."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from segcore.times import END_OF_TIME


class Table(BaseModel):
    """A table that knows all of its keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def second(when: datetime | date | None) -> int | None:
    """Return the seconds since 1970, of a day those of its start, without a zone those of UTC."""
    if when is None:
        return None
    if not isinstance(when, datetime):
        when = datetime.combine(when, time())
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def _in_time(when: datetime | date | None) -> datetime | date | None:
    at = second(when)
    if at is not None and not 0 <= at < END_OF_TIME:
        raise ValueError(f"{when} should be from the year 1970 to 9999 (UTC)")
    return when


Time = Annotated[datetime | None, AfterValidator(_in_time)]
TimeOrDay = Annotated[datetime | date | None, AfterValidator(_in_time)]
