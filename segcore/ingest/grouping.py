"""Prepared sources grouped by header, and the columns of each group found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from segcore import errors, expressions, job
from segcore.ingest import contents, row_groups
from segcore.ingest.columns import TIME, assign_columns, may_matter
from segcore.ingest.file_group import FileGroup, other_columns, usable_type
from segcore.ingest.prepared import Prepared

_CURRENCY = re.compile(
    r"(?:\w+[ _-])?(?:currency|currency[ _-]?code|währung|waehrung|devise|moneda|moeda|valuta|货币|币种|通貨)",
    re.IGNORECASE,
)
_NUMBERS = {"quantity", "unit_price", "line_amount"}
_MOST_DIGITS = 38  # of a Decimal
_Assign = Callable[[Sequence[str], Sequence[str], str], Mapping[str, str]]
_Kind = tuple[dict[str, str], dict[str, pl.DataType], Mapping[str, pl.DataType]]


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

    # A file for each day has the same header hundreds of times.
    assigned: dict[tuple[tuple[str, ...], tuple[str, ...]], Mapping[str, str]] = {}

    def assign(header: Sequence[str], folders: Sequence[str], where: str) -> Mapping[str, str]:
        own = tuple(header), tuple(folders)
        if own not in assigned:
            assigned[own] = assign_columns(
                [*header, *folders],
                settings.columns,
                where=where,
                folders=folders,
                contents=known[frozenset(header)],
                one_each=settings.input.one_each,
            )
        return assigned[own]

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
    file: Prepared, types: Mapping[str, pl.DataType], assign: _Assign
) -> tuple[dict[str, str], dict[str, pl.DataType]]:
    shown = file.source.name
    _check_digits(types, shown)
    columns = dict(assign(file.names, _folders(file), shown))
    dtypes = {
        canonical: usable_type(types.get(name, pl.String()), name, shown)
        for canonical, name in columns.items()
    }
    for canonical in sorted(_NUMBERS & dtypes.keys()):
        if dtypes[canonical].is_temporal():
            raise errors.DataError(
                f"{shown}: column {columns[canonical]!r} is of type {dtypes[canonical]}; expected numbers or text for "
                f"{canonical}: map another column"
            )
    return columns, dtypes


def _check_digits(types: Mapping[str, pl.DataType], shown: str) -> None:
    for name, dtype in types.items():
        if isinstance(dtype, pl.Decimal) and dtype.precision > _MOST_DIGITS:
            raise errors.DataError(
                f"{shown}: column {name!r} has numbers of {dtype.precision} digits; at most {_MOST_DIGITS} can be read: "
                "export it with fewer, or as text"
            )
