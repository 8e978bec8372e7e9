"""Small inputs that are easily misread: each has its right value, or is refused in one line with its exit code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.ingest.test_odd_inputs import Make, complaint, given, raw
from tests.transaction_lines import through


@dataclass(frozen=True, kw_only=True)
class Right:
    """An input with a right answer.

    Attributes
    ----------
    spend : dict of str to float
        Of each customer.
    settings : dict
        Of the job.
    log : str
        A pattern of what a run warns of; empty where that does not matter.
    """

    name: str
    make: Make
    spend: dict[str, float]
    settings: dict[str, Any] = field(default_factory=dict)
    log: str = ""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """An input that is refused, with a pattern of the one line and the exit code; `job` is the text of a job file."""

    name: str
    make: Make
    message: str
    code: int = 65
    arguments: Sequence[str] = ()
    job: str = ""


def csv(*lines: str) -> Make:
    return raw(("\n".join(lines) + "\n").encode())


def spends(folder: Path) -> dict[str, float]:
    features = pl.read_parquet(folder / "customers" / "features")
    return dict(features.select("customer_id", "total_spend").iter_rows())


def twice(*names: str) -> Make:
    """Return a maker of one file, named in several ways."""

    def make(folder: Path) -> list[str]:
        csv(*ORDERS)(folder)
        (folder / "link.csv").symlink_to("x.csv")
        (folder / "hard.csv").hardlink_to(folder / "x.csv")
        return [f"{folder}/{name}" for name in names]

    return make


ORDERS = ("customer_id,order_id,date,amount", "a,1,2011-03-01,7.50", "b,2,2011-03-15,3.25")
BOTH = {"a": 7.5, "b": 3.25}

HEADERS: list[Right | Refused] = [
    Right(
        name="the index column of pandas",
        make=csv(
            ",customer_id,order_id,date,quantity,unit_price",
            "0,a,1,2011-03-01,2,3.75",
            "1,b,2,2011-03-15,1,3.25",
        ),
        spend=BOTH,
    ),
    Right(
        name="a separator behind every line",
        make=csv("customer_id,date,amount,", "a,2011-03-01,7.50,", "b,2011-03-15,3.25,"),
        spend=BOTH,
    ),
    Right(
        name="blanks behind every separator",
        make=csv("customer_id, date, amount", "a, 2011-03-01, 7.50", "b, 2011-03-15, 3.25"),
        spend=BOTH,
    ),
    Right(
        name="a padded name that nobody needs",
        make=csv("customer_id,date,amount,city ", "a,2011-03-01,7.50,Paris", "b,2011-03-15,3.25,Rome"),
        spend=BOTH,
    ),
    Right(
        name="a padded name in the job",
        make=csv("who ,date,amount", "a,2011-03-01,7.50", "b,2011-03-15,3.25"),
        spend=BOTH,
        settings={"columns__customer_id": "who "},
    ),
    Right(
        name="a quoted name that nobody needs",
        make=csv('customer_id,date,amount,"the, note"', "a,2011-03-01,7.50,x", "b,2011-03-15,3.25,y"),
        spend=BOTH,
    ),
    Right(
        name="a name twice that nobody needs",
        make=csv("note,customer_id,date,note,amount", "x,a,2011-03-01,y,7.50", '"x",b,2011-03-15,"y",3.25'),
        spend=BOTH,
    ),
    Right(
        name="a name twice in a text that is taken apart",
        make=csv("note,customer_id,date,note,amount", "x,a,2011-03-01,y,7.50", '"x,b,2011-03-15,y,3.25'),
        spend={"a": 7.5},
    ),
    Right(
        name="names of the reader's own",
        make=csv(
            "__record,customer_id,date,amount,__text",
            "9,a,2011-03-01,7.50,x",
            '8,b,2011-03-15,3.25,"two\nlines"',
        ),
        spend=BOTH,
    ),
    Refused(
        name="a needed name twice",
        make=csv("customer_id,date,amount,amount", "a,2011-03-01,7.50,8"),
        message="names amount more than once; rename one",
    ),
]

SAME_FILE: list[Right | Refused] = [
    Right(
        name=" and ".join(names),
        make=twice(*names),
        spend=BOTH,
        settings={"cleaning__duplicates": "keep"},
        log=r"1 file was named more than once, such as .*\w\.csv as .*\w\.csv: each is read once",
    )
    for names in (
        ("x.csv", "./x.csv"),
        (".", "x.csv"),
        ("x.csv", "link.csv"),
        ("hard.csv", "x.csv"),
        ("*.csv", "../given/x.csv"),
    )
]


def dated(*dates: str) -> Make:
    """Return a maker of orders of 1, 2, 3 ... by one customer each."""
    return csv(
        "customer_id,order_id,date,amount", *(f"c{n},{n},{date},{n}" for n, date in enumerate(dates, start=1))
    )


def priced(*prices: str) -> Make:
    return csv(
        "customer_id;order_id;date;quantity;price",
        *(f"c{n};{n};2011-03-01;1;{price}" for n, price in enumerate(prices, start=1)),
    )


TO_2026 = {"input__latest": "2026-11-26T00:00:00"}
THREE = {"c1": 1.0, "c2": 2.0, "c3": 3.0}

NUMBERS_AND_DATES: list[Right | Refused] = [
    Refused(
        name="three digits behind the point throughout",
        make=priced("125.000", "90.000", "75.500"),
        message=r"column unit_price: nothing decides whether the mark in '75.500' is a decimal one .* give --decimal",
    ),
    Refused(
        name="three digits behind the comma throughout",
        make=priced("1,234", "12,500"),
        message=r"give --decimal",
    ),
    Refused(
        name="quantities with three decimals, or thousands",
        make=csv("customer_id;order_id;date;quantity;price", "a;1;2011-03-01;2.000;5"),
        message=r"column quantity: nothing decides whether the mark in '2.000' .* give --decimal",
    ),
    Right(
        name="a million decides what the point means",
        make=priced("125.000", "1.250.000", "75.500"),
        spend={"c1": 125_000.0, "c2": 1_250_000.0, "c3": 75_500.0},
    ),
    Right(
        name="a zero before the point decides what it means",
        make=priced("125.000", "0.250"),
        spend={"c1": 125.0, "c2": 0.25},
    ),
    Right(
        name="the job decides what the point means",
        make=priced("125.000", "90.000"),
        spend={"c1": 125_000.0, "c2": 90_000.0},
        settings={"input__decimal": ","},
    ),
    *(
        Right(
            name=f"the year first, between {mark}",
            # The first may be 24 October 2005 and 5 October 2024, the last one only the 31st in 2023.
            make=dated(
                *(mark.join(date) for date in (("24", "10", "05"), ("24", "10", "13"), ("23", "10", "31")))
            ),
            spend=THREE,
            settings={**TO_2026, "features__window_from": "2023-10-31T00:00:00"},
        )
        for mark in "-/."
    ),
    Right(
        name="a two-digit year last, as a day beyond every year decides",
        make=dated("24.10.05", "31.10.05", "01.11.05"),
        spend=THREE,
        settings={**TO_2026, "features__as_of": "2005-11-02T00:00:00"},
    ),
    Right(
        name="a two-digit year last, as a month decides that is none",
        make=dated("10/24/05", "10/5/05", "11/1/05"),
        spend=THREE,
        settings={**TO_2026, "features__as_of": "2005-11-02T00:00:00"},
    ),
    Right(
        name="dates that no order explains decide nothing",
        make=dated("24.10.05", "31.10.05", "99.99.99", "00.00.00"),
        spend={"c1": 1.0, "c2": 2.0},
        settings=TO_2026,
    ),
    Refused(
        name="a two-digit year first or last",
        make=dated("24-10-05", "24-10-13"),
        message="dates like '24-10-05' may be day-first or year-first, and no line decides it: give --date-format",
    ),
    Refused(
        name="any of three first",
        make=dated("04-10-05"),
        message="may be day-first, month-first or year-first, and no line decides it",
    ),
    Refused(
        name="no order for all dates",
        make=dated("24-10-31", "31-10-24"),
        message="no order of day, month and year explains all dates: '24-10-31' cannot be day-first, .* --date-format",
    ),
    Right(
        name="the job decides what is first",
        make=dated("24-10-05", "24-10-13"),
        spend={"c1": 1.0, "c2": 2.0},
        settings={"input__date_format": "year-first", "features__window_from": "2024-10-01T00:00:00"},
    ),
]

ITEMS = "order_id,order_item_id,product_id,customer_id,order_date,price,quantity"


def table(name: str, df: pl.DataFrame) -> Make:
    def make(folder: Path) -> Path:
        df.write_parquet(folder / name)
        return folder

    return make


def both(*makers: Make) -> Make:
    def make(folder: Path) -> Path:
        for maker in makers:
            maker(folder)
        return folder

    return make


KINDS: dict[str, list[Any]] = {
    "number": [1, 2, 3],
    "list": [[1], [2], [3]],
    "bytes": [b"\xff", b"\xfe", b"x"],
    "day": [date(2011, 1, day) for day in (1, 2, 3)],
    "flag": [True, None, False],
}
LINES = pl.DataFrame(
    {"customer_id": ["a", "a", "b"], "date": ["2011-03-01"] * 3, "amount": ["2.50", "2.50", "3.25"]}
)

DUPLICATES: list[Right | Refused] = [
    Right(
        name="three units in three lines, told apart by a column without another use",
        make=csv(ITEMS, *(f"1,{item},p,a,2018-01-02,59.90,1" for item in (1, 2, 3))),
        spend={"a": 179.7},
    ),
    Right(
        name="one of three lines twice",
        make=csv(ITEMS, *(f"1,{item},p,a,2018-01-02,59.90,1" for item in (1, 2, 2))),
        spend={"a": 119.8},
    ),
    Right(
        name="told apart in lines with quotes",
        make=csv("note,customer_id,date,amount", *(f'"{note}",a,2011-03-01,2.50' for note in "xxy")),
        spend={"a": 5.0},
    ),
    Right(
        name="told apart in some lines with quotes",
        make=csv(
            "note,customer_id,date,amount",
            *(f"{note},a,2011-03-01,2.50" for note in ['"x"', "x", "y", *"0123456789ABCDEFGHIJ"]),
        ),
        spend={"a": 55.0},
    ),
    Right(
        name="told apart in a text that is taken apart",
        make=csv(
            "note,customer_id,date,amount", '"x\n""",a,2011-03-01,2.50', *["z,a,2011-03-01,2.50"] * 2, '"'
        ),
        spend={"a": 5.0},
        settings={"cleaning__max_reject_share": 1.0},
    ),
    Right(
        name="two columns of one name",
        make=csv("note,customer_id,date,amount,note", *(f"x,a,2011-03-01,2.50,{note}" for note in "xxy")),
        spend={"a": 5.0},
    ),
    Right(
        name="values that change places in two columns",
        make=csv("from,customer_id,date,amount,to", "x,a,2011-03-01,2.50,y", "y,a,2011-03-01,2.50,x"),
        spend={"a": 5.0},
    ),
    Right(
        name="the same line in files whose columns are in another order, and one has an empty one more",
        make=both(
            raw(b"note,shop,customer_id,date,amount\nx,y,a,2011-03-01,2.50\n", "1.csv"),
            raw(b"date;amount;shop;note;more;customer_id\n2011-03-01;2.50;y;x;;a\n", "2.csv"),
        ),
        spend={"a": 2.5},
    ),
    Right(
        name="told apart in Parquet, by every kind of column",
        make=both(
            *(
                table(f"{name}.parquet", LINES.with_columns(pl.Series(name, values)))
                for name, values in KINDS.items()
            )
        ),
        spend={"a": 25.0, "b": 16.25},
    ),
    Right(
        name="a text and a Parquet file with the same line",
        make=both(
            table(
                "1.parquet", LINES.with_columns(item=pl.Series([7, 7, 8]), note=pl.Series([None, None, "z"]))
            ),
            raw(b"item,note,customer_id,date,amount\n7,,a,2011-03-01,2.50\n", "2.csv"),
        ),
        spend={"a": 2.5, "b": 3.25},
    ),
    Right(
        name="items of an order twice in one export, and the order in the next export too",
        make=both(
            raw(
                b"note,customer_id,date,amount\n" + b"x,a,2011-03-01,2.50\n" * 2 + b"y,b,2011-03-01,3.25\n",
                "1.csv",
            ),
            raw(
                b"note,customer_id,date,amount\n" + b"x,a,2011-03-01,2.50\n" * 3 + b"z,b,2011-03-02,4.00\n",
                "2.csv",
            ),
        ),
        spend={"a": 7.5, "b": 7.25},
        settings={"cleaning__duplicates": "across-files"},
    ),
    Right(
        name="all of them count",
        make=csv("note,customer_id,date,amount", *["x,a,2011-03-01,2.50"] * 3),
        spend={"a": 7.5},
        settings={"cleaning__duplicates": "keep"},
    ),
]


def of(*customers: str, words: str = "") -> Make:
    """Return a maker of orders of 1, 2, 4, 8 ..., each by a customer."""
    return csv(
        "customer_id,order_id,date,amount,product",
        *(f"{who},{n},2011-03-01,{2**n}{words}" for n, who in enumerate(customers)),
    )


CUSTOMERS: list[Right | Refused] = [
    Right(
        name="words for nobody",
        make=of(
            "a", "NULL", "null", "Nan", "n/a", "#N/A", "None", "-", "\\N", " na ", "undefined", words=",p"
        ),
        spend={"a": 1.0},
    ),
    Right(
        name="words of the job for nobody",
        make=of("a", "NULL", "niemand", "NIEMAND", words=",p"),
        spend={"a": 1.0, "NULL": 2.0},
        settings={"input__null_values": ["Niemand"]},
    ),
    Right(
        name="words where an order has no number and a product no code",
        make=csv(
            "customer_id,order_id,date,amount,product_id",
            *(f"a,{word},2011-03-01,2.00,{word}" for word in ("NULL", "none")),
        ),
        spend={"a": 2.0},  # equal in every column
    ),
    Right(
        name="one customer in capitals, with blanks and other forms of letters",
        make=of("Ana@x.de", " ANA@X.DE", "Zoe\u0301  B", "zo\u00e9 b", words=",p"),
        spend={"ana@x.de": 3.0, "zo\u00e9 b": 12.0},
        settings={"cleaning__customer_case": "lower"},
    ),
    Right(
        name="excluded in whatever capitals",
        make=of("Ana", "GUEST", words=",p"),
        spend={"ana": 1.0},
        settings={"cleaning__customer_case": "lower", "cleaning__exclude_customers": ["Guest "]},
    ),
    Right(
        name="customers that differ in capitals alone, unless the job folds them",
        make=of("Ana", "ANA", "17", words=",p"),
        spend={"Ana": 1.0, "ANA": 2.0, "17": 4.0},
        log=r"1 customers differ from another one in capitals, .*: cleaning.customer_case = \"lower\"",
    ),
    *(
        Right(
            name=f"a customer by telephone where there is no mail, in {kind}",
            make=make,
            spend={"a@x": 1.0, "4917": 2.0, "b@x": 4.0},
            settings={"columns__customer_id": ["Mail", "Phone", "Name"]},
        )
        for kind, make in {
            "csv": csv(
                "Mail,Phone,Name,order_id,date,amount",
                "a@x,4915,Ann,1,2011-03-01,1",
                ",4917.0,Bob,2,2011-03-01,2",
                "b@x,,,3,2011-03-01,4",
                "N/A, ,NULL,4,2011-03-01,8",
            ),
            "parquet": table(
                "x.parquet",
                pl.DataFrame(
                    {
                        "Mail": ["a@x", None, "b@x", "N/A"],
                        "Phone": [4915.0, 4917.0, None, float("nan")],
                        "Name": ["Ann", "Bob", None, ""],
                        "order_id": [1, 2, 3, 4],
                        "date": ["2011-03-01"] * 4,
                        "amount": ["1", "2", "4", "8"],
                    }
                ),
            ),
        }.items()
    ),
    Refused(
        name="a column for those without mail that is not there",
        make=csv("Mail,order_id,date,amount", "a@x,1,2011-03-01,1"),
        message="maps customer_id_2 to 'Phone', which is not there",
        arguments=("--job", "by-mail.toml"),
    ),
    Right(
        name="lines of totals",
        make=of("a", "b", "Grand Total", "TOTAL", words=",p"),
        spend={"a": 1.0, "b": 2.0},
    ),
    Refused(
        name="ids that a spreadsheet rounded",
        make=of("8.80123E+11", "8.80124E+11", "17", words=",p"),
        message=r"customer ids such as '8\.80123E\+11' are in scientific notation, .* export the column as text",
    ),
    Right(
        name="ids with an E in them",
        make=of("8E11", "E+11", "1E+x", words=",p"),
        spend={"8E11": 1.0, "E+11": 2.0, "1E+x": 4.0},
    ),
    Right(
        name="a guest account that is called like one",
        make=csv(
            "customer_id,order_id,date,amount",
            *(
                f"{who},{n},2011-03-01,1"
                for n, who in enumerate(["Guest checkout"] * 3 + [f"c{n}" for n in range(97)])
            ),
        ),
        spend={"Guest checkout": 3.0, **{f"c{n}": 1.0 for n in range(97)}},
        log=r"one customer, called like nobody \('Guest'\), has 3% of all lines; if it is a guest account",
    ),
    Right(
        name="much of the money is nobody's",
        make=csv(
            "customer_id,order_id,date,amount",
            *(f"c{n},{n},2011-03-01,1" for n in range(9)),
            ",9,2011-03-01,5",
        ),
        spend={f"c{n}": 1.0 for n in range(9)},
        log="lines without a customer hold 10% of all lines and 36% of the money",
    ),
]


def with_map(*rows: str) -> Make:
    """Return a maker of some orders, beside a folder with a map of ids."""

    def make(folder: Path) -> Any:
        (folder / "maps").mkdir()
        csv(*rows)(folder / "maps")
        return csv(*ORDERS)(folder)

    return make


OFF = csv("customer_id,order_id,date,amount,off", "a,1,2011-03-01,7.50,1", "a,1,2011-03-01,3.25,2")
MAP = '[customers]\nmap = "given/maps/x.csv"\n'

MONEY_AND_PEOPLE: list[Right | Refused] = [
    Refused(
        name="two discounts of one order",
        make=OFF,
        job='[cleaning]\norder_discount = "off"\n',
        message=r"cleaning.order_discount = 'off': 1 or more orders, .* have different values .* cleaning.line_discount",
    ),
    Refused(
        name="a discount in a column that is not there",
        make=OFF,
        job='[cleaning]\nline_discount = "of"\n',
        message="cleaning.line_discount names 'of', which is not there .did you mean 'off'",
    ),
    Refused(
        name="weights by thousandths throughout",
        make=csv("customer_id,date,quantity,unit_price", "a,2011-03-01,1.710,2", "b,2011-03-01,2.500,3"),
        job="[cleaning]\nquantity_decimals = 3\n",
        message=r"column quantity: nothing decides whether the mark in '1.710' is a decimal one .* --decimal",
    ),
    Refused(
        name="an id of two persons",
        make=with_map("id,person", "a,x", "a,y"),
        job=MAP,
        message=r"1 id\(s\) are mapped to several persons, such as 'a' to x, y; expected one each",
    ),
    Refused(
        name="a person that is mapped on",
        make=with_map("id,person", "a,b", "b,c"),
        job=MAP,
        message=r"1 id\(s\) are mapped to one that is mapped on, such as 'a' to 'b' and that to 'c'",
    ),
    Refused(name="a map that is not there", make=csv(*ORDERS), job=MAP, message="maps/x.csv", code=66),
    Refused(
        name="a zone to shift from without one to shift to",
        make=csv(*ORDERS),
        job='[input]\nsource_zone = "UTC"\n',
        message="source_zone = 'UTC' needs the zone to express times in: set time_zone",
        code=78,
    ),
]

NEEDED = "customer_id,order_id,date,quantity,unit_price"
CODES = "currency_rates = . EUR = .*, USD = "
COUNTED: list[Right | Refused] = [
    *(
        Refused(
            name=f"two currencies, {how}",
            make=csv(f"customer_id,order_id,date,amount{name}", *lines),
            message=rf"money is in 2 currencies \(EUR in 2 lines, USD in 1 lines\); .*{CODES}",
        )
        for how, name, lines in (
            ("by signs", "", ("a,1,2011-03-01,€5", "b,2,2011-03-02,$7", "b,2,2011-03-02,€9")),
            (
                "in a column of that name",
                ",currency",
                ("a,1,2011-03-01,5,EUR", "b,2,2011-03-02,7,USD", "b,2,2011-03-02,9,EUR"),
            ),
            (
                "in a column that looks like it",
                ",cur",
                ("a,1,2011-03-01,5,EUR", "b,2,2011-03-02,7,USD", "b,2,2011-03-02,9,EUR"),
            ),
        )
    ),
    Right(
        name="a column with a code that is no currency's",
        make=csv(
            "customer_id,order_id,date,amount,from,size",
            "a,1,2011-03-01,7.50,USA,ALL",
            "b,2,2011-03-02,3.25,USD,TOP",
        ),
        spend=BOTH,
    ),
    Right(
        name="a return with two minus signs",
        make=csv(NEEDED, "a,1,2011-03-01,2,3.75", "a,2,2011-03-02,-1,-3.75", "b,3,2011-03-15,1,3.25"),
        spend=BOTH,
    ),
    Refused(
        name="weights, where the job reads none",
        make=csv(NEEDED, "a,1,2011-03-01,1.71,2", "b,2,2011-03-01,0.5,3"),
        message=r"no purchase left: .* 2 quantities could not be read .*: those with decimals, .* cleaning.quantity_decimals;",
    ),
    Right(
        name="finer prices than the job reads",
        make=csv(NEEDED, "a,1,2011-03-01,1,7.5", "b,2,2011-03-01,1,3.25", "c,3,2011-03-01,1,8.403361"),
        spend=BOTH,
        log=r"1 prices could not be read \(unreadable_unit_price\): .* cleaning.money_decimals, or \"auto\"",
    ),
    Right(
        name="an amount that is not quantity times price",
        make=csv(f"{NEEDED},amount", "a,1,2011-03-01,2,5,7.50", "b,2,2011-03-15,1,3.25,3.25"),
        spend=BOTH,
    ),
    Right(
        name="days that stand for none",
        make=csv(
            "customer_id,order_id,date,amount",
            *ORDERS[1:],
            "c,3,1970-01-01,8",
            "c,4,0000-00-00,8",
            "c,5,1970-01-01 00:00:00,8",
        ),
        spend=BOTH,
        settings={"cleaning__max_reject_share": 1.0},
    ),
    Refused(
        name="days as Excel counts them, some with a time of day",
        make=csv("customer_id,order_id,date,amount", "a,1,45352,5", "b,2,45353.5,6", "b,2,45354.25,6"),
        message="dates like '45352' may be days as Excel counts them: give --date-format excel-days",
    ),
    *(
        Right(
            name=f"years of four digits and of two, {kind}",
            make=csv(
                "customer_id,order_id,date,amount",
                *(f"a,{n},{day}{mark}{month}{mark}2011 9:30,1" for n, day in enumerate(range(13, 20))),
                f"b,9,20{mark}{month}{mark}11 9:30,2",
            ),
            spend={"a": 7.0, "b": 2.0},
            settings={"features__window_from": "2011-03-13", "features__as_of": "2011-03-21"},
        )
        for kind, month, mark in (("a word", "Mar", "-"), ("in full", "March", " "), ("numbers", "03", "/"))
    ),
]

CASES = [*COUNTED, *MONEY_AND_PEOPLE, *CUSTOMERS, *NUMBERS_AND_DATES, *DUPLICATES, *HEADERS, *SAME_FILE]


@pytest.mark.parametrize("case", [case for case in CASES if isinstance(case, Right)], ids=lambda c: c.name)
def test_what_has_one_meaning_is_read_right(tmp_path: Path, case: Right) -> None:
    made = given(tmp_path, case.make)
    inputs = [made] if isinstance(made, str | Path) else made
    account = through(inputs, tmp_path / "run", **case.settings)
    assert spends(tmp_path / "run") == case.spend
    assert re.search(case.log, "\n".join(account["warnings"]))


@pytest.mark.parametrize("case", [case for case in CASES if isinstance(case, Refused)], ids=lambda c: c.name)
def test_what_has_two_meanings_is_refused(
    tmp_path: Path, case: Refused, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made = given(tmp_path, case.make)
    monkeypatch.chdir(tmp_path)
    Path("by-mail.toml").write_text('[columns]\ncustomer_id = ["Mail", "Phone"]\n')
    arguments = list(case.arguments)
    if case.job:
        Path("job.toml").write_text(case.job)
        arguments += ["--job", "job.toml"]
    assert re.search(case.message, complaint(made, case.code, arguments, monkeypatch, capfd))
