"""Which segment is which: hand-computed cases, then laws."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segcore import job
from segcore.changes import lineage
from segcore.changes.lineage import SegmentCounts
from segcore.records.changes import Identity

RULE = job.Lineage()
LABELS = st.lists(st.integers(1, 4), min_size=5, max_size=60)


def counts(old: list[int | None], new: list[int | None]) -> Counter[tuple[int | None, int | None]]:
    return Counter(zip(old, new, strict=True))


def follow(
    history: list[tuple[int | None, int | None, int]],
    same_data: list[tuple[int | None, int | None, int]] | None = None,
    *,
    next_segment: int = 10,
) -> lineage.Lineage:
    seen = history if same_data is None else same_data
    return lineage.match(
        {(a, b): n for a, b, n in history},
        {(a, b): n for a, b, n in seen if b is not None},
        old=sorted({a for a, _, _ in history if a}),
        new=sorted({b for _, b, _ in history if b}),
        next_segment=next_segment,
        rule=RULE,
    )


def verdicts(found: lineage.Lineage) -> list[tuple[int | None, int | None, str]]:
    return [(i.segment, i.previous, i.verdict) for i in found.identities]


def test_the_ids_of_kept_segments_go_on_by_hand() -> None:
    # Old 1 has 10 customers, 8 of them in new 2, which has 9: 8 / (10 + 9 - 8).
    found = follow([(1, 2, 8), (1, 1, 2), (2, 1, 9), (2, 2, 1)])
    assert found.ids == {1: 2, 2: 1}
    assert found.identities[1].jaccard == pytest.approx(8 / 11)
    assert [i.verdict for i in found.identities] == ["kept", "kept"]
    assert found.next_segment == 10


def test_an_identity_in_full() -> None:
    # Then: 10 in old 1 and 20 in old 2. Of old 1, 8 are in new 2 with 4 of old 2; the old model would put 9 there.
    history: SegmentCounts = {(1, 2): 8, (1, 1): 2, (2, 1): 16, (2, 2): 4}
    same_data: SegmentCounts = {(1, 2): 9, (2, 2): 3, (2, 1): 15, (1, 1): 3}
    found = lineage.match(history, same_data, old=[1, 2], new=[1, 2], next_segment=3, rule=RULE)
    assert found.identities == (
        Identity(
            segment=2,
            previous=2,
            verdict="kept",
            jaccard=16 / 22,
            jaccard_history=16 / 22,
            jaccard_same_data=15 / 21,
            shared_customers=16,
        ),
        Identity(
            segment=1,
            previous=1,
            verdict="kept",
            jaccard=9 / 15,
            jaccard_history=8 / 14,
            jaccard_same_data=9 / 15,
            shared_customers=8,
        ),
    )
    assert found.next_segment == 3


def test_old_segments_that_nobody_is_in_any_more_are_retired_and_new_ones_are_new() -> None:
    found = lineage.match({(1, 1): 5}, {(1, 1): 5}, old=[1, 2], new=[1, 2], next_segment=9, rule=RULE)
    assert found.identities == (
        Identity(
            segment=1,
            previous=1,
            verdict="kept",
            jaccard=1,
            jaccard_history=1,
            jaccard_same_data=1,
            shared_customers=5,
        ),
        Identity(segment=9, verdict="new"),
        Identity(previous=2, verdict="retired"),
    )
    assert found.next_segment == 10


@pytest.mark.parametrize(("old", "new"), [([], [1, 2]), ([1, 2], [])])
def test_a_run_without_segments_begins_or_ends_all(old: list[int], new: list[int]) -> None:
    found = lineage.match({}, {}, old=old, new=new, next_segment=5, rule=RULE)
    assert verdicts(found) == [
        *((5 + place, None, "new") for place in range(len(new))),
        *((None, segment, "retired") for segment in old),
    ]


def test_a_merger_names_the_largest_of_its_sources() -> None:
    equal = [(1, 1, 40), (1, 2, 60), (2, 1, 45), (2, 3, 55), (3, 2, 50), (4, 3, 50)]
    found = follow([*equal])
    merged = next(i for i in found.identities if i.verdict == "merged")
    assert (merged.segment, merged.previous, merged.shared_customers) == (found.ids[1], 2, 45)


def test_a_part_of_a_split_names_the_segment_that_gave_it_most() -> None:
    # New 3 is a third of old 1 and two fifths of old 2, and less than three tenths of it are theirs.
    moved = [(1, 1, 66), (1, 3, 33), (2, 2, 60), (2, 3, 40), (None, 3, 1), (3, 3, 0)]
    history: list[tuple[int | None, int | None, int]] = [*moved, *((old, 3, 30) for old in (4, 5, 6))]
    history += [(old, old, 300) for old in (4, 5, 6)]
    found = follow(history)
    part = next(i for i in found.identities if i.segment == found.ids[3])
    assert (part.verdict, part.previous) == ("split", 2)


def test_what_is_inherited_says_how_much_was_kept() -> None:
    history: SegmentCounts = {(1, 1): 8, (1, 4): 2, (3, 1): 2, (None, 4): 5}
    found = lineage.inherited(history, {(1, 1): 9, (1, 4): 7}, old=[1, 3], new=[1, 4], next_segment=5)
    assert found.identities == (
        Identity(
            segment=1,
            previous=1,
            verdict="kept",
            jaccard=8 / 12,
            jaccard_history=8 / 12,
            jaccard_same_data=9 / 16,
            shared_customers=8,
        ),
        Identity(segment=4, verdict="new"),
        Identity(previous=3, verdict="retired"),
    )
    assert (found.next_segment, found.ids) == (5, {1: 1, 4: 4})


def test_below_half_a_segment_is_new_and_the_old_one_retired() -> None:
    found = follow([(1, 1, 10), (2, None, 10), (None, 2, 10)])
    assert verdicts(found) == [(1, 1, "kept"), (10, None, "new"), (None, 2, "retired")]
    assert found.next_segment == 11


def test_a_split_needs_three_tenths_of_the_old_segment_each() -> None:
    found = follow([(1, 1, 60), (1, 2, 40), (2, 3, 50)])
    assert verdicts(found) == [(1, 1, "kept"), (10, 1, "split"), (2, 2, "kept")]
    rest = follow([(1, 1, 75), (1, 2, 25), (2, 3, 50)])
    assert verdicts(rest)[1] == (10, None, "new")


def test_halves_of_a_split_that_are_both_too_small_end_the_old_id() -> None:
    found = follow([(1, 1, 49), (1, 2, 49), (1, 3, 2), (2, 3, 50)])
    assert verdicts(found) == [(10, 1, "split"), (11, 1, "split"), (2, 2, "kept")]


def test_a_merger_is_told_from_both_sides() -> None:
    found = follow([(1, 1, 60), (2, 1, 40)])
    assert verdicts(found) == [(1, 1, "kept"), (1, 2, "merged")]
    equal = follow([(1, 1, 34), (2, 1, 33), (3, 1, 33)])
    assert verdicts(equal)[0] == (10, 1, "merged")
    assert sorted(v[1] or 0 for v in verdicts(equal)[1:]) == [2, 3]


def test_a_segment_that_shares_just_half_of_its_customers_is_kept() -> None:
    # 2 of 3 each, 4 in either: the Jaccard index is 0.5.
    found = follow([(1, 1, 2), (1, 2, 1), (None, 1, 1), (2, 2, 9)])
    assert found.identities[0].jaccard == 0.5
    assert verdicts(found) == [(1, 1, "kept"), (2, 2, "kept")]


def test_an_old_segment_merged_into_one_of_which_it_is_enough_and_else_retired() -> None:
    # All of old 2 went to new 1; it is three tenths of that, or a fifth.
    assert verdicts(follow([(1, 1, 70), (2, 1, 30)])) == [(1, 1, "kept"), (1, 2, "merged")]
    assert verdicts(follow([(1, 1, 80), (2, 1, 20)])) == [(1, 1, "kept"), (None, 2, "retired")]
    # A third of new 1 and no more than a quarter of old 2 went the same way.
    scattered: list[tuple[int | None, int | None, int]] = [(1, 1, 50), *((2, n, 25) for n in (1, 3, 4, 5))]
    scattered += [(n, n, 90) for n in (3, 4, 5)]
    assert verdicts(follow(scattered))[-1] == (None, 2, "retired")


def test_who_left_does_not_keep_a_segment_from_merging() -> None:
    found = follow([(1, 1, 70), (2, 1, 30), (2, None, 200)])
    assert verdicts(found) == [(1, 1, "kept"), (1, 2, "merged")]


def test_an_old_segment_merged_into_the_one_that_both_shares_point_to() -> None:
    # Two fifths of old 2 are two fifths of new 1; the other three fifths are little more than a third of new 3.
    found = follow([(1, 1, 60), (2, 1, 40), (2, 3, 60), (3, 3, 110)])
    assert verdicts(found) == [(1, 1, "kept"), (3, 3, "kept"), (1, 2, "merged")]
    assert found.identities[-1].shared_customers == 40


def test_a_kind_of_customer_goes_on_when_its_customers_change_their_ways() -> None:
    # Most of each segment's customers are in the other one now, and both models agree on who belongs where today.
    moved = follow([(1, 2, 6), (1, 1, 4), (2, 1, 6), (2, 2, 4)], [(1, 1, 10), (2, 2, 10)])
    assert moved.ids == {1: 1, 2: 2}


def test_a_new_kind_of_customer_beside_an_old_one_is_new_and_no_split() -> None:
    # The old model has only segment 1 for them, and none of them was a customer before.
    found = follow([(1, 1, 50), (None, 2, 40)], [(1, 1, 50), (1, 2, 40)])
    assert verdicts(found) == [(1, 1, "kept"), (10, None, "new")]


def test_whoever_is_beyond_the_radius_keeps_no_segment_alive() -> None:
    found = follow([(1, 1, 50), (2, None, 30), (None, 2, 40)], [(1, 1, 50), (None, 2, 40)])
    assert verdicts(found) == [(1, 1, "kept"), (10, None, "new"), (None, 2, "retired")]
    replaced = follow([(1, 1, 50), (2, None, 30), (None, 2, 40)], [(1, 1, 50), (2, 2, 40)])
    assert verdicts(replaced) == [(1, 1, "kept"), (2, 2, "kept")]


@given(LABELS, st.permutations([1, 2, 3, 4]))
def test_relabelling_the_new_run_changes_no_id(labels: list[int], order: list[int]) -> None:
    renamed = [order[label - 1] for label in labels]
    history = counts(list(labels), list(renamed))
    found = lineage.match(
        history, history, old=sorted(set(labels)), new=sorted(set(renamed)), next_segment=5, rule=RULE
    )
    assert {order[segment - 1]: segment for segment in set(labels)} == found.ids
    assert {i.verdict for i in found.identities} == {"kept"}
    assert all(i.jaccard == 1 for i in found.identities)


@given(st.data())
def test_every_segment_of_either_run_is_accounted_for_and_no_id_comes_twice(data: st.DataObject) -> None:
    old = data.draw(LABELS)
    new = data.draw(st.lists(st.integers(1, 5), min_size=len(old), max_size=len(old)))
    seen = data.draw(st.lists(st.integers(1, 4), min_size=len(old), max_size=len(old)))
    found = lineage.match(
        counts(list(old), list(new)),
        counts(list(seen), list(new)),
        old=sorted(set(old)),
        new=sorted(set(new)),
        next_segment=7,
        rule=RULE,
    )
    assert sorted(found.ids) == sorted(set(new))
    assert len(set(found.ids.values())) == len(found.ids)
    fresh = [segment for segment in found.ids.values() if segment >= 7]
    assert fresh == list(range(7, found.next_segment))
    assert {i.previous for i in found.identities if i.previous} == set(old)
    kept = [i for i in found.identities if i.verdict == "kept"]
    assert all(i.segment == i.previous and i.jaccard >= RULE.min_jaccard for i in kept)


@given(LABELS)
def test_runs_of_one_line_keep_their_ids(labels: list[int]) -> None:
    history = counts(list(labels), list(labels))
    segments = sorted(set(labels))
    found = lineage.inherited(history, history, old=segments, new=[*segments, 9], next_segment=10)
    assert verdicts(found) == [*((s, s, "kept") for s in segments), (9, None, "new")]
    gone = lineage.inherited(history, history, old=[*segments, 8], new=segments, next_segment=10)
    assert verdicts(gone)[-1] == (None, 8, "retired")
