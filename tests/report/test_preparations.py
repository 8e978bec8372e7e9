"""What the report says of other preparations of the features."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from segcore.report.formatting import Formatter
from segcore.report.report_data import load
from segcore.report.sections.preparations import preparations


def test_the_sentence_and_the_table_are_those_of_the_run(run_dir: Path, html: str) -> None:
    told = preparations(load(run_dir), Formatter())
    # Of 0.9 and 0.7 the mean; 2,400 of 4,000 keep it in both, which is nine in ten of two.
    assert "in 2 other ways" in told.sentence
    assert "on average 80% of them keep their segment, and 60% keep it in nine of ten" in told.sentence
    assert told.rows == [
        ["log1p of every feature", "5", "0.69", "90%"],
        ["without total spend", "4", "0.50", "70%"],
    ]
    assert told.sentence in html
    assert "without total spend" in html


def test_a_run_without_the_tables_says_nothing(run_dir: Path) -> None:
    data = load(run_dir)
    data.tables["preparations"] = pl.DataFrame()
    assert preparations(data, Formatter()).rows == []
