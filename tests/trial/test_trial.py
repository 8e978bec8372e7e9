from __future__ import annotations

import polars as pl
import pytest

from segcore.trial import holdout, readout

IDS = [f"c{i}" for i in range(20_000)]


def test_who_is_held_out_depends_on_id_and_name_alone() -> None:
    drawn = holdout.held_out(IDS, name="spring", share=0.1)
    assert holdout.held_out(IDS[::-1], name="spring", share=0.1).reverse().equals(drawn)
    # For ever: a campaign goes on while versions change.
    assert [i for i, one in zip(IDS[:40], drawn, strict=False) if one] == ["c14", "c34"]
    other = holdout.held_out(IDS, name="summer", share=0.1)
    assert drawn.mean() == pytest.approx(0.1, abs=0.006)
    assert (drawn & other).mean() == pytest.approx(0.01, abs=0.003)
    more = holdout.held_out(IDS, name="spring", share=0.3)
    assert (drawn & ~more).sum() == 0


def test_the_size_of_a_textbook() -> None:
    # Halves, 25% against 30%: 1,251 each without the correction for continuity; 2 * 1,251 = 2,502.
    assert holdout.customers_needed(0.25, 0.2, 0.5) == pytest.approx(2_502, abs=2)


def test_fewer_held_out_take_more_customers_and_nobody_buys_twice() -> None:
    sizes = [holdout.customers_needed(0.25, 0.2, share) for share in (0.5, 0.2, 0.05)]
    assert sizes == sorted(sizes, key=lambda size: size or 0)
    assert holdout.customers_needed(0.6, 0.7, 0.5) is None
    assert holdout.customers_needed(0.0, 0.7, 0.5) is None


def test_the_smallest_lift_is_the_one_that_needs_so_many() -> None:
    lift = holdout.smallest_lift(0.3, 5_000, 0.1)
    assert lift is not None
    assert holdout.customers_needed(0.3, lift, 0.1) == pytest.approx(5_000, abs=1)
    assert holdout.smallest_lift(0.3, 3, 0.1) is None


def rows(segment: int, held_out: bool, revenues: list[int], stayed_away: int) -> pl.DataFrame:
    spent = [*revenues, *[0] * stayed_away]
    return pl.DataFrame(
        {
            "segment": [segment] * len(spent),
            "segment_name": [f"s{segment}"] * len(spent),
            "held_out": [held_out] * len(spent),
            "bought": [True] * len(revenues) + [False] * stayed_away,
            "revenue": spent,
        }
    )


def test_the_difference_and_its_interval_by_hand() -> None:
    customers = pl.concat(
        [
            rows(1, False, [300, 500], 2),
            rows(1, True, [200], 3),
            rows(2, False, [1_000], 0),
            rows(2, True, [0, 700], 1),
        ]
    )
    table = readout.compare(readout.sums(customers.lazy()).collect(), money_decimals=2)
    assert table["segment_name"].to_list() == ["s1", "s2", "All"]
    first = table.row(0, named=True)
    assert (first["customers"], first["customers_held_out"]) == (4, 4)
    assert (first["rate"], first["rate_held_out"], first["rate_difference"]) == (0.5, 0.25, 0.25)
    # 3/6 and 2/6 with one more of each kind: variances 1/24 and 1/27.
    error = 1.959964 * (1 / 24 + 1 / 27) ** 0.5
    assert first["rate_difference_low"] == pytest.approx(1 / 6 - error)
    assert first["rate_difference_high"] == pytest.approx(1 / 6 + error)
    # 3, 5, 0, 0 and 2, 0, 0, 0: means 2 and 0.5, variances 6 and 1 of a customer.
    assert first["revenue_difference"] == pytest.approx(1.5)
    assert first["revenue_difference_low"] == pytest.approx(1.5 - 1.959964 * (6 / 4 + 1 / 4) ** 0.5)
    second = table.row(1, named=True)
    assert second["rate"] == 1.0
    assert second["rate_difference"] is None  # of one customer nothing is said
    everybody = table.row(2, named=True)
    assert (everybody["customers"], everybody["customers_held_out"]) == (5, 7)
    assert everybody["rate_difference"] == pytest.approx(3 / 5 - 3 / 7)


def test_a_segment_without_anybody_held_out_has_no_difference() -> None:
    table = readout.compare(readout.sums(rows(3, False, [5], 2).lazy()).collect(), money_decimals=0)
    assert table["customers_held_out"].to_list() == [0, 0]
    assert table["revenue_difference"].to_list() == [None, None]
