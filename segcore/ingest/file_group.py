"""Files with the same header: what their columns are called, which of them are scanned together, and how lines are numbered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby

import polars as pl

from segcore import errors, expressions, job
from segcore.ingest.columns import is_fallback, recognise, speaks_of_discounts
from segcore.ingest.prepared import Prepared
from segcore.stores import is_url

_NO_VALUES = (pl.Object, pl.Duration, pl.Time)
_MOST_ROWS = 2**32 - 2  # Polars numbers the rows of a scan with 32 bits


@dataclass(frozen=True, kw_only=True)
class FileGroup:
    """Files with the same header: how their columns are read.

    Attributes
    ----------
    files : tuple of Prepared
    columns : dict of str to str
        Canonical column to source column; :data:`segcore.ingest.columns.FALLBACK` among them.
    dtypes : dict of str to polars.DataType
        Canonical column to its type; String wherever text came in.
    types : mapping of str to polars.DataType
        Source column to its type, of files that know theirs; no text does.
    null_texts : tuple of str
        What stands for a missing value.
    carried : dict of str to polars.DataType
        Source columns that rules of the job's own name, those of discounts and that of the currency, with their types.
    discounts : dict of str to str
        Which of them say what is taken off, by the key of the job that names them.
    currency : str
        The source's column with the currency of a line; empty without one.
    """

    files: tuple[Prepared, ...]
    columns: dict[str, str]
    dtypes: dict[str, pl.DataType]
    types: Mapping[str, pl.DataType] = field(default_factory=dict)
    null_texts: tuple[str, ...] = ("",)
    carried: dict[str, pl.DataType] = field(default_factory=dict)
    discounts: dict[str, str] = field(default_factory=dict)
    currency: str = ""

    def usable(self, column: str) -> pl.DataType:
        """Return the type of a source column, String for what is read as text.

        Raises
        ------
        segcore.errors.DataError
            If it is none that a value of a line can have.
        """
        return usable_type(self.types.get(column, pl.String()), column, self.files[0].source.name)

    @property
    def name(self) -> str:
        """What messages call it."""
        others = len(self.files) - 1
        return self.files[0].source.name + (f" and {others:,} more" if others else "")

    @property
    def by_amount(self) -> bool:
        """Whether a line says its amount, in place of quantity and price."""
        return "line_amount" in self.columns and not {"quantity", "unit_price"} <= {*self.columns}

    @property
    def amount_beside_product(self) -> bool:
        """Whether a line may say its amount beside quantity and price."""
        return "line_amount" in self.columns and not self.by_amount

    @property
    def fallbacks(self) -> list[str]:
        """Columns whose ids count where that of the customer, and those before them, say nothing."""
        return [name for name in self.columns if is_fallback(name)]

    @property
    def regular(self) -> bool:
        """Whether every line is known to have the header's number of fields."""
        return all(file.reader in ("csv", "parquet") for file in self.files)


def other_columns(group: FileGroup) -> dict[str, pl.DataType]:
    """Return the columns of a group's files that are no canonical ones, and whose values can be carried along."""
    first = group.files[0]
    others: dict[str, pl.DataType] = {}
    times = Counter(first.names)
    taken = {*group.columns.values()}
    for name in first.names:
        dtype = group.types.get(name, pl.String())
        usable = not (dtype.is_nested() or dtype in _NO_VALUES)
        if usable and name not in taken and times[name] == 1:
            others[name] = group.usable(name)
    return others


def like_discounts(group: FileGroup, cleaning: job.Cleaning) -> list[str]:
    """Return the columns without a use whose name speaks of money that is off; of nothing where the job names some."""
    used = {*group.columns.values(), *expressions.columns_of_rules(cleaning.own_conditions)}
    if group.discounts:
        return []
    return [name for name in group.files[0].names if name not in used and speaks_of_discounts(name)]


def usable_type(dtype: pl.DataType, name: str, shown: str) -> pl.DataType:
    """Return the type that the values of a column are read as, of a file that is called `shown`.

    Raises
    ------
    segcore.errors.DataError
        If it is none that a value of a line can have.
    """
    if dtype.is_nested() or dtype in _NO_VALUES:
        raise errors.DataError(
            f"{shown}: column {name!r} is of type {dtype}; expected text, numbers or dates: map another column"
        )
    return pl.String() if dtype in (pl.Categorical, pl.Enum, pl.Binary, pl.Boolean, pl.Null) else dtype


def overruled(group: FileGroup) -> dict[str, str]:
    """Return what a file's folders say and nobody reads, as the file says it itself: canonical column to folder's name."""
    first = group.files[0]
    meant = recognise([name for name, _ in first.source.partition])
    return {
        canonical: name for canonical, name in meant.items() if group.columns.get(canonical) in first.names
    }


def id_types(group: FileGroup) -> dict[str, pl.DataType]:
    """Return the columns of Parquet files that name the customer, by their names there, and their types."""
    names = [group.columns[name] for name in ("customer_id", *group.fallbacks)]
    return {name: group.types[name] for name in names if name in group.types}


def first_records(file_groups: Sequence[FileGroup]) -> dict[int, int]:
    """Return for each file, by its number, the ``record`` of the first line below its header."""
    first: dict[int, int] = {}
    for group in file_groups:
        for files in scans(group):
            before = accumulate((_rows(file) for file in files), initial=0)
            header = 1 if files[0].reader == "lines" else 0
            for file, start in zip(files, before, strict=False):
                first[file.number] = 1 if file.reader == "records" else start + header
    return first


def _rows(file: Prepared) -> int:
    return file.lines if file.reader == "lines" else file.n_records


def scans(group: FileGroup) -> Iterator[list[Prepared]]:
    """Cut the files of a group into as few scans as can be: a union of many runs into Polars' 512 blocking threads."""
    kinds = sorted(group.files, key=_kind)
    for _, members in groupby(kinds, key=_kind):
        yield from _cut(members, _MOST_ROWS)


def split(group: FileGroup, most_rows: int) -> Iterator[FileGroup]:
    """Cut a group of files so that a part has no more than so many rows, or is one file."""
    for files in _cut(group.files, most_rows):
        yield replace(group, files=tuple(files))


def _cut(files: Iterable[Prepared], most_rows: int) -> Iterator[list[Prepared]]:
    some: list[Prepared] = []
    rows = 0
    for file in files:
        if some and rows + _rows(file) > most_rows:
            yield some
            some, rows = [], 0
        some.append(file)
        rows += _rows(file)
    if some:
        yield some


def _kind(file: Prepared) -> tuple[str, bool, bool]:
    # Polars calls a local file by a URL as well where it scans it together with URLs.
    return file.reader, file.quoted and file.reader in ("lines", "csv"), is_url(file.path)
