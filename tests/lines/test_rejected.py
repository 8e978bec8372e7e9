"""Many rejected lines as a few."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from segcore import job
from segcore.lines import cleaning, ledger, rejected, shuffle

KIND = cleaning.class_type(job.Cleaning())
LINES = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["missing_customer", "zero_amount"]),
        st.none() | st.integers(-99, 99),
    ),
    max_size=30,
).flatmap(st.permutations)


@given(LINES)
def test_a_summary_counts_each_file_and_class_and_has_the_first_line(lines: list[Any]) -> None:
    """Against a loop over the lines."""
    expected: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0])
    first: dict[Any, tuple[int, int | None]] = {}
    for record, (file, kind, amount) in enumerate(lines):
        counts = expected[file, kind]
        counts[0] += 1
        counts[1] += amount or 0
        counts[2] += amount is None
        first.setdefault((file, kind), (record, amount))
    rows = [(file, record, kind, amount) for record, (file, kind, amount) in enumerate(lines)]
    schema: dict[str, Any] = {"file": pl.UInt32, "record": pl.UInt64, "class": KIND, "amount": pl.Int64}
    typed = pl.LazyFrame(rows[::-1], schema=schema, orient="row")
    placed = typed.with_columns(place=shuffle.placed(pl.col("file"), pl.col("record"))).drop("file", "record")
    found = rejected.summary(placed).collect()
    assert dict(
        zip(found.select("file", "class").rows(), found.select(*ledger.COUNTED[2:]).rows(), strict=True)
    ) == {of: tuple(counts) for of, counts in expected.items()}
    shown = found.select("file", "class", shuffle.RECORD.alias("record"), "amount")
    assert {(file, kind): (record, amount) for file, kind, record, amount in shown.iter_rows()} == first
