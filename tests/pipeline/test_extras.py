"""Other tables by customer: read in any form, joined whatever the buckets, and refused where they cannot be right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segcore import errors, ingest, job
from segcore.lines import shuffle
from segcore.pipeline import inspect_input
from segcore.pipeline.core import job_file
from segcore.pipeline.customers import attributes
from segcore.pipeline.inspection import costs
from segcore.pipeline.lines import memory_plan
from segcore.progress import Progress
from tests.transaction_lines import line, write_csv

TABLE = """Customer;Age;Channel;Visits;Region
17850;34;web;1.234,5;1
12.0;;store;2,0;2
013;NULL;web;;
;50;phone;1,0;1
14;41;;10,0;2
"""
COLUMNS = ["Age", "Channel", "Visits", "Region"]
# By hand: ids as in a dump, NULL among numbers is nothing, a row without a customer is left out.
EXPECTED = pl.DataFrame(
    {
        "customer_id": ["17850", "12", "013", "14", "99"],
        "age": [34.0, None, None, 41.0, None],
        "channel": ["web", "store", "web", None, None],
        "visits": [1234.5, 2.0, None, 10.0, None],
        "region": ["1", "2", None, "2", None],
    }
)


def job_of(path: Path | str, *, matrix: dict[str, str] | None = None, **given: Any) -> job.Job:
    table = {"path": str(path), "key": "Customer", "columns": COLUMNS} | given
    columns = {"total_spend": "none", **({"region": "one-hot"} if matrix is None else matrix)}
    return job.resolve("", {"extra": [table], "matrix.columns": columns})


def write(
    folder: Path, asked: job.Job, *, memory: int = 10**9, progress: Progress | None = None
) -> list[str]:
    folder.mkdir(parents=True)
    said = progress or Progress(quiet=True)
    attributes.write_tables(folder, attributes.find(asked)[0], asked, memory=memory, progress=said)
    return said.warnings


def with_h(ids: list[str]) -> pl.DataFrame:
    df = pl.DataFrame({"customer_id": ids}, schema={"customer_id": pl.String})
    return df.with_columns(h=shuffle.hashed(0)).sort("h", "customer_id")


def joined(folder: Path, asked: job.Job, ids: list[str] | None = None) -> pl.DataFrame:
    """Write the tables and join them to some customers, in the order of the ids."""
    write(folder, asked)
    wanted = EXPECTED["customer_id"].to_list() if ids is None else ids
    found = attributes.join(with_h(wanted), folder).drop("h")
    return pl.DataFrame({"customer_id": wanted}).join(
        found, on="customer_id", how="left", maintain_order="left"
    )


def as_csv(path: Path) -> Path:
    path.write_text(TABLE, encoding="utf-8")
    return path


def as_latin_gzip(path: Path) -> Path:
    import gzip

    path.write_bytes(gzip.compress((TABLE + "77;1;Ladengeschäft;1,0;1\n").encode("latin-1")))
    return path


def as_parquet(path: Path) -> Path:
    pl.DataFrame(
        {
            "Customer": ["17850.0", " 12", "013", None, "14"],
            "Age": [34, None, None, 50, 41],
            "Channel": pl.Series(["web", "store", "web", "phone", None], dtype=pl.Categorical),
            "Visits": [1234.5, 2.0, None, 1.0, 10.0],
            "Region": [1.0, 2.0, None, 1.0, 2.0],
        }
    ).write_parquet(path)
    return path


def as_excel(path: Path) -> Path:
    import xlsxwriter

    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    rows: list[list[Any]] = [
        ["Customer", *COLUMNS],
        [17850, 34, "web", 1234.5, 1],
        [12, None, "store", 2, 2],
        ["013", None, "web", None, None],
        [None, 50, "phone", 1, 1],
        [14, 41, None, 10, 2],
    ]
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return path


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("table.csv", as_csv),
        ("table.csv.gz", as_latin_gzip),
        ("table.parquet", as_parquet),
        ("table.xlsx", as_excel),
    ],
)
def test_every_form_gives_the_same_features(tmp_path: Path, name: str, make: Any) -> None:
    found = joined(tmp_path / "out", job_of(make(tmp_path / name)))
    assert_frame_equal(found, EXPECTED)


def test_what_is_left_out_is_counted_and_said(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Customer,Age\n1,30\n2,30,9\n,30\n9007199254740993.0,30\n3,old\n4,n/a\n")
    asked = job_of(path, columns=["Age"], matrix={"age": "none"})
    said = write(tmp_path / "out", asked)
    assert [text.removeprefix(f"{path}: ") for text in said] == [
        "1 row(s) left out as malformed_line",
        "1 row(s) left out as missing_customer",
        "1 row(s) left out as unreadable_customer",
        "1 value(s) of 'Age' are no numbers, such as 'old', and are taken as missing",
    ]


def test_columns_of_dates_and_of_many_values_are_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = (
        f"{n},{n % 28 + 1}-12-19{n % 90 + 10},19{n % 90 + 10}0105,c{n}@x.org,{n}.25,s{n % 50}"
        for n in range(200)
    )
    path.write_text("\n".join(["Customer,Dob,Since,Mail,Income,Shop", *rows]) + "\n")
    columns = ["Dob", "Since", "Mail", "Income", "Shop"]
    asked = job_of(path, columns=columns, matrix={})
    said = write(tmp_path / "out", asked)
    assert [text.removeprefix(f"{path}: column ") for text in said] == [
        "'Dob' looks like dates, such as '1-12-1910': it is left out; expected numbers or a few categories; "
        'dob = "one-hot" in [matrix.columns] keeps it',
        "'Since' looks like dates, such as '19100105': it is left out; expected numbers or a few categories; "
        'since = "one-hot" in [matrix.columns] keeps it',
        "'Mail' has many values, 200 in 200 rows that were looked at, such as 'c0@x.org': it is left out; expected numbers or "
        'a few categories; mail = "one-hot" in [matrix.columns] keeps it',
    ]
    assert attributes.join(with_h(["7"]), tmp_path / "out").drop("h").row(0) == ("7", 7.25, "s7")
    kept = job_of(path, columns=columns, matrix={"since": "none", "mail": "one-hot", "dob": "one-hot"})
    assert write(tmp_path / "kept", kept) == []
    with pytest.raises(errors.DataError, match=r"'Mail' has many values, .*: name other columns in its"):
        write(tmp_path / "none", job_of(path, columns=["Mail"], matrix={}))


def test_the_time_that_is_told_counts_the_columns_of_tables_and_how_fast_the_machine_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "yardstick", lambda: 0.0195)
    dump = write_csv(
        tmp_path / "lines.csv", [line(CustomerID=str(n), InvoiceNo=str(n)) for n in range(2_000)]
    )
    path = tmp_path / "table.csv"
    path.write_text("Customer,Age,Shop\n" + "".join(f"{n},{n},s{n % 40}\n" for n in range(2_000)))
    asked = tmp_path / "job.toml"
    asked.write_text(f'[[extra]]\npath = "{path}"\nkey = "Customer"\ncolumns = ["Age", "Shop"]\n')
    times = [
        re.findall(r"time +(\d+) seconds to (\d+) (?:seconds|minutes)", inspect_input(dump, job=one))[0]
        for one in (None, asked)
    ]
    # By hand: 22 s, 14 ms a customer for five columns, 2.4 ms for each more: one for ages, twelve for shops.
    # The machine is twice as fast as the one where that was measured.
    assert times == [("13", "50"), ("28", "2")]


def test_a_column_is_numbers_only_if_all_of_it_is_or_the_job_says_so(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Customer,Age\n1,30\n2,old\n3,\n")
    ids = ["1", "2", "3"]
    looked = joined(tmp_path / "looked", job_of(path, columns=["Age"], matrix={}), ids)
    assert looked["age"].to_list() == ["30", "old", None]
    said = joined(tmp_path / "said", job_of(path, columns=["Age"], matrix={"age": "log1p"}), ids)
    assert said["age"].to_list() == [30.0, None, None]


@settings(max_examples=15)
@given(
    ids=st.lists(st.integers(1, 400).map(str), unique=True, min_size=1, max_size=60),
    customers=st.lists(st.integers(1, 400).map(str), unique=True, min_size=1, max_size=60),
    cuts=st.sampled_from([1, 2, 8]),
    memory=st.sampled_from([10**9, 2_000]),
)
def test_the_join_is_a_left_join_whatever_the_buckets(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str], customers: list[str], cuts: int, memory: int
) -> None:
    folder = tmp_path_factory.mktemp("join")
    table = pl.DataFrame({"Customer": ids, "Age": range(len(ids))})
    table.write_csv(folder / "table.csv")
    asked = job_of(folder / "table.csv", columns=["Age"], matrix={})
    write(folder / "extra", asked, memory=memory)
    everybody = with_h(customers)
    bucket = pl.col("h") // pl.lit((2**64 - 1) // cuts + 1, dtype=pl.UInt64) if cuts > 1 else pl.lit(0)
    parts = [attributes.join(everybody.filter(bucket == number), folder / "extra") for number in range(cuts)]
    expected = everybody.join(
        table.select(customer_id="Customer", age=pl.col("Age").cast(pl.Float64)),
        on="customer_id",
        how="left",
        maintain_order="left",
    )
    assert_frame_equal(pl.concat(parts), expected)


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        (
            "Customer,Age\n1,2\n1.0,3\n",
            {},
            r"customer '1' has 2 rows; expected one for each value of 'Customer'",
        ),
        (
            "Custmer,Age\n1,2\n",
            {},
            r"no column 'Customer' \(did you mean 'Custmer'\?\); columns: Age, Custmer",
        ),
        ("Customer,Agee\n1,2\n", {}, r"no column 'Age' \(did you mean 'Agee'\?\)"),
        ("Customer,Age,Age\n1,2,3\n", {}, "names 'Age' more than once"),
        ("Customer,Age\n,2\n", {}, "no row names a customer in 'Customer'"),
        ("Customer,Age\n", {}, "no row names a customer"),
        ("", {}, "the file is empty"),
        (
            "Customer,Age\n1,old\n",
            {"matrix": {"age": "log1p"}},
            r"holds text such as 'old'; .*age = \"one-hot\"",
        ),
        (
            'Customer,Age\n1,"1,234"\n2,5\n',
            {},
            r"column age: nothing decides whether the mark in '1,234' .*: set decimal in its \[\[extra\]\]",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_in_one_line(
    tmp_path: Path, text: str, given: dict[str, Any], message: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(errors.DataError, match=message) as caught:
        write(tmp_path / "out", job_of(path, columns=["Age"], **{"matrix": {}, **given}))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_decimal_mark_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('Customer,Age\n1,"1,234"\n2,5\n')
    asked = job_of(path, columns=["Age"], matrix={}, decimal=",")
    assert joined(tmp_path / "out", asked, ["1", "2"])["age"].to_list() == [1.234, 5.0]


def test_typed_columns_that_say_nothing_exact_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pl.DataFrame({"Customer": [2.0**53], "Age": [1]}).write_parquet(path)
    with pytest.raises(errors.DataError, match=r"ids in 'Customer' are floats \(float64\) of 2\^53 and more"):
        write(tmp_path / "ids", job_of(path, columns=["Age"], matrix={}))
    pl.DataFrame({"Customer": [1], "Age": [1]}).with_columns(pl.col("Age").cast(pl.Date)).write_parquet(path)
    with pytest.raises(errors.DataError, match="column 'Age' holds dates; expected numbers or categories"):
        write(tmp_path / "dates", job_of(path, columns=["Age"], matrix={}))


def test_coverage_counts_both_sides(tmp_path: Path) -> None:
    asked = job_of(as_csv(tmp_path / "table.csv"))
    write(tmp_path / "extra", asked)
    customers = attributes.join(with_h(["17850", "14", "98", "99"]), tmp_path / "extra")
    files = [tmp_path / f"part-{number}.parquet" for number in range(2)]
    for number, path in enumerate(files):
        customers.drop("h").slice(2 * number, 2).write_parquet(path)
    (found,) = attributes.cover(tmp_path / "extra", files, asked, Progress(quiet=True))
    assert (found["customers_with_row"], found["share"], found["rows_without_customer"]) == (2, 0.5, 2)
    assert {c["feature"]: c["customers"] for c in found["columns"]} == {
        "age": 2,
        "channel": 1,
        "visits": 2,
        "region": 2,
    }


def test_a_table_of_other_ids_is_refused(tmp_path: Path) -> None:
    asked = job_of(as_csv(tmp_path / "table.csv"))
    write(tmp_path / "extra", asked)
    attributes.join(with_h(["C-1"]), tmp_path / "extra").drop("h").write_parquet(tmp_path / "part-0.parquet")
    with pytest.raises(
        errors.DataError, match=r"no customer of the input has a row; .* the input like 'C-1'"
    ):
        attributes.cover(tmp_path / "extra", [tmp_path / "part-0.parquet"], asked, Progress(quiet=True))


def test_a_path_begins_at_the_job_file(tmp_path: Path) -> None:
    text = '[[extra]]\npath = "{}"\nkey = "id"\ncolumns = ["age"]\n'
    (tmp_path / "job.toml").write_text(text.format("table.csv"))
    assert job_file.load(tmp_path / "job.toml").extra[0].path == str(tmp_path / "table.csv")
    for whole in ("/srv/table.csv", "s3://bucket/table.csv"):
        (tmp_path / "job.toml").write_text(text.format(whole))
        assert job_file.load(tmp_path / "job.toml").extra[0].path == whole


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            '["Country"]',
            r"'country' cannot name the feature of column 'Country'.* columns = \{ another_name = 'Country' \}",
        ),
        ('["1st"]', "'1st' cannot name the feature"),
        ('["Ü"]', "'' cannot name the feature of column 'Ü'"),
        ('["Age", "age"]', "two become the same feature"),
        ('{ order_count = "orders" }', "'order_count' cannot name the feature of column 'orders'"),
        ("[]", "columns"),
    ],
)
def test_names_do_not_clash(columns: str, message: str) -> None:
    with pytest.raises(errors.JobError, match=message):
        job.resolve(f'[[extra]]\npath = "a"\nkey = "id"\ncolumns = {columns}')


def test_a_feature_comes_from_one_place() -> None:
    table = '[[extra]]\npath = "a"\nkey = "id"\ncolumns = ["age"]\n'
    with pytest.raises(errors.JobError, match="extra: age would be more than one feature; rename"):
        job.resolve(table + table)
    with pytest.raises(errors.JobError, match="extra: age would be more than one feature"):
        job.resolve(table + "[features.own]\nage = 'max(quantity)'")
    with pytest.raises(errors.JobError, match="order_count is a number: one-hot is for columns of"):
        job.resolve("[matrix]\ncolumns = { order_count = 'one-hot' }")
    with pytest.raises(errors.JobError, match=r"unknown key 'extra\.0\.colums' \(did you mean 'columns'\?\)"):
        job.resolve(table + "colums = 1")


def test_a_job_with_tables_survives_being_written(tmp_path: Path) -> None:
    asked = job_of(tmp_path / "table.csv", columns={"home": "Home country"}, matrix={"home": "one-hot"})
    assert job.resolve(job.to_toml(asked)) == asked


def test_an_inspection_says_what_the_columns_are(tmp_path: Path) -> None:
    as_csv(tmp_path / "table.csv")
    dump = write_csv(tmp_path / "lines.csv", [line(CustomerID=c) for c in ("17850.0", "14", "5", "6")])
    (tmp_path / "job.toml").write_text(
        '[[extra]]\npath = "table.csv"\nkey = "Customer"\ncolumns = ["Age", "Channel"]'
    )
    text = inspect_input(dump, job=tmp_path / "job.toml", write_job_to=tmp_path / "made.toml")
    assert f"{tmp_path / 'table.csv'}: 5 row(s), for 50.0% of the customers\n" in text
    assert "age          'Age'                    number\n" in text
    assert "channel      'Channel'                category\n" in text
    assert "1 row(s) left out as missing_customer" in text
    assert job_file.load(tmp_path / "made.toml").extra == job_file.load(tmp_path / "job.toml").extra


def test_the_budget_counts_what_categories_may_become() -> None:
    plain = job.Job()
    a_column = memory_plan.needed_for_models(plain) - memory_plan.needed_for_models(_without_one(plain))

    def columns(asked: job.Job) -> float:
        return (memory_plan.needed_for_models(asked) - memory_plan.needed_for_models(plain)) / a_column

    table = {"path": "a", "key": "id", "columns": ["age", "channel"]}
    assert columns(job.resolve("", {"extra": [table]})) == 2 * (10 + 2)
    assert columns(job.resolve("", {"extra": [{**table, "in_matrix": False}]})) == 0
    named = {**dict.fromkeys(plain.matrix.columns, "none"), "age": "none", "channel": "one-hot"}
    given = {"extra": [table], "matrix.columns": named, "matrix.max_categories": 3}
    assert columns(job.resolve("", given)) == 2 + (3 + 2)


def _without_one(settings: job.Job) -> job.Job:
    fewer = dict(list(settings.matrix.columns.items())[1:])
    return settings.model_copy(update={"matrix": settings.matrix.model_copy(update={"columns": fewer})})


def test_a_table_may_be_behind_a_url(tmp_path: Path) -> None:
    url = as_excel(tmp_path / "table.xlsx").as_uri()
    assert_frame_equal(joined(tmp_path / "out", job_of(url)), EXPECTED)


def test_sources_of_a_table_may_be_many(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    for number in range(3):
        (tmp_path / f"tables/{number}.csv").write_text(f"Customer,Age\n{number},{number}\n")
    asked = job_of(tmp_path / "tables", columns=["Age"], matrix={})
    assert joined(tmp_path / "out", asked, ["0", "1", "2"])["age"].to_list() == [0.0, 1.0, 2.0]
    assert len(ingest.discover([tmp_path / "tables"])) == 3
