from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segcore import job
from segcore.job import Job
from segcore.lines.look_back import Cut, Cuts, came, cuts, newcomers, repeated, with_outcome
from segcore.pipeline.customers.aggregate_bucket import aggregate
from segcore.pipeline.customers.task import Drawn, Task
from segcore.pipeline.lines.buckets import Bucket
from tests.transaction_lines import RULES, Line, line, shuffled, write_csv

DAY = 86_400
AT = 1_298_937_600  # 2011-03-01 00:00
CUT = Cut(first=None, at=AT, end=AT + 30 * DAY)
ORDERS = pl.DataFrame(
    {
        "customer_id": ["a", "a", "a", "b", "b", "c", "c"],
        "class": ["purchase", "purchase", "return", "purchase", "return", "purchase", "purchase"],
        "ordered_at": [AT - 1, AT, AT + DAY, AT - DAY, AT + DAY, AT + DAY, AT + 30 * DAY],
        "amount": [100, 250, -40, 70, -70, 900, 5],
    }
).with_columns(h=pl.col("customer_id").hash())


def test_what_customers_did_since_the_cut_by_hand() -> None:
    customers = pl.LazyFrame({"customer_id": ["b", "a", "d"]}).with_columns(h=pl.col("customer_id").hash())
    rows = with_outcome(customers, ORDERS.lazy(), CUT).drop("h").collect().rows()
    # The second order of a is at the very time of the cut; b sent something back and bought nothing.
    assert rows == [("b", False, -70), ("a", True, 210), ("d", False, 0)]


def test_who_was_not_known_is_new_by_hand() -> None:
    assert newcomers(came(ORDERS.lazy(), [CUT])).collect().rows() == [(1, 900, 1150)]


def test_history_ends_before_the_cut_and_begins_with_its_first_second() -> None:
    lines = pl.LazyFrame({"ordered_at": [AT - 2, AT - 1, AT]})
    cut = Cut(first=AT - 1, at=AT, end=AT + DAY)
    assert cut.history(lines).collect()["ordered_at"].to_list() == [AT - 1]


def then(lines: Sequence[Line], folder: Path, settings: Job) -> pl.DataFrame:
    folder.mkdir()
    buckets = shuffled([write_csv(folder / "lines.csv", lines)], folder / "buckets", n_buckets=1)
    (paths,) = buckets.lines
    task = Task(
        bucket=Bucket(rows=0, slices=(tuple(str(Path(p).relative_to(folder)) for p in paths),)),
        folder=str(folder),
        settings=settings,
        own={},
        today=Cut(first=None, at=CUT.end, end=CUT.end),
        by_amount=False,
        guest_lines=10**6,
        drawn=Drawn(customers_below=0, orders_below=0),
        cuts=Cuts(last=CUT),
    )
    done = aggregate(task).then
    assert done is not None
    return done.drop("bought", "next_spend_minor")


def dated(month: int) -> st.SearchStrategy[Line]:
    """Draw purchases and returns of few customers and products, so that they meet."""
    return st.builds(
        lambda order, product, quantity, day, customer: line(
            InvoiceNo=str(order) if quantity > 0 else f"C{order}",
            StockCode=product,
            Quantity=quantity,
            InvoiceDate=f"2011-{month:02d}-{day:02d} 10:00:00",
            CustomerID=customer,
        ),
        st.integers(1, 5),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([-2, -1, 1, 2, 3]),
        st.integers(1, 28),
        st.sampled_from(["1", "2", "3"]),
    )


@given(
    lines=st.lists(dated(2), min_size=1, max_size=12),
    later=st.lists(dated(3), max_size=8),
    returns=st.sampled_from(["feature", "net"]),
)
def test_nothing_that_happens_later_reaches_what_is_said_of_the_time_before(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line], later: list[Line], returns: str
) -> None:
    folder = tmp_path_factory.mktemp("look-back")
    settings = Job(cleaning=RULES, features=job.Features.model_validate({"returns": returns}))
    without = then(lines, folder / "without", settings)
    assert_frame_equal(without, then([*lines, *later], folder / "added", settings))


def test_a_return_takes_back_nothing_before_it_happens(tmp_path: Path) -> None:
    settings = Job(cleaning=RULES, features=job.Features(returns="net"))
    lines = [
        line(InvoiceNo="1", Quantity="2", UnitPrice="1.25", InvoiceDate="2011-02-01 10:00:00"),
        line(InvoiceNo="C2", Quantity="-2", UnitPrice="1.25", InvoiceDate="2011-03-05 10:00:00"),
    ]
    assert then(lines, tmp_path / "run", settings)["total_spend"].to_list() == [2.5]


def test_who_came_again_by_hand() -> None:
    # a came again, b only sent something back, c was not there before.
    recent = Cut(first=AT - 1, at=AT, end=CUT.end)
    seen = came(ORDERS.lazy(), [CUT, recent])
    assert repeated(seen, 0).collect().rows() == [(2, 1)]
    # In the second before the cut only a bought.
    assert repeated(seen, 1).collect().rows() == [(1, 1)]


@pytest.mark.parametrize(("days", "n_cuts"), [(59, 0), (60, 1), (89, 1), (90, 2), (424, 2), (425, 4)])
def test_a_cut_has_a_period_of_history_before_it(days: int, n_cuts: int) -> None:
    found = cuts(0, days * DAY, length=30 * DAY, outlook=True)
    assert sum(cut is not None for cut in (found.last, found.earlier, *found.seasons)) == n_cuts


def test_cuts_of_the_outlook_by_hand() -> None:
    found = cuts(0, 500 * DAY, length=30 * DAY, outlook=True)
    assert found.last == Cut(first=None, at=470 * DAY, end=500 * DAY)
    assert found.earlier == Cut(first=None, at=440 * DAY, end=470 * DAY)
    assert found.seasons == (
        Cut(first=75 * DAY, at=105 * DAY, end=135 * DAY),
        Cut(first=105 * DAY, at=135 * DAY, end=165 * DAY),
    )
    without = cuts(0, 500 * DAY, length=30 * DAY, outlook=False)
    assert without == Cuts(last=found.last)
