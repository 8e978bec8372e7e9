"""The table on how a source is written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from segcore.job.base import Table, Time, second
from segcore.times import END_OF_TIME, SECONDS_A_DAY

DATE_ORDERS = (
    "",
    "month-first",
    "day-first",
    "year-first",
    "epoch-seconds",
    "epoch-milliseconds",
    "excel-days",
)


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
    incremental: bool = Field(
        False,
        description="keep what files became in OUT/cache, and read new and changed files only in the next run; the result is that of a "
        "run over all of them",
    )
    earliest: Time = Field(
        None,
        description="earlier dates are rejects; empty: 2 January 1970, as the day before stands for a missing date in many systems",
    )
    latest: Time = Field(
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
        return SECONDS_A_DAY if self.earliest is None else max(0, second(self.earliest) or 0)

    @property
    def latest_second(self) -> int:
        """Seconds since 1970 of the latest time that an order can have; the end of time where none is set."""
        return END_OF_TIME if self.latest is None else second(self.latest) or 0

    @property
    def latest_year(self) -> int:
        """Year of the latest time that an order can have."""
        return 9999 if self.latest is None else datetime.fromtimestamp(self.latest_second, UTC).year
