"""Who moved between two runs and why: six customers by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from segcore.changes import movement
from segcore.changes.lineage import Lineage
from segcore.pipeline.finished import run_comparison
from segcore.records.changes import Causes, Identity, NamedSegment

OLD, NEW = {1: "Big", 2: "Small"}, {1: "Big", 2: "Small", 5: "Fresh"}
# customer, segment then, spent then; segment of the old model today, beyond its radius, segment now, spends now.
# "gone" and "new" are in one run only; "noise" has no segment then.
CUSTOMERS: list[tuple[Any, ...]] = [
    ("same", 1, 10.5, 1, False, 1, 11.25),
    ("behaves", 1, 8.0, 2, False, 2, 3.0),
    ("model", 1, 7.0, 1, False, 2, 7.5),
    ("both", 2, 6.0, 1, True, 5, 60.0),
    ("noise", None, 1.0, 2, False, 2, 1.0),
    ("gone", 2, 4.0, None, None, None, None),
    ("new", None, None, 2, True, 5, 5.0),
]


def joined() -> pl.LazyFrame:
    then = [row[:3] for row in CUSTOMERS if row[0] != "new"]
    now = [(row[0], *row[3:]) for row in reversed(CUSTOMERS) if row[0] != "gone"]
    old = pl.LazyFrame(then, schema=["customer_id", "segment", "total_spend"], orient="row")
    columns = ["customer_id", "between", "outside", "segment", "total_spend"]
    return movement.transitions(old, pl.LazyFrame(now, schema=columns, orient="row"), money_decimals=2)


def cells() -> pl.DataFrame:
    return movement.cells(joined())


def test_every_customer_of_either_run_has_one_row_with_money_in_minor_units() -> None:
    rows = {row["customer_id"]: row for row in joined().collect().to_dicts()}
    assert len(rows) == len(CUSTOMERS)
    assert rows["same"] == {
        "customer_id": "same",
        "old": 1,
        "money_before": 1050,
        "aged": 1,
        "behaved": 1,
        "between": 1,
        "outside": False,
        "new": 1,
        "money": 1125,
    }
    assert (rows["noise"]["old"], rows["noise"]["new"]) == (movement.UNASSIGNED, 2)
    gone, new = rows["gone"], rows["new"]
    assert (gone["old"], gone["between"], gone["new"], gone["money_before"], gone["money"]) == (
        2,
        None,
        None,
        400,
        0,
    )
    assert (new["old"], new["between"], new["new"], new["money_before"], new["money"]) == (None, 2, 5, 0, 500)


def test_cells_count_customers_and_money_sorted_with_those_outside_last() -> None:
    assert cells().drop("aged", "behaved").rows() == [
        (0, 2, False, 2, 1, 100, 100),
        (1, 1, False, 1, 1, 1050, 1125),
        (1, 1, False, 2, 1, 700, 750),
        (1, 2, False, 2, 1, 800, 300),
        (2, 1, True, 5, 1, 600, 6000),
        (2, None, None, None, 1, 400, 0),
        (None, 2, True, 5, 1, 0, 500),
    ]
    twice = movement.cells(pl.concat([joined(), joined()]))
    assert twice["customers"].to_list() == [2] * 7
    assert twice["money"].to_list() == [2 * money for money in cells()["money"]]


def test_the_evidence_leaves_who_is_beyond_the_radius_to_no_old_segment() -> None:
    history, same_data = movement.evidence(cells())
    assert history == {(0, 2): 1, (1, 1): 1, (1, 2): 2, (2, 5): 1, (2, None): 1, (None, 5): 1}
    assert same_data == {(2, 2): 2, (1, 1): 1, (1, 2): 1, (None, 5): 2}


def test_new_segments_get_the_ids_of_their_line() -> None:
    identities = (
        Identity(segment=2, previous=2, verdict="kept"),
        Identity(segment=7, verdict="new"),
        Identity(previous=1, verdict="retired"),
    )
    renumbered = movement.renumber(cells(), Lineage(identities=identities, ids={1: 2, 2: 7}, next_segment=8))
    assert renumbered["new"].to_list() == [7, 2, 7, 7, 5, None, 5]
    assert renumbered.drop("new").equals(cells().drop("new"))


def test_moved_names_both_segments_and_what_changed() -> None:
    table = movement.moved(joined(), OLD, NEW, money_decimals=2).collect()
    assert table.columns == [
        "customer_id",
        "old_segment",
        "old_segment_name",
        "old_model_segment",
        "new_segment",
        "new_segment_name",
        "changed",
        "total_spend_before",
        "total_spend",
    ]
    assert table.rows() == [
        ("behaves", 1, "Big", 2, 2, "Small", "behaviour", 8.0, 3.0),
        ("both", 2, "Small", 1, 5, "Fresh", "both", 6.0, 60.0),
        ("model", 1, "Big", 1, 2, "Small", "model", 7.0, 7.5),
        ("noise", 0, "Unassigned", 2, 2, "Small", "behaviour", 1.0, 1.0),
    ]


def test_the_three_matrices() -> None:
    found = movement.matrices(cells(), money_decimals=2)

    def rows(name: str) -> list[tuple[Any, ...]]:
        return [(flow.old, flow.new, flow.customers, flow.money_before, flow.money) for flow in found[name]]

    assert rows("flows") == [
        (0, 2, 1, 1.0, 1.0),
        (1, 1, 1, 10.5, 11.25),
        (1, 2, 2, 15.0, 10.5),
        (2, 5, 1, 6.0, 60.0),
        (2, None, 1, 4.0, 0.0),
        (None, 5, 1, 0.0, 5.0),
    ]
    assert rows("behaviour") == [(0, 2, 1, 1, 1), (1, 1, 2, 17.5, 18.75), (1, 2, 1, 8, 3), (2, 1, 1, 6, 60)]
    assert rows("model") == [(1, 1, 1, 10.5, 11.25), (1, 2, 1, 7, 7.5), (1, 5, 1, 6, 60), (2, 2, 2, 9, 4)]


def times(cells: pl.DataFrame, n: int) -> pl.DataFrame:
    return cells.with_columns(pl.col("customers") * n)


def test_sentences_say_who_came_and_went_and_the_largest_flows_first() -> None:
    assert movement.words(times(cells(), 5), OLD, NEW) == [
        "5 customers are new and 5 are gone; of the 25 in both runs 20 (80.0%) changed segment.",
        "10 customers went from 'Big' to 'Small': 5 because their behaviour changed, 5 because the model changed.",
        "5 customers went from 'Unassigned' to 'Small': 5 because their behaviour changed.",
        "5 customers went from 'Small' to 'Fresh': 5 because more than one of these did.",
    ]


def test_no_flow_and_no_cause_of_fewer_than_five_customers_is_told() -> None:
    assert movement.words(times(cells(), 4), OLD, NEW) == [
        "4 customers are new and 4 are gone; of the 20 in both runs 16 (80.0%) changed segment.",
        "8 customers went from 'Big' to 'Small': <5 because their behaviour changed, <5 because the model changed.",
    ]


def test_the_causes_add_up_to_who_moved_though_some_went_and_came_back() -> None:
    """Six whom the old model puts elsewhere and the new one back have not moved: they are in no cause."""
    back = pl.DataFrame([(1, 1, 2, 2, False, 1, 6, 0, 0)], schema=cells().schema, orient="row")
    found = movement.causes(pl.concat([cells(), back]))
    assert found == Causes(behaviour=2, model=1, both=1)


@pytest.mark.parametrize("n_flows", [4, 5, 6])
def test_no_more_than_five_flows_are_told(n_flows: int) -> None:
    flows = pl.DataFrame(
        [(0, 0, new, new, False, new, 1000 + new, 0, 0) for new in range(1, n_flows + 1)],
        schema=cells().columns,
        orient="row",
    )
    told = movement.words(flows, {}, {})
    assert len(told) == 1 + min(n_flows, 5)
    assert told[1].startswith(
        f"1,00{n_flows} customers went from 'Unassigned' to 'Unassigned': 1,00{n_flows} because"
    )


def test_runs_without_a_customer_in_common() -> None:
    apart = cells().filter(pl.col("old").is_null() | pl.col("new").is_null())
    assert movement.words(apart, OLD, NEW) == [
        "1 customers are new and 1 are gone; of the 0 in both runs 0 (0.0%) changed segment."
    ]


def test_names_are_listed_by_segment() -> None:
    assert movement.named({5: "Fresh", 1: "Big"}) == (
        NamedSegment(segment=1, segment_name="Big"),
        NamedSegment(segment=5, segment_name="Fresh"),
    )


def in_steps(old: int, aged: int, behaved: int, between: int, new: int, *, acted: bool) -> pl.LazyFrame:
    """One customer's transition, by way of what the old model says of each step."""
    then = {
        "customer_id": ["a"],
        "segment": [old],
        "total_spend": [1.0],
        "aged": [aged],
        "last_order_at": [5],
        "return_count": [0],
    }
    now = {
        "customer_id": ["a"],
        "segment": [new],
        "total_spend": [1.0],
        "behaved": [behaved],
        "between": [between],
        "outside": [False],
        "last_order_at": [5],
        "return_count": [1 if acted else 0],
    }
    return movement.transitions(pl.LazyFrame(then), pl.LazyFrame(now), money_decimals=2)


@pytest.mark.parametrize(
    ("steps", "acted", "cause", "behaviour_first"),
    [
        ((1, 2, 1, 2, 2), True, "time", "time"),
        ((1, 1, 2, 2, 2), True, "behaviour", "behaviour"),
        ((1, 1, 1, 1, 2), True, "model", "model"),
        ((1, 2, 2, 3, 3), True, "both", "both"),
        # Either alone would have moved them: the step that comes first has.
        ((1, 2, 2, 2, 2), True, "time", "behaviour"),
        ((1, 2, 1, 2, 3), True, "both", "both"),
        # Who has done nothing was moved by time alone, though a window has let go of their orders as well.
        ((1, 1, 2, 2, 2), False, "time", "time"),
        ((1, 1, 1, 2, 3), False, "both", "both"),
    ],
)
def test_time_behaviour_and_the_model_are_told_apart(
    steps: tuple[int, int, int, int, int], acted: bool, cause: str, behaviour_first: str
) -> None:
    found = in_steps(*steps, acted=acted)
    assert movement.moved(found, {}, {}, money_decimals=2).collect()["changed"].to_list() == [cause]
    for first, expected in ((False, cause), (True, behaviour_first)):
        counted = movement.causes(movement.cells(found), behaviour_first=first)
        assert counted == Causes(
            **{name: int(name == expected) for name in ("time", "behaviour", "model", "both")}
        )


def test_the_steps_of_each_matrix_begin_where_the_one_before_ends() -> None:
    table = movement.cells(
        pl.concat([in_steps(1, 2, 3, 4, 5, acted=True), in_steps(6, 7, 8, 9, 9, acted=False)])
    )
    found = movement.matrices(table, money_decimals=2)
    steps = {name: [(flow.old, flow.new) for flow in found[name]] for name in found}
    assert steps == {
        "flows": [(1, 5), (6, 9)],
        "time": [(1, 2), (6, 9)],
        "behaviour": [(2, 4), (9, 9)],
        "model": [(4, 5), (9, 9)],
    }


def test_two_segments_of_one_name_are_told_apart_by_their_ids() -> None:
    told = run_comparison._told_apart({1: "Big", 2: "Small"}, {1: "Big", 3: "Small", 4: "Other"})
    assert told == {
        (1, "Big"): "Big",
        (2, "Small"): "Small (segment 2)",
        (3, "Small"): "Small (segment 3)",
        (4, "Other"): "Other",
    }
