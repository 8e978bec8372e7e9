"""A profile table column by column, and what is read from it again."""

from __future__ import annotations

import polars as pl
import pytest

from segcore import profile
from segcore.profile.hysteresis import NAMED_BY, named_before

DF = pl.DataFrame(
    {
        "segment": pl.Series([7, 7, 7, 3, 3, None], dtype=pl.Int32),
        "order_count": [1, 2, 3, 1, 1, 2],
        "total_spend": [10.0, 20.0, 30.0, 4.0, 6.0, 10.0],
        "confidence": [0.5, 0.75, 1.0, 0.25, None, 1.0],
        "visits": [1.0, None, 3.0, None, None, 5.0],
    }
)


def test_the_columns_and_their_types() -> None:
    table = profile.build(DF.lazy(), transforms={"visits": lambda x: x})
    figures = [
        f"{feature}_{figure}"
        for feature in ("order_count", "total_spend", "visits")
        for figure in ("median", "p25", "p75", "mean")
    ]
    effects = {"effect_order_count", "effect_total_spend", "effect_visits"}
    head = {
        "segment": pl.Int32,
        "segment_name": pl.String,
        "treatment": pl.String,
        "customers": pl.Int64,
        "customer_share": pl.Float64,
        "revenue": pl.Float64,
        "revenue_share": pl.Float64,
        "confidence": pl.Float64,
        "n_orders": pl.Int64,
        "one_order_share": pl.Float64,
        "name_holds": pl.Float64,
        "name_claims": pl.List(pl.String),
        "now_customers": pl.Int64,
        "now_revenue": pl.Float64,
        "overdue_customers": pl.Int64,
        "overdue_revenue": pl.Float64,
        "long_gone_customers": pl.Int64,
        "long_gone_revenue": pl.Float64,
    }
    assert dict(table.schema).items() >= head.items()
    assert list(table.schema)[: len(head)] == list(head)
    assert set(table.columns) == {*head, *figures, *effects, "marks", "named_by"}
    assert {table.schema[name] for name in (*figures, *effects)} == {pl.Float64}
    assert table.schema["named_by"] == NAMED_BY
    asked = profile.build(DF.lazy(), transforms={}, features=["total_spend"])
    assert [name for name in asked.columns if name.endswith("_median")] == ["total_spend_median"]


def test_rows_by_hand() -> None:
    every, third, seventh = profile.build(DF.lazy(), transforms={}).to_dicts()
    assert (every["segment"], third["segment"], seventh["segment"]) == (0, 3, 7)
    assert (every["segment_name"], every["treatment"], every["named_by"]) == ("All customers", "", [])
    assert (third["customers"], seventh["customers"], every["customers"]) == (2, 3, 6)
    assert (third["customer_share"], seventh["customer_share"], every["customer_share"]) == (2 / 6, 0.5, 1)
    assert (third["revenue"], seventh["revenue"], every["revenue"]) == (10, 60, 80)
    assert (third["revenue_share"], seventh["revenue_share"]) == (0.125, 0.75)
    assert (third["confidence"], seventh["confidence"]) == (0.25, 0.75)
    assert (third["n_orders"], seventh["n_orders"]) == (2, 6)
    assert third["one_order_share"] == 1
    assert seventh["one_order_share"] == pytest.approx(1 / 3)
    assert third["treatment"].endswith(".")


def test_without_revenue_there_are_no_shares_of_it_and_without_confidence_none_is_told() -> None:
    bare = DF.drop("confidence").with_columns(total_spend=pl.lit(0.0))
    table = profile.build(bare.lazy(), transforms={})
    assert table["revenue_share"].to_list() == [0, 0, 0]
    assert table["confidence"].null_count() == 3


def test_segments_that_differ_in_nothing_are_told_apart_by_the_rank_of_their_revenue_and_not_by_their_ids() -> (
    None
):
    # The segment with the larger id has more customers, alike in all, and so more revenue.
    alike = pl.DataFrame(
        {"segment": pl.Series([2, 5, 5, 5]), "order_count": [3] * 4, "total_spend": [10.0] * 4}
    )
    names = profile.names_of(profile.build(alike.lazy(), transforms={}))
    assert names[5].name.endswith("(1st by revenue)")
    assert names[2].name.endswith("(2nd by revenue)")
    tied = alike.head(2)
    assert profile.names_of(profile.build(tied.lazy(), transforms={}))[2].name.endswith("(1st by revenue)")


def test_what_the_naming_rule_saw_is_read_again() -> None:
    table = profile.build(DF.lazy(), transforms={})
    found = named_before(table)
    assert set(found) == {3, 7}
    third = found[3].seen
    assert (third.segment, third.one_order_share) == (3, 1)
    assert third.medians == {"order_count": 1, "total_spend": 5}
    # Three of six have one order, and half of those count as below; one of six spends less than 5.
    assert third.positions == {"order_count": pytest.approx(1.5 / 6), "total_spend": pytest.approx(1 / 6)}
    assert found[3].name == profile.names_of(table)[3]
    assert found[3].name.claims == (("one_order", "yes"),)
    assert named_before(table.drop("named_by")) == {}
    assert set(named_before(table.filter(pl.col("segment") != 7))) == {3}


def test_marks_are_those_of_the_matrix_first_in_the_currency_of_the_job() -> None:
    _, third, _ = profile.build(DF.lazy(), transforms={"total_spend": lambda x: x}, currency="£").to_dicts()
    first = third["marks"][0]
    assert (first["feature"], first["value"], first["population"]) == ("total_spend", 5, 10)
    assert first["text"] == "typically £5 spent in total, half the median of all customers (£10)"
    assert set(first) == {"feature", "text", "effect", "value", "population"}
