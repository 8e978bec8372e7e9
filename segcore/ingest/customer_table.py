"""Tables with one row for each customer: their columns, each given its type as a whole.

A column is one of numbers if all of its values are, or if the job says so; else one of categories. Lazy frames in,
lazy frames out: nothing here collects, so errors surface where the result is collected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from segcore import errors, job
from segcore.ingest.customer_ids import customer
from segcore.ingest.file_group import FileGroup
from segcore.ingest.grouping import group_by_header
from segcore.ingest.number_formats import Numbers
from segcore.ingest.prepared import Prepared
from segcore.ingest.scan import scan
from segcore.ingest.values import LIKE_A_NUMBER, as_text, number, trimmed, with_bare

_DATE = (
    r"^(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T].*)?|\d{1,2}[-/. ]\p{L}{3,}[-/.]? ?\d{2,4}|(?:19|20)\d\d(?:0[1-9]|1[0-2])"
    r"(?:0[1-9]|[12]\d|3[01]))$"
)
_NEARLY_ALL = 0.9
_MANY_VALUES, _MANY_SHARE = 50, 0.1  # of a column of categories, at least

# Why a row is left out, in the order in which the first that applies is named.
LEFT_OUT = ("malformed_line", "undecodable_text", "missing_customer", "unreadable_customer")


def group_files(files: Sequence[Prepared], table: job.Extra) -> list[FileGroup]:
    """Group a table's files by header; the key is called ``customer_id``, the other columns by their features.

    Raises
    ------
    segcore.errors.DataError
        If a column is not there, or holds dates.
    """
    wanted = {"customer_id": table.key, **table.features}
    groups = groups_with(files, wanted)
    for group in groups:
        for name, dtype in group.dtypes.items():
            if dtype.is_temporal():
                raise errors.DataError(
                    f"{group.files[0].source.name}: column {wanted[name]!r} holds dates; expected numbers or categories"
                )
    return groups


def groups_with(files: Sequence[Prepared], wanted: Mapping[str, str]) -> list[FileGroup]:
    """Group files by header, with some of their columns.

    Parameters
    ----------
    files : sequence of Prepared
    wanted : mapping of str to str
        What a column is called to its name in the files.

    Raises
    ------
    segcore.errors.DataError
        If a column is not there.
    """

    def assign(own: Sequence[str], folders: Sequence[str], where: str) -> Mapping[str, str]:
        header = [*own, *folders]
        for column in wanted.values():
            if column not in header:
                raise errors.DataError(
                    f"{where}: there is no column {column!r}{errors.did_you_mean(column, header)}; "
                    f"columns: {errors.listing(header)}"
                )
            if header.count(column) > 1:
                raise errors.DataError(
                    f"{where}: the header names {column!r} more than once; rename one of them"
                )
        return wanted

    return group_by_header(files, assign)


def rows(group: FileGroup, features: Sequence[str], settings: job.Job) -> pl.LazyFrame:
    """Return the rows of a group of files, each column also as the text that it is written as, and why a row is left out.

    Returns
    -------
    polars.LazyFrame
        What :func:`segcore.ingest.scan` returns, and ``text_*`` (trimmed, null where nothing is given) and ``left_out``.
    """
    names = ["customer_id", *features]
    lf = scan(group, names).with_columns(
        as_text(name, group.dtypes[name]).alias(f"text_{name}") for name in names
    )
    lf = with_bare(lf, group.dtypes, names).with_columns(
        trimmed(name, settings.input.null_texts).alias(f"text_{name}") for name in names
    )
    key = customer(group.dtypes["customer_id"], settings)
    why = dict(
        zip(
            LEFT_OUT,
            (pl.col("malformed"), pl.col("undecodable"), pl.col("text_customer_id").is_null(), key.is_null()),
            strict=True,
        )
    )
    return lf.with_columns(
        customer_id=key,
        left_out=pl.coalesce(pl.when(condition).then(pl.lit(name)) for name, condition in why.items()),
    )


def contents(lf: pl.LazyFrame, group: FileGroup, features: Sequence[str]) -> pl.LazyFrame:
    """Count what the values of each feature are: ``feature, given, numbers, example`` of what is no number.

    Parameters
    ----------
    lf : polars.LazyFrame
        As :func:`rows` returns it.
    """
    parts = []
    for name in features:
        text = pl.col(f"text_{name}")
        given = text.is_not_null()
        like = given if group.dtypes[name].is_numeric() else given & text.str.contains(LIKE_A_NUMBER)
        parts.append(
            lf.filter(pl.col("left_out").is_null()).select(
                feature=pl.lit(name),
                given=given.sum(),
                numbers=like.sum(),
                example=text.filter(given & ~like).min(),
            )
        )
    return pl.concat(parts)


def drawn(lf: pl.LazyFrame, features: Sequence[str], rows: int, *, most: int) -> pl.LazyFrame:
    """Return the texts of some rows, drawn by the hash of their customer: whatever the files' order, the same ones.

    Parameters
    ----------
    lf : polars.LazyFrame
        As :func:`rows` returns it.
    features : sequence of str
    rows, most : int
        How many there are, and about how many are wanted.
    """
    below = min(2**64 - 1, 2**64 * most // max(rows, 1))
    some = lf.filter(
        pl.col("left_out").is_null(), pl.col("customer_id").hash() <= pl.lit(below, dtype=pl.UInt64)
    )
    return some.select(pl.col(f"text_{name}").alias(name) for name in features)


def unfit(texts: pl.Series) -> str:
    """Return why a column of texts is of no use as numbers or categories; empty where it may be of some.

    Examples
    --------
    >>> unfit(pl.Series(["27-12-1988", "1-2-90", None]))
    "looks like dates, such as '1-2-90'"
    >>> unfit(pl.Series([f"{n}@example.org" for n in range(99)]))
    "has many values, 99 in 99 rows that were looked at, such as '0@example.org'"
    >>> unfit(pl.Series(["north", "south"] * 50))
    ''
    """
    given = texts.drop_nulls()
    if given.is_empty():
        return ""
    if given.str.contains(_DATE).sum() >= _NEARLY_ALL * len(given):
        return f"looks like dates, such as {given.min()!r}"
    values = given.n_unique()
    if values > max(_MANY_VALUES, _MANY_SHARE * len(given)) and not given.str.contains(LIKE_A_NUMBER).all():
        return (
            f"has many values, {values:,} in {len(given):,} rows that were looked at, such as {given.min()!r}"
        )
    return ""


def only_numbers(lf: pl.LazyFrame, group: FileGroup, features: Sequence[str]) -> pl.LazyFrame:
    """Return the rows with the texts of some features, null where they are nothing like a number."""
    texts = [name for name in features if group.dtypes[name] == pl.String]
    text = {name: pl.col(f"text_{name}") for name in texts}
    return lf.with_columns(
        pl.when(text[name].str.contains(LIKE_A_NUMBER)).then(text[name]).alias(name) for name in texts
    )


def values(
    lf: pl.LazyFrame, group: FileGroup, features: Sequence[str], numbers: Mapping[str, Numbers]
) -> pl.LazyFrame:
    """Give every feature its type.

    Parameters
    ----------
    lf : polars.LazyFrame
        As :func:`rows` returns it.
    group : FileGroup
    features : sequence of str
    numbers : mapping of str to Numbers
        The features that are numbers, and how they are written.

    Returns
    -------
    polars.LazyFrame
        ``customer_id``, ``left_out``; the features, Float64 or text; ``unreadable_*`` of those that are numbers: the
        text that is none.
    """
    typed = {
        name: number(name, group.dtypes[name], numbers[name]) if name in numbers else _category(name, group)
        for name in features
    }
    text = {name: pl.col(f"text_{name}") for name in numbers}
    return lf.select(
        "customer_id",
        "left_out",
        *(value.alias(name) for name, value in typed.items()),
        *(pl.when(typed[name].is_null()).then(text[name]).alias(f"unreadable_{name}") for name in numbers),
    )


def _category(name: str, group: FileGroup) -> pl.Expr:
    if group.dtypes[name].is_float():  # 2 is written 2.0 where a column of whole numbers has gaps
        value = pl.col(name)
        whole = value.cast(pl.Int64, strict=False)
        return pl.when(value == whole).then(whole.cast(pl.String)).otherwise(pl.col(f"text_{name}"))
    return pl.col(f"text_{name}")
