from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import schema
from segcore.profile import wording


@pytest.mark.parametrize(
    ("value", "unit", "currency", "text"),
    [
        (2976.4, "money", "£", "£2,976"),
        (24.5, "money", "£", "£24.50"),
        (99.996, "money", "£", "£100"),
        (1_234_567.0, "money", "EUR", "EUR 1,234,567"),
        (-12.0, "money", "£", "-£12"),
        (0.0, "money", "", "0"),
        (0.125, "share", "£", "12.5%"),
        (0.0, "share", "", "0%"),
        (12.0, "orders", "£", "12"),
        (12345.0, "items", "", "12,345"),
        (2.5, "orders", "", "2.5"),
        (1.04, "items", "", "1"),
        (0.1234, "", "", "0.12"),
        (351.14, "items", "", "351"),
        # Where decimals end: money below a hundred has two, unless it is whole; other numbers below it have one.
        (99.99, "money", "£", "£99.99"),
        (99.995, "money", "£", "£100"),
        (7.0, "money", "£", "£7"),
        (-0.5, "money", "EUR", "-EUR 0.50"),
        (99.94, "items", "", "99.9"),
        (99.95, "items", "", "100"),
        (1.0, "items", "", "1"),
        (-2.5, "items", "", "-2.5"),
        (-1234.4, "items", "", "-1,234"),
        (0.999, "items", "", "1"),
        (0.05, "share", "", "5%"),
        (1.0, "share", "", "100%"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, unit: str, currency: str, text: str) -> None:
    assert wording.number(value, unit, currency=currency) == text


@pytest.mark.parametrize(
    ("value", "population", "text"),
    [
        (12, 3, "four times the median of all customers (3)"),
        (4, 2, "twice the median of all customers (2)"),
        (7, 2, "3.5 times the median of all customers (2)"),
        (82, 20, "about four times the median of all customers (20)"),
        (1, 2, "half the median of all customers (2)"),
        (10, 35, "29% of the median of all customers (35)"),
        (1, 50, "less than a tenth of the median of all customers (50)"),
        (15, 10, "50% above the median of all customers (10)"),
        (30, 51, "41% below the median of all customers (51)"),
        (1001, 1000, "slightly above the median of all customers (1,000)"),
        (999, 1000, "slightly below the median of all customers (1,000)"),
        (195, 100, "about twice the median of all customers (100)"),
        (194, 100, "94% above the median of all customers (100)"),
        (209, 100, "about twice the median of all customers (100)"),
        (211, 100, "2.1 times the median of all customers (100)"),
        (300, 100, "three times the median of all customers (100)"),
        (1000, 100, "ten times the median of all customers (100)"),
        (1049, 100, "about ten times the median of all customers (100)"),
        (1060, 100, "11 times the median of all customers (100)"),
        (12345, 10, "1,234 times the median of all customers (10)"),
        (52, 100, "about half the median of all customers (100)"),
        (53, 100, "47% below the median of all customers (100)"),
        (25, 100, "a quarter of the median of all customers (100)"),
        (20, 100, "a fifth of the median of all customers (100)"),
        (15, 100, "15% of the median of all customers (100)"),
        (10, 100, "a tenth of the median of all customers (100)"),
        (9, 100, "less than a tenth of the median of all customers (100)"),
        (-1, 100, "against a median of 100 for all customers"),
        (0, 92, "against a median of 92 for all customers"),
        (3, 0, "against a median of 0 for all customers"),
    ],
)
def test_medians_are_compared_in_words(value: float, population: float, text: str) -> None:
    assert wording.against(value, population, "orders") == text


def test_shares_are_set_side_by_side() -> None:
    assert wording.against(0.3, 0.1, "share") == "against a median of 10% for all customers"


def test_one_is_singular() -> None:
    assert wording.phrase("order_count", 1) == "1 order"
    assert wording.phrase("order_count", 0) == "0 orders"
    assert wording.phrase("average_order_value", 24.5, currency="£") == "£24.50 per order"


def test_a_column_of_0_and_1_holds_or_not() -> None:
    assert wording.whether_in_words("channel=web", holds=True) == "channel is web"
    assert wording.whether_in_words("channel=web", holds=False) == "channel is not web"
    assert wording.whether_in_words("age=", holds=True) == "age is not known"
    assert wording.whether_in_words("age=", holds=False) == "age is known"


def test_a_joined_column_gets_words_of_its_own() -> None:
    assert wording.phrase("website_visits", 12) == "12 website visits"


def test_every_numeric_feature_has_words() -> None:
    assert {f.name for f in schema.numeric_features()} == set(wording.templates()["phrases"])


@given(st.floats(1e-6, 1e9), st.floats(1e-6, 1e9))
def test_the_words_point_the_right_way(value: float, population: float) -> None:
    text = wording.against(value, population, "orders")
    larger = any(word in text for word in ("times", "twice", "above"))
    assert larger == (value > population) or value == population


@given(st.floats(-1e12, 1e12), st.sampled_from(["money", "share", "orders", ""]))
def test_a_number_reads_back_within_a_per_cent(value: float, unit: str) -> None:
    text = wording.number(value, unit, currency="£").replace("£", "").replace(",", "")
    shown = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    assert shown == pytest.approx(value, rel=0.06, abs=0.01)
