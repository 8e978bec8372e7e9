"""Segments that come back, by hand; and a line of runs whose number of segments goes down and up again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from segcore import Run, job, segment
from segcore.changes import lineage
from segcore.changes.ancestors import Ancestor, after, coming_back
from segcore.matrix.preparation import Preparation
from tests.conftest import QUICK

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def ancestor(run_id: str, **customers: int) -> Ancestor:
    sizes = {int(name.removeprefix("s")): n for name, n in customers.items()}
    return Ancestor(
        run_id=run_id,
        preparation=Preparation(prepared=()),
        centres={segment: (float(segment),) for segment in sizes},
        customers=sizes,
    )


def test_what_is_alive_has_not_retired_and_what_never_died_leaves_nothing() -> None:
    first = ancestor("first", s1=5, s2=6)
    last = ancestor("last", s3=7, s4=8)
    # 1 is alive again, 3 carries on, 2 and 4 are of old.
    left = after([first], last, alive=[1, 3, 9])
    assert [(one.run_id, one.customers) for one in left] == [("first", {2: 6}), ("last", {4: 8})]
    assert left[0].centres == first.centres  # all of them, to tell its own from the others'
    assert after([first], last, alive=[1, 2, 3, 4]) == ()
    many = [replace(first, run_id=str(n)) for n in range(30)]
    assert [one.run_id for one in after(many, last, alive=[])][-3:] == ["28", "29", "last"]
    assert len(after(many, last, alive=[])) == 20


def test_a_segment_comes_back_at_the_jaccard_of_a_kept_one() -> None:
    # Of 100 today, the old centres put 40 in 7 and 60 in 8; of the new segments, 1 has 30 of the 40 and 20 others.
    counts = {(7, 1): 30, (7, 2): 10, (8, 1): 20, (8, 2): 40}
    found = coming_back([(counts, [7, 8])], [1, 2], min_jaccard=0.5)
    assert found == {1: (7, 30 / 60), 2: (8, 40 / 70)}
    assert coming_back([(counts, [7, 8])], [1, 2], min_jaccard=0.51) == {2: (8, 40 / 70)}
    # What has not retired does not come back, nor does what continues another segment take an id of old.
    assert coming_back([(counts, [7])], [2], min_jaccard=0.1) == {2: (7, 10 / 80)}
    # Of two ancestors that claim the same segment, the nearer one has it.
    nearer = {(5, 1): 50, (6, 2): 50}
    assert coming_back([(counts, [7]), (nearer, [5])], [1], min_jaccard=0.5) == {1: (5, 1.0)}
    # No id is given twice.
    twice = {(7, 1): 50, (7, 2): 40}
    assert coming_back([(twice, [7])], [1, 2], min_jaccard=0.4) == {1: (7, 50 / 90)}


def test_what_comes_back_gets_its_old_id_and_what_is_kept_keeps_the_one_it_has() -> None:
    same: lineage.SegmentCounts = {(1, 1): 50, (2, 2): 5, (2, 3): 50}
    found = lineage.match(
        same,
        same,
        old=[1, 2],
        new=[1, 2, 3],
        next_segment=9,
        rule=job.Lineage(),
        back={1: (5, 0.9), 2: (4, 0.8)},
    )
    assert found.ids == {1: 1, 2: 4, 3: 2}
    assert found.next_segment == 9
    back = next(identity for identity in found.identities if identity.segment == 4)
    assert (back.verdict, back.previous, back.jaccard) == ("returned", None, 0.8)


@pytest.mark.slow
def test_four_three_four_segments_are_the_same_four(tmp_path: Path, retail_job: Path) -> None:
    def night(k: int) -> Run:
        overrides = {**QUICK, "models.families": ["kmeans"], "selection.k": k}
        return segment(SAMPLE, tmp_path / "out", job=retail_job, overrides=overrides, quiet=True)

    def sizes(run: Run) -> dict[int, int]:
        found = pl.read_parquet(run.segments / "*.parquet")["segment"].value_counts()
        return dict(sorted(found.rows()))

    first, fewer, again = night(4), night(3), night(4)
    assert set(sizes(fewer)) & set(sizes(first))
    assert sizes(again) == sizes(first)
    identities = json.loads((again.folder / "lineage.json").read_text())["segments"]
    returned = {identity["segment"] for identity in identities if identity["verdict"] == "returned"}
    assert returned == set(sizes(first)) - set(sizes(fewer))
    words = json.loads((again.folder / "movement.json").read_text())["words"]
    assert sum("is a segment again." in text for text in words) == len(returned)
