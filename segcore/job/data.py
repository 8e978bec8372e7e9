"""The tables on data: how a source is read, what counts, which features there are."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from itertools import pairwise
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from segcore import errors, schema
from segcore.job.base import Table

Transform = Literal["yeo-johnson", "log1p", "none", "one-hot"]

_SECONDS_A_DAY = 86_400
_DAYS = r"^([1-9][0-9]{0,4}d)?$"
DATE_ORDERS = (
    "",
    "month-first",
    "day-first",
    "year-first",
    "epoch-seconds",
    "epoch-milliseconds",
    "excel-days",
)


_END_OF_TIME = 253_402_300_800  # seconds since 1970 of the year 10000


def _second(when: datetime | date | None) -> int | None:
    if when is None:
        return None
    if not isinstance(when, datetime):
        when = datetime.combine(when, time())
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def _in_time(when: datetime | date | None) -> datetime | date | None:
    second = _second(when)
    if second is not None and not 0 <= second < _END_OF_TIME:
        raise ValueError(f"{when} should be from the year 1970 to 9999 (UTC)")
    return when


class Input(Table):
    """How the source is written; what stays empty is found by looking, and said."""

    preset: str = Field(
        "",
        description="the known system that files are exports of; empty: told by their header, and said; none: not wanted",
    )
    encoding: str = Field("", description="of text files, such as utf-8, windows-1252 or utf-16")
    separator: str = Field(
        "",
        max_length=1,
        description="between the fields of a line, such as ; or a tab; a blank: one or more of them",
    )
    quote: Literal['"', ""] = Field(
        '"', description="what fields may be put in; empty: quotes are plain text"
    )
    header: bool = Field(
        True, description="false: the first line is data, and [columns] names columns by their number, from 1"
    )
    skip_lines: int = Field(
        0,
        ge=0,
        le=1_000,
        description="lines above the header; 0: titles above it are found by looking, and said",
    )
    widths: list[Annotated[int, Field(ge=1, le=10_000)]] = Field(
        [], description="characters of each field where a text has fixed widths; empty: it has separators"
    )
    sheet: str = Field(
        "",
        description="of Excel files: the sheet to read; empty: all sheets with one header that has what is needed",
    )
    one_each: bool = Field(
        False, description="lines do not say how many: each is one item, and unit_price is what it cost"
    )
    other_layouts: Literal["", "leave"] = Field(
        "",
        description="leave: files without the columns that are needed are left aside, and said; empty: they stop the run",
    )
    decimal: Literal["", ".", ","] = Field("", description="decimal point or comma of numbers")
    currency: str = Field(
        "",
        pattern="^([A-Z]{3})?$",
        description="code of the currency that counts where lines are in several, such as EUR; lines in others are rejects "
        "unless currency_rates has them",
    )
    currency_rates: dict[str, str] = Field(
        {},
        description='code = what one unit is worth in the currency of the result, such as USD = "0.85"; prices are '
        "converted exactly, to money_decimals; lines in other currencies are rejects",
    )
    currency_column: str = Field(
        "", description="column of the source with the currency's code; empty: recognised by its name"
    )
    date_format: str = Field(
        "",
        description="month-first, day-first, year-first, epoch-seconds, epoch-milliseconds, excel-days, or a pattern like "
        "%d.%m.%Y %H:%M",
    )
    time_zone: str = Field(
        "",
        description="zone in which times with an offset, and epochs, are expressed, such as Europe/Paris; empty: the clock as it "
        "is written, and UTC for epochs; times without an offset stay as written unless source_zone says what they are",
    )
    source_zone: str = Field(
        "",
        description="zone by whose clock times without an offset were written, such as UTC, so that time_zone counts for them too; "
        "days without a time stay as written, and so does everything where it is empty",
    )
    null_values: list[str] = Field(
        ["NULL", "NaN", "None", "NA", "N/A", "#N/A", "<NA>", "(null)", "NaT", "undefined", "-", "\\N"],
        description="words that stand for a missing value in any column, in capitals or not; empty ones are missing too",
    )
    fill_from: Literal["", "order"] = Field(
        "",
        description="order: where an export gives the customer, the date and the like on an order's first line alone, the "
        "order's other lines take them from there, by its id or else by their place in the file",
    )
    earliest: Annotated[datetime | None, AfterValidator(_in_time)] = Field(
        None,
        description="earlier dates are rejects; empty: 2 January 1970, as the day before stands for a missing date in many systems",
    )
    latest: Annotated[datetime | None, AfterValidator(_in_time)] = Field(
        None, description="later dates are rejects; empty: a day after the start of the run, by the clock"
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        try:
            "".encode(self.encoding or "utf-8")  # which refuses codecs of bytes, such as base64
            for zone in (self.time_zone, self.source_zone):
                if zone not in ("", "UTC"):  # which needs no data base of zones
                    ZoneInfo(zone)
        except LookupError as exc:
            raise ValueError(f"unknown encoding or time zone: {exc}") from exc
        if self.source_zone and not self.time_zone:
            raise ValueError(
                f"source_zone = {self.source_zone!r} needs the zone to express times in: set time_zone"
            )
        for name, rate in self.currency_rates.items():
            if not (re.fullmatch("[A-Z]{3}", name) and re.fullmatch(r"\d{1,6}(\.\d{1,12})?", rate)):
                raise ValueError(
                    f"currency_rates: {name} = {rate!r} is no code of three capitals with a number such as '0.85'"
                )
            if not float(rate):
                raise ValueError(f"currency_rates: {name} is worth nothing; expected a rate above 0")
        if self.separator and (self.separator in '"\r\n.\0' or not self.separator.isascii()):
            raise ValueError(f"separator {self.separator!r} cannot stand between fields")
        if self.date_format not in DATE_ORDERS and "%" not in self.date_format:
            raise ValueError(
                f"date_format {self.date_format!r} is neither one of {', '.join(DATE_ORDERS[1:])} nor a pattern with %"
            )
        return self

    @property
    def null_texts(self) -> list[str]:
        """Texts that stand for a missing value, as they are written, in small letters, in capitals and capitalised."""
        forms = ((word, word.lower(), word.upper(), word.capitalize()) for word in self.null_values)
        return ["", *dict.fromkeys(form for some in forms for form in some if form)]

    @property
    def earliest_second(self) -> int:
        """Seconds since 1970 of the earliest time that an order can have."""
        return _SECONDS_A_DAY if self.earliest is None else max(0, _second(self.earliest) or 0)

    @property
    def latest_second(self) -> int:
        """Seconds since 1970 of the latest time that an order can have; the end of time where none is set."""
        if self.latest is None:
            return 2**62
        return _second(self.latest) or 0


class Features(Table):
    """What is computed for each customer."""

    as_of: Annotated[datetime | date | None, AfterValidator(_in_time)] = Field(
        None,
        description="the day that recency counts from, and from which on lines are outside the window; "
        "empty: the last time stamp of all lines plus one day",
    )
    window: str = Field(
        "",
        json_schema_extra={"pattern": _DAYS},
        description="days up to as_of whose lines count, such as 365d; empty: all",
    )
    window_from: Annotated[datetime | date | None, AfterValidator(_in_time)] = Field(
        None, description="first day whose lines count, in place of window; empty: all"
    )
    returns: Literal["feature", "net"] = Field(
        "feature",
        description="feature: purchases stay gross; net: a return takes back earlier purchase lines",
    )
    rows_per_file: int = Field(
        100_000,
        ge=1,
        le=100_000_000,
        description="rows of each file of features/ and segments/, and of a block of the matrix",
    )
    without: list[str] = Field(
        [], description="features that are not written; not " + ", ".join(schema.NEEDED)
    )
    own: dict[str, str] = Field(
        {},
        description="name = Polars SQL over the purchase lines of a customer, such as "
        'max_items = "max(quantity)"; columns: quantity, unit_price, amount, ordered_at, order_id, product_id, '
        "country, description",
    )

    @model_validator(mode="after")
    def _computable(self) -> Self:
        can = [f.name for f in schema.numeric_features() if f.name not in schema.NEEDED]
        can += [feature.name for feature in schema.RFM]
        for name in self.without:
            if name not in can:
                close = errors.did_you_mean(name, can)
                raise ValueError(
                    f"without: {name!r} cannot be left out{close}; expected some of {', '.join(can)}"
                )
        if self.own:
            from segcore import expressions  # which needs Polars, and jobs do not

            expressions.check(self.own)
        return self

    @property
    def numbers(self) -> list[str]:
        """Features that the matrix can have: built-in ones that are not switched off, then those of the job's own."""
        built_in = [f.name for f in schema.numeric_features() if f.name not in self.without]
        return [*built_in, *self.own]

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if not re.match(_DAYS, self.window):
            raise ValueError(f"window = {self.window!r} should be a number of days, such as '365d'")
        if self.window and self.window_from is not None:
            raise ValueError(
                f"window = {self.window!r} and window_from = {self.window_from} both say where the window begins: give one"
            )
        first, end = self.from_second, self.as_of_second
        if first is not None and end is not None and first >= end:
            raise ValueError(f"window_from = {self.window_from} should be before as_of = {self.as_of}")
        return self

    @property
    def as_of_second(self) -> int | None:
        """Seconds since 1970 of `as_of`; None where it follows from the lines."""
        return _second(self.as_of)

    @property
    def from_second(self) -> int | None:
        """Seconds since 1970 of `window_from`."""
        return _second(self.window_from)

    @property
    def window_seconds(self) -> int | None:
        """Length of the window; None without one."""
        return int(self.window.removesuffix("d")) * 86_400 if self.window else None


CutPoint = Annotated[float, Field(ge=-1e15, le=1e15)]


class Rfm(Table):
    """Where the scores for recency, frequency and monetary value change: four rising values each; empty: fifths."""

    recency: list[CutPoint] = Field(
        [], description="days since the last order: a score of 5 up to the first, of 1 beyond the last"
    )
    frequency: list[CutPoint] = Field(
        [], description="orders: a score of 1 up to the first, of 5 beyond the last"
    )
    monetary: list[CutPoint] = Field(
        [], description="money spent: a score of 1 up to the first, of 5 beyond the last"
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for name in type(self).model_fields:
            points = getattr(self, name)
            rising = all(a < b for a, b in pairwise(points))
            if points and (len(points) != 4 or not rising):
                raise ValueError(f"{name} = {points} should be four values, each larger than the one before")
        return self


class Matrix(Table):
    """Which features the models see, and how they are transformed before they are standardised."""

    columns: dict[str, Transform] = Field(
        dict.fromkeys(schema.DEFAULT_MATRIX, "yeo-johnson"),
        description="feature = transform: yeo-johnson (log1p where its lambda would be below -2), log1p or none, then "
        "standardised; a column of [[extra]] also one-hot",
    )
    fit_rows: int = Field(
        100_000,
        ge=2,
        le=100_000_000,
        description="customers, the first in hash order, that a transform's parameter is fitted on",
    )
    max_categories: int = Field(
        10,
        ge=1,
        le=1_000,
        description="values of a one-hot column that get a column of the matrix each, the most frequent; the rest is other",
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.columns:
            raise ValueError("at least one feature is needed")
        return self
