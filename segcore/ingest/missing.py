"""Values that are not given: empty, or a word that exports write in their place."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def given(text: pl.Expr, null_texts: Sequence[str]) -> pl.Expr:
    """Return a text without blanks around, null where it is one of the words of :attr:`segcore.job.Input.null_texts`."""
    return pl.when(~text.is_in(null_texts)).then(text)
