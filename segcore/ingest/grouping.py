"""Prepared sources grouped by header: what each group's columns are called, and how its lines are numbered."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby

import polars as pl

from segcore import errors, expressions, job
from segcore.ingest import contents, row_groups
from segcore.ingest.columns import (
    TIME,
    assign_columns,
    is_fallback,
    may_matter,
    recognise,
    speaks_of_discounts,
)
from segcore.ingest.prepare import Prepared
from segcore.stores import is_url

_CURRENCY = re.compile(
    r"(?:\w+[ _-])?(?:currency|currency[ _-]?code|währung|waehrung|devise|moneda|moeda|valuta|货币|币种|通貨)",
    re.IGNORECASE,
)
_NO_VALUES = (pl.Object, pl.Duration, pl.Time)
_NUMBERS = {"quantity", "unit_price", "line_amount"}
_MOST_DIGITS = 38  # of a Decimal
_Assign = Callable[[Sequence[str], Sequence[str], str], Mapping[str, str]]
_Kind = tuple[dict[str, str], dict[str, pl.DataType], Mapping[str, pl.DataType]]
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
        return _usable(self.types.get(column, pl.String()), column, self.files[0].source.name)

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


def group_files(files: Sequence[Prepared], settings: job.Job) -> list[FileGroup]:
    """Group files by header and find the canonical columns of each group.

    Raises
    ------
    segcore.errors.DataError
        If a required column is not there, or a column has a type that no canonical one can have.
    """
    nulls = tuple(settings.input.null_texts)
    alike: dict[frozenset[str], list[Prepared]] = {}
    for file in files:
        alike.setdefault(frozenset(file.names), []).append(file)
    known = {names: contents.of_columns(some, nulls, may_matter) for names, some in alike.items()}

    def assign(header: Sequence[str], folders: Sequence[str], where: str) -> Mapping[str, str]:
        return assign_columns(
            [*header, *folders],
            settings.columns,
            where=where,
            folders=folders,
            contents=known[frozenset(header)],
            one_each=settings.input.one_each,
        )

    groups = group_by_header(_of_one_kind(files, assign, settings.input), assign)
    return [
        _with_currency(
            _with_one_customer(
                replace(
                    g,
                    null_texts=nulls,
                    carried=_carried(g, settings.cleaning),
                    discounts=settings.cleaning.discount_columns,
                )
            ),
            settings.input,
        )
        for g in groups
    ]


def _of_one_kind(files: Sequence[Prepared], assign: _Assign, settings: job.Input) -> list[Prepared]:
    """Return the files that have the columns that are needed, numbered anew, where the job leaves the others aside.

    Raises
    ------
    segcore.errors.DataError
        If some files have them and others do not, and the job does not say what to do.
    """
    good, bad, reason = [], [], None
    for file in files:
        try:
            assign(file.names, _folders(file), file.source.name)
            good.append(file)
        except errors.DataError as exc:
            bad.append(file)
            reason = reason or exc
    if reason is None or (good and settings.other_layouts == "leave"):
        return [replace(file, number=number) for number, file in enumerate(good, start=files[0].number)]
    if not good:
        raise errors.DataError("; ".join([str(reason), *bad[0].notes])) from reason
    names = errors.listing((file.source.name for file in bad), most=5)
    raise errors.DataError(
        f'{len(bad):,} of {len(files):,} files differ from the others: {names}: {reason}; input.other_layouts = "leave" '
        "leaves such files aside"
    ) from reason


def _with_currency(group: FileGroup, settings: job.Input) -> FileGroup:
    """Return a group with the column that says in which currency a line is, if there is one."""
    first = group.files[0]
    wanted = settings.currency_column
    if wanted and wanted not in first.names:
        raise errors.DataError(
            f"{first.source.name}: input.currency_column is {wanted!r}, which is not there"
            f"{errors.did_you_mean(wanted, first.names)}; columns: {errors.listing(first.names)}"
        )
    there = [name for name in other_columns(group) if _CURRENCY.fullmatch(name)]
    if not (wanted or there):
        texts = [name for name, dtype in other_columns(group).items() if dtype == pl.String]
        there = contents.of_currencies(group.files, group.null_texts, set(texts).__contains__)
    name = wanted or next(iter(there), "")
    if not name:
        return group
    return replace(group, currency=name, carried={**group.carried, name: group.usable(name)})


def _carried(group: FileGroup, cleaning: job.Cleaning) -> dict[str, pl.DataType]:
    """Return the columns that rules of the job's own and keys of discounts name, with their types.

    Raises
    ------
    segcore.errors.DataError
        If one is not there.
    """
    rules = expressions.columns_of_rules(cleaning.own_conditions)
    named = {
        **{column: f"cleaning.{key}" for key, column in cleaning.discount_columns.items()},
        **{
            column: "cleaning.keep" if rule == "not_kept" else f"cleaning.rules.{rule}"
            for column, rule in rules.items()
        },
    }
    if not named:
        return {}
    for file in group.files:
        there = [*file.names, *(name for name, _ in file.source.partition)]
        for column, where in named.items():
            if column not in there:
                raise errors.DataError(
                    f"{file.source.name}: {where} names {column!r}, which is not there"
                    f"{errors.did_you_mean(column, there)}; columns: {errors.listing(there)}"
                )
    return {column: group.usable(column) for column in sorted(named)}


def _with_one_customer(group: FileGroup) -> FileGroup:
    """Return a group whose customers, and dates, are read as text where more than one column may name them."""
    dtypes = dict(group.dtypes)
    if group.fallbacks:
        dtypes |= dict.fromkeys(["customer_id", *group.fallbacks], pl.String())
    if TIME in group.columns:
        dtypes |= dict.fromkeys(["ordered_at", TIME], pl.String())
    return replace(group, dtypes=dtypes)


def group_by_header(files: Sequence[Prepared], assign: _Assign) -> list[FileGroup]:
    """Group files by header.

    Parameters
    ----------
    files : sequence of Prepared
    assign : callable
        From a header, what its folders name beside it, and the name of its file, to the columns that are read: what they are called, and the source's
        column of each.
    """
    groups: dict[object, list[Prepared]] = {}
    kinds: dict[object, _Kind] = {}
    for file in files:
        types = _types(file)
        columns, dtypes = _columns(file, types, assign)
        # Parquet files are scanned together whatever the order of their columns.
        form = frozenset(types.items()) if types else (file.names, file.separator)
        key = (form, tuple(columns.items()), tuple(dtypes.items()))
        groups.setdefault(key, []).append(file)
        kinds[key] = (columns, dtypes, types)
    return [
        FileGroup(files=tuple(groups[key]), columns=columns, dtypes=dtypes, types=types)
        for key, (columns, dtypes, types) in kinds.items()
    ]


def _types(file: Prepared) -> Mapping[str, pl.DataType]:
    """Return the types of a file's columns, where it is not text that came in."""
    if file.reader == "parquet":
        return row_groups.schema_of(file.path)
    if file.source.format != "parquet":
        return {}
    fields = row_groups.schema_of(file.path)  # joined to other tables
    return {name: fields[file.field(name)] for name in file.names}


def _folders(file: Prepared) -> list[str]:
    return [name for name, _ in file.source.partition if name not in file.names]


def _columns(
    file: Prepared,
    types: Mapping[str, pl.DataType],
    assign: _Assign,
) -> tuple[dict[str, str], dict[str, pl.DataType]]:
    shown = file.source.name
    _check_digits(types, shown)
    columns = dict(assign(file.names, _folders(file), shown))
    dtypes = {
        canonical: _usable(types.get(name, pl.String()), name, shown) for canonical, name in columns.items()
    }
    for canonical in sorted(_NUMBERS & dtypes.keys()):
        if dtypes[canonical].is_temporal():
            raise errors.DataError(
                f"{shown}: column {columns[canonical]!r} is of type {dtypes[canonical]}; expected numbers or text for "
                f"{canonical}: map another column"
            )
    return columns, dtypes


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


def _check_digits(types: Mapping[str, pl.DataType], shown: str) -> None:
    for name, dtype in types.items():
        if isinstance(dtype, pl.Decimal) and dtype.precision > _MOST_DIGITS:
            raise errors.DataError(
                f"{shown}: column {name!r} has numbers of {dtype.precision} digits; at most {_MOST_DIGITS} can be read: "
                "export it with fewer, or as text"
            )


def _usable(dtype: pl.DataType, name: str, shown: str) -> pl.DataType:
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
