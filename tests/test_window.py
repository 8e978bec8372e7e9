"""The observation window: what lies outside it is counted, and changes nothing inside."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segcore import errors, job
from segcore.pipeline.inspection.look import inspect
from segcore.selection import quality_gate
from tests.transaction_lines import NOW, Line, any_line, counts, line, through, write_csv

DATES = [
    "2010-12-31 23:59:59",  # outside of [2011-01-01, 2011-03-02)
    "2011-01-01 00:00:00",
    "2011-03-01 23:59:59",
    "2011-03-02 00:00:00",  # outside
]
AS_OF = "2011-03-02"


def at(when: str, **given: Any) -> Line:
    return line(InvoiceDate=when, InvoiceNo=when, **given)


def features(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "customers/features/*.parquet")


@pytest.mark.parametrize(
    "window",
    [
        {"features__as_of": AS_OF, "features__window": "60d"},
        {"features__as_of": AS_OF, "features__window_from": "2011-01-01"},
        {"features__as_of": "2011-03-02T00:00:00", "features__window_from": "2011-01-01T00:00:00Z"},
    ],
)
def test_the_first_instant_is_inside_and_the_last_is_not(tmp_path: Path, window: dict[str, str]) -> None:
    path = write_csv(tmp_path / "a.csv", [at(when) for when in DATES])
    account = through([path], tmp_path / "run", **window)
    assert counts(account) == {"outside_window": 2, "purchase": 2}
    assert account["rows_in"] == 4
    (row,) = features(tmp_path / "run").iter_rows(named=True)
    assert (row["order_count"], row["total_spend"], row["days_since_last_order"]) == (2, 5.0, 0)


def test_as_of_alone_leaves_out_what_came_later(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [at(when) for when in DATES])
    assert counts(through([path], tmp_path / "run", features__as_of=AS_OF)) == {
        "outside_window": 1,
        "purchase": 3,
    }


def test_without_as_of_the_window_ends_a_day_after_the_last_line(tmp_path: Path) -> None:
    # The last line has no customer: it says all the same how far the dump goes.
    lines = [at("2011-01-01 12:00:00"), at("2011-01-02 12:00:00"), at("2011-01-10 12:00:00", CustomerID="")]
    path = write_csv(tmp_path / "a.csv", lines)
    account = through([path], tmp_path / "run", features__window="9d")
    assert counts(account) == {"outside_window": 1, "missing_customer": 1, "purchase": 1}
    assert features(tmp_path / "run")["days_since_last_order"].to_list() == [9]
    explicit = through(
        [path], tmp_path / "again", features__window="9d", features__as_of="2011-01-11T12:00:00"
    )
    assert counts(explicit) == counts(account)
    assert_frame_equal(features(tmp_path / "again"), features(tmp_path / "run"))


def test_outside_comes_before_every_rule_but_damage(tmp_path: Path) -> None:
    old = {"InvoiceDate": "2009-01-01 00:00:00"}
    bad: list[dict[str, str]] = [
        {"CustomerID": ""},
        {"Quantity": "two"},
        {"UnitPrice": "0"},
        {"Quantity": "0"},
    ]
    path = write_csv(tmp_path / "a.csv", [line(), *(line(**old, **fault) for fault in bad)])
    with path.open("a") as file:
        file.write("1,2,3\n")
        file.write(",".join(line(InvoiceDate="someday")) + "\n")
    rubble = {"features__window_from": "2011-01-01", "cleaning__max_reject_share": 1.0}
    account = through([path], tmp_path / "run", **rubble)
    assert counts(account) == {
        "malformed_line": 1,
        "outside_window": 4,
        "unreadable_ordered_at": 1,
        "purchase": 1,
    }
    names = [entry["class"] for entry in account["classes"]]
    assert names[:4] == ["malformed_line", "undecodable_text", "stray_date", "outside_window"]


@settings(max_examples=10)
@given(lines=st.lists(any_line(), max_size=12))
def test_a_dump_that_grows_gives_the_features_of_one_that_is_cut(lines: list[Line]) -> None:
    window = {
        "features__as_of": "2011-04-01",
        "features__window": "60d",
        "cleaning__max_reject_share": 1.0,
        "input__decimal": ".",
    }
    lines = [*lines, line(CustomerID="sure")]
    inside = [entry for entry in lines if entry[4] != "2011-04-02 09:00:00"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        accounts = []
        for kind, some in (("grown", lines), ("cut", inside)):
            path = write_csv(folder / f"{kind}.csv", some)
            accounts.append(counts(through([path], folder / kind, **window)))
        assert_frame_equal(features(folder / "grown"), features(folder / "cut"))
    grown, cut = accounts
    assert grown.pop("outside_window", 0) == len(lines) - len(inside)
    assert grown == cut


def test_what_lies_outside_is_no_sign_of_a_bad_input(tmp_path: Path) -> None:
    old = [at("2010-01-01 00:00:00")] * 8
    path = write_csv(
        tmp_path / "a.csv", [*old, at("2011-01-01 00:00:00"), at("2011-01-02 00:00:00", Quantity="x")]
    )
    account = through([path], tmp_path / "run", features__window="30d")
    assert quality_gate.reject_share(counts(account)) == 0.5
    with pytest.raises(errors.DataError, match="50% of 2 lines were rejected beyond missing customers"):
        through([path], tmp_path / "strict", features__window="30d", cleaning__max_reject_share=0.4)


def test_an_empty_window_is_said(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [at("2011-01-01 00:00:00")])
    with pytest.raises(errors.DataError, match=r"no purchase left: .*outside_window 1.*observation window"):
        through([path], tmp_path / "run", features__as_of="2010-01-01")


def test_no_date_at_all_is_said_with_a_window_too(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [at("")])
    with pytest.raises(errors.DataError, match="none has a date that can be read"):
        through([path], tmp_path / "run", features__window="30d")


def test_inspect_counts_what_lies_outside(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [at(when) for when in DATES])
    windowed = job.resolve("", {"features.as_of": AS_OF, "features.window": "60d"})
    found = inspect([path], windowed, full=True, now=NOW)
    assert dict(found.classes.iter_rows()) == {"outside_window": 2, "purchase": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("window = '1y'", "window = '1y' should be a number of days, such as '365d'"),
        ("window = '0d'", "should be a number of days"),
        ("window = '9d'\nwindow_from = 2011-01-01", "both say where the window begins"),
        ("as_of = 2011-01-01\nwindow_from = 2011-01-01", "window_from = 2011-01-01 should be before as_of"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(errors.JobError, match=message):
        job.resolve("[features]\n" + text)


def test_the_real_dump_in_a_window_gives_the_bytes_of_its_daily_files(
    online_retail: Path, tmp_path: Path
) -> None:
    window = {"features__as_of": "2011-10-01", "features__window": "200d"}
    cut = sorted(p for p in online_retail.glob("*.csv") if "2011-03-15" <= p.stem < "2011-10-01")
    accounts = [
        counts(through(paths, tmp_path / name, **window))
        for name, paths in (("grown", [online_retail]), ("cut", cut))
    ]
    assert accounts[0].pop("outside_window") > 250_000
    assert accounts[0] == accounts[1]
    parts = [
        (tmp_path / name / "customers/features/part-00000.parquet").read_bytes() for name in ("grown", "cut")
    ]
    assert parts[0] == parts[1]
    # The customers looked back on have a window of 200 days as well, of which most lies before that of today.
    then = window | {"features__as_of": "2011-07-03", "look_back__days": 0}
    through([online_retail], tmp_path / "then", **then)
    known = pl.read_parquet(tmp_path / "grown/customers/then/*.parquet")
    assert_frame_equal(known.drop("bought", "next_spend_minor", "half"), features(tmp_path / "then"))
