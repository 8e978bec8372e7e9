"""A map from ids to persons: several ids are one customer, exactly, or the map is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import errors, job
from segcore.pipeline import inspect_input
from segcore.pipeline.core import job_file
from segcore.pipeline.lines import id_map
from tests.ingest.test_right_or_refused import csv, spends
from tests.transaction_lines import counts, started, through

LINES = csv(
    "customer_id,order_id,date,amount",
    "a,1,2011-03-01,1",
    "A1,2,2011-03-02,2",
    "17850.0,3,2011-03-03,4",
    "b,4,2011-03-03,8",
    "17850.0,4,2011-03-03,16",
    "b,4,2011-03-03,8",  # a copy
    "a,5,2011-03-05,32",
    "A1,5,2011-03-05,32",  # none: the ids differ
    ",6,2011-03-05,64",
)


def run(folder: Path, *rows: str, name: str = "map.csv", **settings: Any) -> dict[str, Any]:
    (folder / name).write_text("\n".join(rows) + "\n")
    (folder / "in").mkdir()
    given = {"customers__map": str(folder / name), **settings}
    return through([str(LINES(folder / "in"))], folder / "run", **given)


def test_several_ids_are_one_customer(tmp_path: Path) -> None:
    account = run(tmp_path, "old,person", "A1,a", "17850,p2", "b,p2", "z,z", "a,a", "A1,a", ",x")
    assert spends(tmp_path / "run") == {"a": 67.0, "p2": 28.0}
    assert counts(account) == {"purchase": 7, "duplicate": 1, "missing_customer": 1}
    assert [text.partition(": ")[2] for text in account["warnings"] if "map.csv" in text] == [
        "5 ids are of 3 persons",
        "1 row(s) lack the id or the person and are left out",
    ]


def test_columns_by_name_and_what_is_decided_of_the_person(tmp_path: Path) -> None:
    account = run(
        tmp_path,
        "note;who;also",
        "x;Person;17850",
        "y;PERSON;B",
        customers__id_column="also",
        customers__person_column="who",
        cleaning__customer_case="lower",
        cleaning__exclude_customers=["Person"],
    )
    assert spends(tmp_path / "run") == {"a": 33.0, "a1": 34.0}
    assert counts(account)["excluded_customer"] == 4


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            ["id,p", "a,x", "a,y"],
            "1 id.s. are mapped to several persons, such as 'a' to x, y; expected one each",
        ),
        (
            ["id,p", "a,x", "x,y"],
            "1 id.s. are mapped to one that is mapped on, such as 'a' to 'x' and that to 'y'",
        ),
        (
            ["id,p", "a,x", "x,a"],
            "2 id.s. are mapped to one that is mapped on, such as 'a' to 'x' and that to 'a'",
        ),
        (["id,p,q", "a,x,y"], "a map has an id and a person, and here are 3 columns .id, p, q.: name two"),
        (["id,p", ",x"], "no row has an id and a person"),
    ],
)
def test_a_map_with_two_meanings_is_refused(tmp_path: Path, rows: list[str], said: str) -> None:
    with pytest.raises(errors.DataError, match=said):
        run(tmp_path, *rows)


def test_a_map_of_one_column_twice_or_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.DataError, match=r"expected one column 'persn' .did you mean 'person'"):
        run(tmp_path, "id,person", "a,x", customers__id_column="id", customers__person_column="persn")
    with pytest.raises(errors.JobError, match="name both, or neither"):
        job.resolve('[customers]\nid_column = "x"\n')
    with pytest.raises(errors.InputNotFoundError):
        id_map.find(job.resolve('[customers]\nmap = "/not/there.csv"\n'))


def test_a_map_that_does_not_fit_is_refused_with_both_numbers(tmp_path: Path) -> None:
    path = csv("id,p", "a,x", "b,y")(tmp_path)
    settings = job.resolve("", {"customers.map": str(path)})
    with pytest.raises(
        errors.BudgetError, match=r"2 ids need 0 MB of memory, .* of a budget of 0 MB: use --memory 1MB"
    ):
        id_map.read(tmp_path / "scratch", id_map.find(settings), settings, memory=3_999)
    assert id_map.read(tmp_path / "again", id_map.find(settings), settings, memory=4_000)[0].height == 2


def test_its_path_begins_at_the_job_file_and_its_file_is_in_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text('[customers]\nmap = "x.csv"\n')
    path = csv("id,p", "a,x")(tmp_path)
    settings = job_file.load(tmp_path / "job.toml")
    assert settings.customers.map == str(path)
    before = started(tmp_path / "one", settings).plan.following(None, None).fingerprint
    csv("id,p", "a,xx")(tmp_path)
    assert started(tmp_path / "two", settings).plan.following(None, None).fingerprint != before


def test_inspect_counts_persons(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("id,person\nA1,a\nb,a\n")
    (tmp_path / "in").mkdir()
    told = inspect_input(str(LINES(tmp_path / "in")), overrides={"customers.map": str(tmp_path / "map.csv")})
    assert "customers 2\n" in told
    assert "map.csv: 2 ids are of 1 persons" in told


def test_ids_of_numbers_match_those_of_text(tmp_path: Path) -> None:
    pl.DataFrame({"id": [17850, 5], "person": [1, 2]}).write_parquet(tmp_path / "map.parquet")
    (tmp_path / "in").mkdir()
    through([str(LINES(tmp_path / "in"))], tmp_path / "run", customers__map=str(tmp_path / "map.parquet"))
    assert spends(tmp_path / "run")["1"] == 20.0
