"""How much the preparation of the features matters, as the report shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from segcore import schema
from segcore.report.formatting import Formatter
from segcore.report.report_data import ReportData

HEADINGS = ("Instead", "Columns", "Adjusted Rand index", "Keep their segment")
_MOST = 0.9  # of the preparations: who keeps the segment in so many has it for other reasons than one of them


@dataclass(frozen=True, kw_only=True)
class Preparations:
    """The sentence and the rows of the table; empty in runs that have none."""

    sentence: str
    headings: tuple[str, ...]
    rows: list[list[str]]


def preparations(data: ReportData, fmt: Formatter) -> Preparations:
    """Say in how many of the preparations customers keep their segment, and list them."""
    each, kept = data.tables["preparations"], data.tables["preparations_kept"]
    if not each.height or not kept.height:
        return Preparations(sentence="", headings=HEADINGS, rows=[])
    customers = int(kept["customers"].sum())
    often = int(kept.filter(pl.col("kept") >= _MOST * each.height)["customers"].sum())
    usual = sum(each["kept_share"].to_list()) / each.height
    sentence = (
        f"The same model on the same customers, their features prepared in {each.height} other ways: on average"
        f" {fmt.percent(usual)} of them keep their segment, and {fmt.percent(often / customers)} keep it in nine"
        " of ten ways."
    )
    rows = [
        [
            _in_words(row["preparation"]),
            fmt.number(row["columns"], 0),
            fmt.number(row["adjusted_rand"], 2),
            fmt.percent(row["kept_share"]),
        ]
        for row in each.iter_rows(named=True)
    ]
    return Preparations(sentence=sentence, headings=HEADINGS, rows=rows)


def _in_words(preparation: str) -> str:
    """Call features as the report calls them."""

    def word(match: re.Match[str]) -> str:
        known = schema.FEATURE_BY_NAME.get(match[0])
        return match[0] if known is None else known.label[:1].lower() + known.label[1:]

    return re.sub(r"[a-z_]+", word, preparation)
