from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from segcore import cli, errors, job, pipeline
from segcore.pipeline.inspection import costs, counts
from segcore.storage.private import private_base
from tests.transaction_lines import Line, line, write_csv


def test_it_says_what_would_happen(tmp_path: Path) -> None:
    lines = [
        line(),
        line(CustomerID="5"),
        line(CustomerID=""),
        *(line(Quantity=q) for q in ("x", "y", "z", "w")),
    ]
    path = write_csv(tmp_path / "a.csv", lines)
    text = pipeline.inspect_input(path, full=True)
    assert "customer_id  'CustomerID'" in text
    assert "(assumed)" in text
    assert "utf-8, fields separated by ','" in text
    assert "dates     2011-03-01 10:00:00 to 2011-03-01 10:00:00" in text
    assert "lines     7\n" in text
    assert "customers 2\n" in text
    assert re.search(r"purchase +2 ", text)
    assert [n for n in range(1, 8) if f"a.csv, record {n}: " in text] == [3, 4, 5, 6]
    assert "record 5: 'y'" in text


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            [line(CustomerID=""), line(Quantity="-1")],
            "no purchase left: all of 2 lines were returns or rejected",
        ),
        ([line(), *[line(Quantity="x")] * 3], "75% of 4 lines were rejected beyond missing customers"),
        ([line()], "it needs 2 customers for as many segments"),
    ],
)
def test_it_says_that_the_run_would_stop(tmp_path: Path, lines: list[Line], said: str) -> None:
    text = pipeline.inspect_input(write_csv(tmp_path / "a.csv", lines), full=True)
    assert f"\nthe run would stop: {said}" in text
    assert "would stop" not in pipeline.inspect_input(
        write_csv(tmp_path / "b.csv", [line(), line(CustomerID="5")]), full=True
    )


def test_it_says_that_the_memory_does_not_do(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [line(), line(CustomerID="5")])
    told, stops = pipeline.inspected([path], memory=10**6)
    assert isinstance(stops, errors.BudgetError)
    assert f"\nthe run would stop: {stops}" in told
    assert re.match(r"the models need \d+ MB of memory .*, the budget is 1 MB: use --memory", str(stops))
    assert pipeline.inspected([path], memory=10**9)[1] is None


def test_it_says_that_there_are_no_lines(tmp_path: Path) -> None:
    with pytest.raises(errors.DataError, match="the input holds no lines; expected at least one"):
        pipeline.inspect_input(write_csv(tmp_path / "a.csv", []))


EQUAL = ["date,customer_id,amount", "2011-03-01,a,5", "2011-03-01,a,5", "2011-03-01,b,5", "2011-03-02,b,1"]


@pytest.mark.parametrize(
    ("lines", "seen", "kept"),
    [
        (EQUAL, 1, "keep"),
        ([EQUAL[0] + ",line", *(f"{text},{n}" for n, text in enumerate(EQUAL[1:]))], 0, "drop"),
        ([EQUAL[0] + ",order_id", *(f"{text},7" for text in EQUAL[1:])], 1, "drop"),
    ],
    ids=["nothing tells them apart", "a column does", "they are of one order"],
)
def test_equal_lines_are_counted_and_count_where_they_may_be_purchases(
    tmp_path: Path, lines: list[str], seen: int, kept: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\n".join([*lines, ""]))
    text = pipeline.inspect_input(path, write_job_to=tmp_path / "job.toml")
    assert len(re.findall(r"duplicate +1  +25.0%  equal to another line", text)) == seen
    assert tomllib.loads((tmp_path / "job.toml").read_text())["cleaning"]["duplicates"] == kept
    for counting in ("keep", "across-files"):
        said = pipeline.inspect_input(path, overrides={"cleaning.duplicates": counting})
        assert "equal to another" not in said
    (tmp_path / "both").mkdir()
    for name in ("1.csv", "2.csv"):
        (tmp_path / "both" / name).write_text(path.read_text())
    again = pipeline.inspect_input(tmp_path / "both", overrides={"cleaning.duplicates": "across-files"})
    assert re.search(rf"duplicate +{len(lines) - 1}  +50.0%  equal to another line", again)


ORDERS = {  # customer to the orders of their purchases
    "most once": {
        "a": "1",
        "b": "2",
        "c": "3",
        "d": "4",
        "e": "5",
        "f": "6",
        "g": "78",
        "h": "78",
        "i": "78",
    },
    "half once": {"a": "1", "b": "2", "c": "3", "g": "78", "h": "78", "i": "78"},
    "lines of one order": {
        "a": "11",
        "b": "22",
        "c": "3",
        "d": "4",
        "e": "5",
        "f": "6",
        "g": "78",
        "h": "78",
        "i": "78",
    },
    "too few others": {"a": "1", "b": "2", "c": "3", "d": "4", "g": "78", "h": "78"},
}


@pytest.mark.parametrize(
    ("case", "fits"), [(name, name in ("most once", "lines of one order")) for name in ORDERS]
)
def test_many_one_time_buyers_fit_a_segment_by_rule(tmp_path: Path, case: str, fits: bool) -> None:
    lines = [
        line(CustomerID=name, InvoiceNo=f"{name}{order}", StockCode=f"p{place}")
        for name, orders in ORDERS[case].items()
        for place, order in enumerate(orders)
    ]
    # What was sent back is no order, and who sent back alone no customer.
    lines += [line(CustomerID=name, InvoiceNo=f"C{name}", Quantity="-1") for name in "axy"]
    path = write_csv(tmp_path / "x.csv", lines)
    two = {"models.k_max": 2}
    text = pipeline.inspect_input(path, overrides=two, write_job_to=tmp_path / "job.toml")
    assert ("67% of the customers have one order" in text) == fits
    written = tomllib.loads((tmp_path / "job.toml").read_text())["models"]["one_time_buyers"]
    assert written == ("separate" if fits else "cluster")
    asked = {**two, "models.one_time_buyers": "cluster"}
    assert "have one order" not in pipeline.inspect_input(path, overrides=asked)


def test_a_part_of_the_files_does_not_tell_who_came_back(tmp_path: Path) -> None:
    for day in range(1, 21):
        who = ["x", "y", "z", f"of {day}"]
        when = f"2011-03-{day:02} 10:00:00"
        write_csv(
            tmp_path / f"{day}.csv",
            [line(CustomerID=name, InvoiceNo=f"{name}{day}", InvoiceDate=when) for name in who],
        )
    two = {"models.k_max": 2}
    assert "have one order" not in pipeline.inspect_input(tmp_path, overrides=two)
    assert "87% of the customers have one order" in pipeline.inspect_input(tmp_path, overrides=two, full=True)


def test_what_a_run_would_warn_of_is_seen(tmp_path: Path) -> None:
    lines = [line(CustomerID="guest", InvoiceNo=str(n)) for n in range(3)]
    lines += [line(CustomerID="", InvoiceNo=str(n)) for n in range(50)]
    lines += [line(CustomerID=name, InvoiceNo=name) for name in ("Ana", "ANA", "NULL", *map(str, range(45)))]
    text = pipeline.inspect_input(write_csv(tmp_path / "a.csv", lines))
    assert "one customer, called like nobody ('guest'), has 3% of all lines" in text
    assert "1 customers differ from another one in capitals" in text
    assert "lines without a customer hold 50% of all lines and 50% of the money" in text
    assert re.search(r"customer_id .*  empty in 49\.5%  'NULL' and the like in 1\.0%", text)


def test_files_with_and_without_other_columns_are_looked_at_together(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("customer_id,date,amount,note\na,2011-03-01,5,x\na,2011-03-01,5,y\n")
    (tmp_path / "b.csv").write_text("customer_id,date,amount\nb,2011-03-01,5\nb,2011-03-01,5\n")
    assert re.search(r"purchase +4 .*\n +duplicate +1 ", pipeline.inspect_input(tmp_path))


def test_several_columns_for_the_customer_are_shown_and_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mail,phone,date,amount\na,1,2011-03-01,5\n,2,2011-03-01,5\n")
    (tmp_path / "given.toml").write_text('[columns]\ncustomer_id = ["mail", "phone"]\n')
    text = pipeline.inspect_input(
        tmp_path / "a.csv", job=tmp_path / "given.toml", write_job_to=tmp_path / "job.toml"
    )
    assert re.search(r"customer_id +\['mail', 'phone'\] +string +\(job\)\n", text)
    assert "customers 2" in text
    columns = tomllib.loads((tmp_path / "job.toml").read_text())["columns"]
    assert columns == {"customer_id": ["mail", "phone"], "ordered_at": "date", "line_amount": "amount"}


def test_ids_without_their_last_digits_are_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [line(CustomerID="8.80123E+11"), line(CustomerID="5")])
    with pytest.raises(errors.DataError, match=r"'8\.80123E\+11' are in scientific notation"):
        pipeline.inspect_input(path)


def test_many_lines_are_told_apart_by_those_whose_hash_begins_with_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "_HASHES", 500)
    lines = [line(CustomerID=str(n), InvoiceNo=str(copy // 2)) for n in range(1000) for copy in range(3)]
    text = pipeline.inspect_input(write_csv(tmp_path / "a.csv", lines))
    assert 900 < int(re.findall(r"duplicate +([\d,]+)", text)[0].replace(",", "")) < 1100


def test_a_sample_of_the_files_estimates_the_lines(tmp_path: Path) -> None:
    for number in range(40):
        write_csv(tmp_path / f"{number:02}.csv", [line(CustomerID=str(c)) for c in range(100, 120)])
    text = pipeline.inspect_input(tmp_path)
    assert "looked through 14 of them (all with --full)" in text
    assert "lines     about 800\n" in text
    assert "customers at least about 20\n" in text
    assert "lines     800\n" in pipeline.inspect_input(tmp_path, full=True)


def test_the_job_that_it_writes_leaves_nothing_to_assume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "yardstick", lambda: 0.02)
    path = tmp_path / "a.csv"
    path.write_bytes("Kunde;date;price;qty\n5;13.2.2011;1,50;2\n6;1.2.2011;£2,50;1\n".encode("latin-1"))
    target = tmp_path / "job.toml"
    (tmp_path / "mapping.toml").write_text('[columns]\ncustomer_id = "Kunde"\n')
    first = pipeline.inspect_input(path, job=tmp_path / "mapping.toml", write_job_to=target)
    assert "cp1252, fields separated by ';'" in first
    written = tomllib.loads(target.read_text())
    assert written["columns"] == {
        "quantity": "qty",
        "ordered_at": "date",
        "unit_price": "price",
        "customer_id": "Kunde",
    }
    assert (written["input"]["date_format"], written["input"]["decimal"]) == ("day-first", ",")
    second = pipeline.inspect_input(path, job=target)
    assert "(assumed)" not in second
    told, assumed = first.replace("(job)", "").rsplit("\n", 1)
    assert second.replace("(job)", "") == told.replace("(assumed)", "")
    assert assumed.endswith(". columns are taken by their names: ordered_at, quantity, unit_price (assumed)")
    (tmp_path / "link.toml").symlink_to(tmp_path / "nowhere.toml")
    for taken in (target, tmp_path / "link.toml"):
        with pytest.raises(errors.OutputError, match="is there already"):
            pipeline.inspect_input(path, job=target, write_job_to=taken)


def test_the_command_prints_to_stdout_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = [line(InvoiceDate="1/2/2011"), line(InvoiceDate="1/2/2011", CustomerID="5")]
    path = write_csv(tmp_path / "a.csv", lines)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["segcore", "inspect", str(path), "--date-format", "day-first"])
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    said = capfd.readouterr()
    assert "dates     2011-02-01 00:00:00" in said.out
    assert said.err == ""
    # The folder of its user, which the next command sweeps, stays; what was written into it does not.
    private = private_base()
    assert {*tmp_path.iterdir()} == {path, private}
    assert [entry.name for entry in private.iterdir()] == [".lock"]


def test_codes_that_look_like_postage_are_suggested_and_products_are_not(tmp_path: Path) -> None:
    lines = [line(CustomerID=str(n), InvoiceNo=str(n)) for n in range(5)]
    lines += [line(StockCode="post", Description="POSTAGE", CustomerID="1", InvoiceNo="p")]
    lines += [
        line(StockCode="C2", Description="Next Day Carriage", CustomerID=str(n), InvoiceNo=f"c{n}")
        for n in (1, 2)
    ]
    lines += [line(StockCode="22423", Description="RETRO SPOTS POSTAGE BOX", CustomerID="1", InvoiceNo="b")]
    lines += [
        line(StockCode="B1", Description="BANK FEE", CustomerID="", InvoiceNo="x")
    ]  # counts for nothing
    path = write_csv(tmp_path / "a.csv", lines)
    target = tmp_path / "job.toml"
    text = pipeline.inspect_input(path, write_job_to=target)
    assert "cleaning.not_products takes them out:\n  C2 " in text
    assert "22423" not in text
    written = target.read_text()
    assert tomllib.loads(written)["cleaning"]["not_products"] == []
    assert '# not_products = ["C2", "POST"]' in written
    assert "# product codes that are no products, compared in upper case\n# These codes look" in written
    taken = tmp_path / "taken.toml"
    taken.write_text(
        written.replace("\nnot_products = []", "").replace("# not_products = [", "not_products = [")
    )
    assert "look like postage" not in pipeline.inspect_input(path, job=taken)


def test_a_drafted_job_says_what_each_key_means_and_is_the_same_job(tmp_path: Path) -> None:
    settings = job.resolve("[selection]\nk = 4\n[cleaning]\nnot_products = ['A', 'B']")
    text = job.commented(settings)
    assert job.resolve(text) == settings
    assert "# mean over the halvings\nmin_prediction_strength = 0.8" in text
