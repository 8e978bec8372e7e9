from __future__ import annotations

import pytest

from segcore.changes.summary import summarise
from segcore.records.changes import Causes, Flow, MovementReport, NamedSegment, PreviousRun


def flow(old: int | None, new: int | None, customers: int) -> Flow:
    return Flow(old=old, new=new, customers=customers, money_before=0.0, money=0.0)


def report(flows: list[Flow], causes: Causes | None = None, as_of: str = "2011-10-12") -> MovementReport:
    return MovementReport(
        previous=PreviousRun(run_id="a", created_at="2011-12-01T03:00:00", as_of=as_of),
        reasons=(),
        words=(),
        old_segments=(
            NamedSegment(segment=1, segment_name="Big"),
            NamedSegment(segment=2, segment_name="Small"),
        ),
        new_segments=(
            NamedSegment(segment=1, segment_name="Big"),
            NamedSegment(segment=2, segment_name="Small"),
            NamedSegment(segment=5, segment_name="Once"),
        ),
        flows=tuple(flows),
        behaviour=(),
        model=(),
        causes=causes,
    )


FLOWS = [flow(1, 1, 900), flow(1, 2, 70), flow(2, 2, 1000), flow(2, 5, 104), flow(None, 1, 40), flow(2, None, 9)]  # fmt: skip


def test_what_changed_by_hand() -> None:
    changed = summarise(report(FLOWS, Causes(time=30, behaviour=20, model=104, both=20)))
    assert changed.text() == (
        "Since 12 October 2011: 2 groups became 3; 174 customers moved (30 as time passed, 20 by what they bought or sent back, "
        "104 through the new model, 20 through more than one of these); 40 are new and 9 gone; “Small” 1,113 to 1,070; “Big” 970 to 940."
    )
    assert changed.moved_share == pytest.approx(174 / 2074)


def test_what_did_not_change_is_not_told() -> None:
    still = summarise(report([flow(1, 1, 5), flow(2, 2, 1)], as_of=""))
    assert (
        still.text()
        == "Since 1 December 2011: 2 groups became 3; none of 6 customers moved; 0 are new and 0 gone."
    )
    assert still.moved_share == 0


def test_where_the_causes_are_not_known_none_is_told() -> None:
    assert "; 174 customers moved; " in summarise(report(FLOWS)).text()
