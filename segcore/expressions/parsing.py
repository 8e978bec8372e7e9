"""The one place where SQL of a job becomes an expression of Polars."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import polars as pl

from segcore.expressions.allowed import checked
from segcore.failures import first_line


def parse(
    text: str, columns: Collection[str] | None, *, of_a_line: bool = False, prefix: str = ""
) -> pl.Expr:
    """Return an expression over some columns, if it is made of what is allowed.

    Parameters
    ----------
    text : str
        SQL, as a job holds it.
    columns : collection of str or None
    of_a_line : bool
    prefix : str
        As in :func:`segcore.expressions.checked`.

    Raises
    ------
    ValueError
        With what is wrong with it, in one line; see :func:`segcore.expressions.checked`.
    """
    sql = checked(text, columns, of_a_line=of_a_line, prefix=prefix)
    with refusals():
        return pl.sql_expr(sql)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what Polars says of an expression into a ValueError of one line.

    Raises
    ------
    ValueError
    """
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as exc:
        raise ValueError(first_line(exc)) from exc
