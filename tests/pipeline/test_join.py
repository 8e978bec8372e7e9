"""Lines that get columns of other tables: whatever the budget, and with every line that has no row accounted for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import errors, ingest, job, pipeline
from segcore.pipeline import open_run
from segcore.pipeline.core import job_file
from segcore.pipeline.core.plan import Places
from segcore.pipeline.lines import join_tables
from segcore.pipeline.lines.prepared_input import PreparedInput
from tests.transaction_lines import counts, taken_through

OLIST = {
    "olist_order_items_dataset.csv": """\
order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value
o1,1,p1,s,2017-10-06 11:07:15,29.99,8.72
o1,2,p1,s,2017-10-06 11:07:15,29.99,8.72
o2,1,p2,s,2018-07-30 03:24:27,118.70,22.76
o3,1,p2,s,2018-08-13 08:55:23,159.90,19.22
o9,1,p2,s,2018-08-13 08:55:23,1.00,1.00
o1,1
""",
    "olist_orders_dataset.csv": """\
order_id,customer_id,order_status,order_purchase_timestamp
o1,c1,delivered,2017-10-02 10:56:33
o2,c2,canceled,2018-07-24 20:41:37
o3,c3,shipped,2018-08-08 08:38:49
o4,c3,shipped,2018-08-08 08:38:49
""",
    "olist_customers_dataset.csv": "customer_id,customer_unique_id\nc1,u1\nc2,u2\nc3,u2\n",
}
JOB = """\
[[join]]
path = "olist_orders_dataset.csv"
on = "order_id"
columns = ["customer_id", "order_status", "order_purchase_timestamp"]
[[join]]
path = "olist_customers_dataset.csv"
on = "customer_id"
columns = ["customer_unique_id"]
"""


def write(folder: Path, files: dict[str, str], text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    (folder / "job.toml").write_text(text)
    return folder / "job.toml"


def test_olist_from_its_three_files_with_a_job_of_ten_lines(tmp_path: Path) -> None:
    settings = job_file.load(write(tmp_path / "olist", OLIST, JOB), {"cleaning.max_reject_share": 1.0})
    tables, _ = join_tables.find(settings)
    sources = join_tables.without(ingest.discover([tmp_path / "olist"]), tables)
    (tmp_path / "scratch").mkdir()
    files = ingest.prepare(sources, settings.input, tmp_path / "scratch", memory=10**9)
    joined = join_tables.joined(files, tables, settings, tmp_path / "scratch", memory=10**9)
    source = PreparedInput.of(joined, settings)
    found = taken_through(source, source.settings, tmp_path / "run")
    features = pl.read_parquet(list(found.features))
    assert dict(features.select("customer_id", "total_spend").iter_rows()) == pytest.approx(
        {"u1": 59.98, "u2": 159.9}
    )
    account = json.loads((tmp_path / "run" / "customers" / "ledger.json").read_text())
    assert counts(account) == {"purchase": 3, "not_kept": 1, "unmatched": 1, "malformed_line": 1}
    rejects = pl.read_parquet(tmp_path / "run" / "customers" / "rejects")
    assert dict(rejects.select("reason", "record").iter_rows()) == {
        "not_kept": 3,
        "unmatched": 5,
        "malformed_line": 6,
    }
    assert any("1 of 6 lines (16.7%) have no row in" in note for file in joined for note in file.notes)
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["join-2"]


def lines(folder: Path, settings: job.Job, inputs: list[Path], *, memory: int) -> pl.DataFrame:
    scratch = folder / f"scratch-{memory}"
    scratch.mkdir()
    tables, _ = join_tables.find(settings)
    files = ingest.prepare(ingest.discover(inputs), settings.input, scratch, memory=10**9)
    out = join_tables.joined(files, tables, settings, scratch, memory=memory)
    groups = PreparedInput.of(out, settings).file_groups
    return (
        pl.concat(ingest.scan(group, rest=0).drop("rest", strict=False) for group in groups)
        .sort("file", "record")
        .collect()
    )


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_parts_of_a_table_give_the_same_lines(tmp_path: Path, kind: str) -> None:
    table = pl.DataFrame({"id": range(900), "who": [n % 7 for n in range(900)], "day": ["2024-03-01"] * 900})
    for name, some in (("a", range(0, 1000, 3)), ("b", range(500, 520))):
        df = pl.DataFrame({"order": some, "amount": [n + 0.5 for n in some], "note": ["x,y"] * len(some)})
        df.write_csv(tmp_path / f"{name}.csv") if kind == "csv" else df.write_parquet(
            tmp_path / f"{name}.parquet"
        )
    table.write_csv(tmp_path / "orders.txt")
    settings = job.Job.model_validate(
        {
            "columns": {
                "customer_id": "who",
                "ordered_at": "day",
                "line_amount": "amount",
                "order_id": "order",
            },
            "join": [
                {"path": str(tmp_path / "orders.txt"), "on": {"order": "id"}, "columns": ["who", "day"]}
            ],
        }
    )
    inputs = [tmp_path / f"a.{kind}", tmp_path / f"b.{kind}"]
    whole = lines(tmp_path, settings, inputs, memory=10**9)
    parted = lines(tmp_path, settings, inputs, memory=100_000)
    assert parted.equals(whole)
    assert len(whole) == 354
    assert whole["customer_id"].null_count() == sum(n >= 900 for n in range(0, 1000, 3))
    one = whole.filter(pl.col("order_id").cast(pl.String) == "519", pl.col("file") == 1)
    assert one.select("customer_id", "ordered_at").row(0) == (str(519 % 7), "2024-03-01")
    with pytest.raises(errors.BudgetError, match=r"900 rows need about .* MB in parts, the budget is"):
        lines(tmp_path, settings, inputs, memory=9_000)


REFUSED: dict[str, tuple[dict[str, str], str, str]] = {
    "a key twice": (
        {"orders.txt": "order,who\n1,a\n2,b\n1,c\n"},
        'on = "order"\ncolumns = ["who"]',
        "'order' has '1' more than once; expected one row for each",
    ),
    "no row for any line": (
        {"orders.txt": "order,who\nX1,a\n"},
        'on = "order"\ncolumns = ["who"]',
        "no line has a row in it: 'order' of the lines is like '1', 'order' of the table like 'X1'",
    ),
    "a column that the lines have too": (
        {"orders.txt": "order,date\n1,x\n"},
        'on = "order"\ncolumns = ["date"]',
        r"the lines have a column 'date' too: .* columns = \{ other = 'date' \}",
    ),
    "a key that the lines do not have": (
        {"orders.txt": "id,who\n1,a\n"},
        'on = "id"\ncolumns = ["who"]',
        "there is no column 'id' to join .*; columns: order, date, amount",
    ),
    "a column that the table does not have": (
        {"orders.txt": "order,who\n1,a\n"},
        'on = "order"\ncolumns = ["whom"]',
        r"no column 'whom' \(did you mean 'who'\?\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_joined_is_refused(tmp_path: Path, name: str) -> None:
    files, table, message = REFUSED[name]
    path = write(
        tmp_path,
        {"x.csv": "order,date,amount\n1,2024-03-01,5\n", **files},
        f'[columns]\ncustomer_id = "who"\n[[join]]\npath = "orders.txt"\n{table}\n',
    )
    with pytest.raises(errors.DataError, match=message):
        pipeline.inspect_input(tmp_path / "x.csv", job=path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"on": {"a": "b", "c": "d"}, "columns": ["x"]}, "names several columns; expected one"),
        ({"on": "a", "columns": []}, "at least 1"),
        ({"on": "a", "columns": ["x"], "path": "s3://user:secret@b/x"}, "credentials|password|secret"),
    ],
)
def test_a_bad_table_of_a_job_is_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.JobError, match=message):
        job.resolve("", {"join": [{"path": "x.csv", **table}]})


def test_two_tables_cannot_give_the_same_column() -> None:
    one = {"path": "x.csv", "on": "a", "columns": ["who"]}
    with pytest.raises(errors.JobError, match="who would be more than one column"):
        job.resolve("", {"join": [one, {**one, "path": "y.csv"}]})


def test_a_table_that_changes_makes_another_run(tmp_path: Path) -> None:
    path = write(tmp_path / "olist", OLIST, JOB)

    def mark() -> str:
        settings = job_file.load(path)
        plan = open_run.plan(
            tmp_path / "olist", settings, Places.given(tmp_path / "out"), budget=1, refresh="fit"
        )
        assert [Path(source.path).name for source in plan.sources] == ["olist_order_items_dataset.csv"]
        return plan.following(None, None).fingerprint

    before = mark()
    (tmp_path / "olist" / "olist_customers_dataset.csv").write_text("customer_id,customer_unique_id\nc1,u1\n")
    assert mark() != before
    assert re.fullmatch(r"\w+", before)
