"""Values looked up in a table: what Polars' own function gives, while rows stream by."""

from __future__ import annotations

import polars as pl
import pytest

from segcore.lookup import looked_up
from tests.pipeline.test_streaming import held_in_memory


def test_a_lookup_is_what_replace_strict_gives() -> None:
    df = pl.DataFrame({"n": [-9, -2, 0, 1, 5, 2**40, None], "text": ["a", "", "b", "A", "b", None, "c"]})
    numbers, texts = {-2: "m", 0: "zero", 5: "five", 3: None}, {"a": 1, "b": -2}
    looked = df.select(
        looked_up(pl.col("n"), numbers, pl.String),
        looked_up(pl.col("text"), texts, pl.Int64, default=pl.col("n")),
        looked_up(pl.col("n"), {}, pl.Int8).alias("empty"),
    )
    expected = df.select(
        pl.col("n").replace_strict(numbers, default=None, return_dtype=pl.String),
        pl.col("text").replace_strict(texts, default=pl.col("n"), return_dtype=pl.Int64),
        empty=pl.lit(None, dtype=pl.Int8),
    )
    assert looked.equals(expected)
    for key in (-2, 0, 5):  # what is between them, below and above
        for other in (-3, -1, 3, 6, 2**40):
            found = looked_up(pl.col("n"), {-2: 1, 0: 2, 5: 3}, pl.Int8, strict=True)
            assert pl.LazyFrame({"n": [key, None]}).select(found).collect().height == 2
            with pytest.raises(pl.exceptions.PolarsError):
                pl.LazyFrame({"n": [key, other]}).select(found).collect()
    with pytest.raises(pl.exceptions.PolarsError):
        df.lazy().select(looked_up(pl.col("text"), texts, pl.Int64, strict=True)).collect()
    with pytest.raises(TypeError):
        looked_up(pl.col("n"), {1.5: "x"}, pl.String)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        looked_up(pl.col("n"), {1: "x", "a": "y"}, pl.String)  # type: ignore[arg-type]
    lf = df.lazy()
    assert held_in_memory(lf.select(pl.col("n").replace_strict(numbers, default=None))) != []
    assert held_in_memory(lf.select(looked_up(pl.col("n"), numbers, pl.String))) == []
    assert held_in_memory(lf.select(looked_up(pl.col("text"), texts, pl.Int64))) == []
