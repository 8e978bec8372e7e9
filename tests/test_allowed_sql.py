"""SQL of a job: what is allowed means what it means to Polars alone, and nothing else ever reaches Polars."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import tomli_w
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segcore import errors, expressions, job

SECRET = "root:x:0:0:SECRET"
LINES = pl.DataFrame(
    {
        "quantity": [1, -2, 3, None, 40],
        "unit_price": [1.5, 2.25, None, 0.0, -7.0],
        "description": ["LAMP", "it's", '"red" lamp', None, "10% off -- /* x */"],
        "ordered_at": pl.Series([0, 10**15, 1_300_000_000_000_000, None, 5]).cast(pl.Datetime("us")),
        "Line No": [1, 2, 3, 4, 5],
        'od"d': ["a", "b", "a", "b", None],
    }
)
WORDS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(\w+)""")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text(f"{SECRET}\n{SECRET}\n")
    pl.DataFrame({SECRET: [1]}).write_parquet(tmp_path / "secret.parquet")
    return path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that must hear nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


ATTACKS = [
    "(SELECT max(1) FROM read_csv('{file}'))",
    "(select max(1) from READ_CSV('{file}'))",
    "sum(quantity) + (SELECT count(*) FROM read_parquet('{folder}/secret.parquet'))",
    "(SELECT * FROM read_csv('{url}/x.csv'))",
    "(SELECT * FROM read_json('{url}/x.json'))",
    "(SELECT * FROM read_ipc('{file}'))",
    "(SELECT * FROM '{file}')",
    "(WITH t AS (SELECT * FROM read_csv('{file}')) SELECT * FROM t)",
    "(TABLE x)",
    "(VALUES (1))",
    "(FROM read_csv('{file}'))",
    "EXISTS (SELECT 1 FROM read_csv('{file}'))",
    "NOT EXISTS(SELECT 1 FROM read_csv('{file}'))",
    "quantity IN (SELECT 1 FROM read_csv('{file}'))",
    "quantity = ANY (SELECT 1 FROM read_csv('{file}'))",
    "quantity > ALL(SELECT 1 FROM read_csv('{file}'))",
    "ARRAY(SELECT 1 FROM read_csv('{file}'))",
    "CASE WHEN (SELECT 1 FROM read_csv('{file}')) THEN 1 END",
    "CAST((SELECT 1 FROM read_csv('{file}')) AS INT)",
    "EXTRACT(year FROM (SELECT 1 FROM read_csv('{file}')))",
    "sum(quantity) FILTER (WHERE (SELECT 1 FROM read_csv('{file}')))",
    "quantity BETWEEN 1 AND (SELECT 1 FROM read_csv('{file}'))",
    "INTERVAL (SELECT 1 FROM read_csv('{file}'))",
    "read_csv('{file}')",
    "\"read_csv\"('{file}')",
    "`read_csv`('{file}')",
    "sum(quantity) /* */ + (SELECT 1 FROM read_csv('{file}'))",
    "sum(quantity) -- (\n + (SELECT 1 FROM read_csv('{file}'))",
    "sum(quantity); SELECT * FROM read_csv('{file}')",
    "sum(quantity), (SELECT 1 FROM read_csv('{file}'))",
    "'\\' || (SELECT 1 FROM read_csv('{file}')) || '",
    "'it''s' || (SELECT 1 FROM read_csv('{file}'))",
    "E'\\'' || (SELECT 1 FROM read_csv('{file}')) || ''",
    "$$ ' $$ || (SELECT 1 FROM read_csv('{file}')) || $$ ' $$",
    '"quantity""" + (SELECT 1 FROM read_csv(\'{file}\'))',
    "[(SELECT 1 FROM read_csv('{file}'))]",
    "{{'a': (SELECT 1 FROM read_csv('{file}'))}}",
    "COLUMNS('.*')",
    "quantity.read_csv('{file}')",
    "pl.read_csv('{file}')",
    "sum(quantity) OVER (ORDER BY (SELECT 1 FROM read_csv('{file}')))",
    "S\u0000ELECT 1",
    "\uff08SELECT 1 FROM read_csv('{file}')\uff09",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_reads_or_calls_out_never_reaches_polars(
    attack: str, secret: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polars.sql_expr", lambda text: pytest.fail(f"Polars was given {text}"))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    text = attack.format(file=secret, folder=secret.parent, url=url)
    with pytest.raises(errors.JobError, match=r"^run/job\.toml: features: x: ") as caught:
        job.resolve(tomli_w.dumps({"features": {"own": {"x": text}}}), source="run/job.toml")
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(TimeoutError):
        listener.accept()


def test_polars_alone_does_read_while_it_parses(secret: Path) -> None:
    """If this ends, the check may be simpler."""
    with pytest.raises(pl.exceptions.PolarsError, match=SECRET):
        LINES.select(pl.sql_expr(f"(SELECT * FROM read_csv('{secret}') WHERE nothing = 1)"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ends too early"),
        ("sum(quantity", "ends too early"),
        ("CASE WHEN quantity > 1 THEN 2", "ends too early"),
        ("quantity)", r"'\)' at character 9 is not expected there"),
        (
            "(SELECT 1)",
            "'SELECT' at character 2 is not expected there; an expression is made of columns, values",
        ),
        ("summ(quantity)", r"unknown function 'summ' \(did you mean 'sum'\?\)$"),
        ("read_csv('x')", "unknown function 'read_csv'; there are abs, .*, year"),
        ("now()", "unknown function 'now'"),
        ("quantitty", r"unknown column 'quantitty' \(did you mean 'quantity'\?\); there are Line No, "),
        ("Quantity", r"unknown column 'Quantity' \(did you mean 'quantity'\?\)"),
        ("CAST(quantity AS INTEGR)", r"unknown type 'INTEGR' at character 18 \(did you mean 'INTEGER'\?\)"),
        ("quantity -- one", "'-- one' at character 10: an expression holds no comment"),
        ("quantity /* one */", "an expression holds no comment"),
        ("quantity; quantity", r"'; quantity' at character 9 is not allowed"),
        ("quantity # 1", "'# 1' at character 10 is not allowed"),
        ("quantity\x1b[31m", r"'\[31m' at character 9 is not allowed"),
        # Polars would take these as names for the result, and give something else than was asked for.
        ("sum(quantity) total", "'total' at character 15 is not expected there"),
        ("sum(quantity) AS total", "'AS' at character 15 is not expected there"),
        ("quantity NOTNULL", "'NOTNULL' at character 10 is not expected there"),
        ("quantity NOT NULL", "'NULL' at character 14 is not expected there"),
        ("'abc' 'def'", "\"'def'\" at character 7 is not expected there"),
        ("sum(*)", r"'\*' at character 5 is not expected there"),
        ("greatest()", r"'\)' at character 10 is not expected there"),  # Polars panics
        ("ca\u017fe when", "unknown column"),  # its capital is an S
        ("100L", "'100L' at character 1 is not allowed"),
        ("1_000", "'1_000' at character 1 is not allowed"),
        ("case", "ends too early"),
        ("'open", '"\'open" at character 1 is not allowed'),
        ("(" * 31 + "1" + ")" * 31, "is nested more than 30 levels deep at character 31"),
        ("NOT " * 31 + "TRUE", "is nested more than 30 levels deep"),
        ("CASE WHEN TRUE THEN " * 31 + "1" + " END" * 31, "is nested more than 30 levels deep"),
        ("1" + " + 1" * 1000, "is longer than 2,000 words and signs"),
    ],
)
def test_what_is_not_allowed_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        expressions.checked(text, LINES.columns)
    assert str(caught.value).isprintable()


def test_a_column_that_polars_reads_as_a_pattern_cannot_be_named() -> None:
    for name in ("*", "^q.*$"):
        with pytest.raises(ValueError, match="cannot be named: Polars reads a pattern in it"):
            expressions.checked(f'"{name}"', [name])


def test_columns_are_named_as_they_are() -> None:
    names = ["Invoice No", "select", 'a "b"', "quantity", "date"]
    text = '"Invoice No" = 1 AND `select` = "a ""b""" AND quantity = date'
    assert (
        expressions.checked(text, names)
        == '"Invoice No" = 1 AND "select" = "a ""b""" AND "quantity" = "date"'
    )


# Expressions made of all that is allowed, in many spellings.

NUMBERS = st.sampled_from(["0", "1", "2.5", ".5", "1e3", "40", "3."])
TEXTS = st.sampled_from(["'LAMP'", "'it''s'", "'%lamp%'", "'(SELECT 1)'", "'-- x'", "''", "'\\'", "'a;b'"])
COLUMNS = st.sampled_from(
    ["quantity", "unit_price", "description", "ordered_at", '"Line No"', '`od"d`', '"od""d"', '"quantity"']
)
SIGNS = st.sampled_from(
    [
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "=",
        "==",
        "<>",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "<=>",
        "||",
        "&",
        "|",
        "AND",
        "or",
        "XOR",
    ]
)
TYPES = st.sampled_from(["INT", "double precision", "Varchar", "DECIMAL(10, 2)", "date", "boolean", "float8"])
ONE = sorted(expressions.FUNCTIONS - {"pi"})


def spaced(*parts: str | st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    gap = st.sampled_from([" ", "\n", "\t ", "  "])
    whole = [part if isinstance(part, st.SearchStrategy) else st.just(part) for part in parts]
    return st.tuples(gap, *whole).map(lambda drawn: drawn[0].join(drawn[1:]))


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        spaced(inner, SIGNS, inner),
        st.tuples(inner, st.sampled_from(["+", "*", "=", "<=", "||", "-"]), NUMBERS).map("".join),
        spaced("(", inner, ")"),
        spaced(st.sampled_from(["NOT", "-", "not", "- -"]), inner),
        spaced(inner, st.sampled_from(["IS NULL", "is not null", "IS TRUE", "IS NOT FALSE"])),
        spaced(inner, st.sampled_from(["IN", "not in"]), "(", inner, ",", NUMBERS, ")"),
        spaced(inner, st.sampled_from(["BETWEEN", "NOT BETWEEN"]), NUMBERS, "AND", inner),
        spaced(inner, st.sampled_from(["LIKE", "not like", "ILIKE", "RLIKE", "REGEXP"]), TEXTS),
        spaced(inner, "IS DISTINCT FROM", inner),
        spaced("CASE WHEN", inner, "THEN", inner, "ELSE", inner, "END"),
        spaced("case", inner, "when", NUMBERS, "then", inner, "end"),
        spaced("CAST(", inner, "AS", TYPES, ")"),
        spaced("TRY_CAST(", inner, "AS", TYPES, ")"),
        st.tuples(inner, st.just("::"), TYPES).map("".join),
        spaced("EXTRACT(", st.sampled_from(["year", "ISODOW"]), "FROM", inner, ")"),
        st.tuples(st.sampled_from(ONE), inner).map(lambda drawn: f"{drawn[0].upper()}({drawn[1]})"),
        st.tuples(st.sampled_from(ONE), inner, NUMBERS | TEXTS).map(
            lambda drawn: f"{drawn[0]} ({drawn[1]}, {drawn[2]})"
        ),
        spaced("count(DISTINCT", inner, ")"),
        spaced("sum(", inner, ") FILTER (WHERE", inner, "> 0)"),
    )


DATES = st.sampled_from(
    ["DATE '2011-12-09'", "timestamp '2011-12-09 12:50:00'", "INTERVAL '1 day'", "count(*)", "pi()"]
)
ALLOWED = st.recursive(
    COLUMNS | NUMBERS | TEXTS | DATES | st.sampled_from(["TRUE", "null"]), larger, max_leaves=6
)


def outcome(text: str) -> tuple[object, ...]:
    try:
        got = LINES.select(pl.sql_expr(text).alias("value"))["value"]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as exc:
        return type(exc), type(exc)
    return got.dtype, repr(got.to_list())


@settings(max_examples=400)
@given(ALLOWED)
@example("quantity - -2")
@example("-quantity-2.5")
@example("quantity BETWEEN 1 AND 3 AND unit_price > 0 OR description LIKE '%LAMP%'")
@example("(((quantity))) // 2")
def test_what_is_allowed_gives_what_it_gives_to_polars_alone(text: str) -> None:
    assert outcome(expressions.checked(text, LINES.columns)) == outcome(text)


FRAGMENTS = st.sampled_from(
    [
        *(
            "(",
            ")",
            "'",
            "''",
            '"',
            "`",
            "\\",
            "$$",
            "--",
            "/*",
            "*/",
            ";",
            ",",
            "\n",
            "\0",
            "[",
            "]",
            "{",
            "}",
            "::",
        ),
        *(
            "SELECT",
            "FROM",
            "WITH",
            "VALUES",
            "TABLE",
            "AS",
            "EXISTS",
            "IN",
            "E'",
            "N'",
            "U&'",
            "X'",
            "quantity",
            "1",
        ),
        *(
            "read_csv(",
            "read_parquet(",
            "'FILE'",
            "sum(",
            "CASE WHEN",
            "THEN",
            "END",
            "+",
            "=",
            "OVER",
            "*",
            "||",
        ),
    ]
)


@settings(max_examples=500)
@given(st.lists(FRAGMENTS, max_size=14), st.booleans())
@example(["'\\'", "||", "(", "SELECT", "1", "FROM", "read_csv(", "'FILE'", ")", ")", "||", "'"], True)
def test_nothing_but_allowed_words_is_handed_on_outside_of_texts(parts: list[str], wide: bool) -> None:
    text = (" " if wide else "").join(parts)
    try:
        sql = expressions.checked(text, LINES.columns)
    except ValueError:
        return
    words = {word.upper() for word in WORDS.findall(sql) if word}
    assert not words & {"SELECT", "WITH", "VALUES", "TABLE", "EXISTS", "READ_CSV", "READ_PARQUET", "OVER"}
    outcome(sql)
