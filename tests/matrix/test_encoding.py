from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from segcore import job, schema
from segcore.matrix import encoding, fit
from tests.through_json import through_json

CHANNELS = st.lists(
    st.sampled_from([None, "web", "store", "phone", "other", "=", "a b", "tv"]), min_size=1, max_size=40
)


def texts(values: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame({"channel": values}, schema={"channel": pl.String})


def test_the_most_frequent_values_then_by_name() -> None:
    df = texts(["b", "a", "c", "c", "d", None])
    chosen = encoding.choose(df, ["channel"], most=2)
    assert chosen == {"channel": ("channel=c", "channel=a", "channel=other", "channel=")}


def test_a_value_called_other_is_one_of_the_others() -> None:
    chosen = encoding.choose(texts(["other", "other", "web"]), ["channel"], most=2)
    assert chosen == {"channel": ("channel=web", "channel=other")}
    assert encoding.expand(texts(["other", "web"]), chosen)["channel=other"].to_list() == [1.0, 0.0]


@given(CHANNELS, CHANNELS, st.integers(1, 4))
def test_every_customer_is_in_one_column_and_strangers_are_others(
    fitted: list[str | None], later: list[str | None], most: int
) -> None:
    chosen = encoding.choose(texts(fitted), ["channel"], most=most)
    columns = chosen["channel"]
    seen = encoding.expand(texts(fitted), chosen)
    assert set(seen.select(pl.sum_horizontal(columns)).to_series()) == {1.0}
    assert all(seen[name].sum() for name in columns)
    now = encoding.expand(texts(later), chosen).to_dicts()
    for row in now:
        value = row["channel"]
        own = schema.indicator("channel", "" if value is None else value)
        expected = own if own in columns and value != "other" else "channel=other"
        expected = "channel=" if value is None else expected
        assert {name for name in columns if row[name]} == {expected} & set(columns)


def test_customers_without_a_row_are_told_once() -> None:
    df = pl.DataFrame({"age": [1.0, None, 3.0], "channel": ["a", None, "b"], "visits": [None, None, 1.0]})
    chosen = encoding.choose(df, ["age", "channel", "visits"], most=5)
    assert chosen == {"age": ("age=",), "channel": ("channel=a", "channel=b"), "visits": ("visits=",)}


def test_the_matrix_has_numbers_filled_and_standardised_and_categories_as_they_are() -> None:
    df = pl.DataFrame(
        {
            "age": [20.0, 30.0, None, 70.0],
            "channel": ["web", "web", "store", None],
            "order_count": [1, 2, 3, 4],
        }
    )
    asked = job.Matrix(columns={"order_count": "none", "age": "none", "channel": "one-hot"})

    def blocks() -> Iterator[pl.DataFrame]:
        return df.iter_slices(3)

    made = fit.fit(blocks, asked, extra=["age", "channel"], warn=lambda text: None)
    assert made.columns == ("order_count", "age", "age=", "channel=web", "channel=store", "channel=")
    assert made.features == ("order_count", "age", "channel")
    X = made.standardised(made.raw(df))
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X[:, 1].std(), 1)
    assert X[2, 1] == (30.0 - 37.5) / np.std(
        [20, 30, 30, 70]
    )  # the median, and told apart by the next column
    assert np.ptp(X[:, 2:], axis=0).tolist() == [1.0, 1.0, 1.0, 1.0]
    again = through_json(made)
    assert again == made
    stranger = pl.DataFrame({"age": [30.0], "channel": ["tv"], "order_count": [1]})
    assert again.raw(stranger)[0].tolist() == [1.0, 30.0, 0.0, 0.0, 0.0, 0.0]


def test_two_categories_are_as_far_apart_as_two_customers_at_random() -> None:
    rng = np.random.default_rng(0)
    df = pl.DataFrame({"age": rng.normal(size=20_000), "channel": rng.choice(["a", "b", "c"], 20_000)})
    asked = job.Matrix(columns={"age": "none", "channel": "one-hot"})
    made = fit.fit(lambda: [df], asked, extra=["age", "channel"], warn=lambda text: None)
    X = made.standardised(made.raw(df))
    age, channels = X[:, 0], X[:, 1:]
    other = df["channel"].to_numpy()[::2] != df["channel"].to_numpy()[1::2]
    apart = np.square(channels[::2] - channels[1::2]).sum(axis=1)[other]
    np.testing.assert_allclose(apart, 2.0)
    np.testing.assert_allclose(np.square(age[::2] - age[1::2]).mean(), 2.0, rtol=0.05)


def test_an_indicator_has_words() -> None:
    assert schema.feature_of("channel=web").label == "Channel: web"
    assert schema.feature_of("age=").label == "Age: not known"
    assert schema.feature_of("home=a=b").label == "Home: a=b"
    assert schema.feature_of("channel=" + "x" * 99).label == "Channel: " + "x" * 39 + "…"
