"""Which column of a source is which canonical column."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from segcore import errors, schema
from segcore.ingest.column_names import SYNONYMS, folded
from segcore.ingest.contents import Content, Kind, is_value

_KINDS: dict[str, Kind] = {
    "quantity": "number",
    "unit_price": "number",
    "line_amount": "number",
    "ordered_at": "date",
}
_PRODUCT = {"quantity", "unit_price"}  # whose product is the amount of a line


HINT = "; segcore inspect with --write-job writes a job that has them all to choose from"
_OFF = re.compile(
    r"^(?!.*(?:code|name|type|percent|%|pct|rate|\bid\b|reason|date|status|method|title|tax))"
    r".*(?:discount|rabatt|remise|descuento|desconto|sconto|korting|refund(?:ed)?[ _-]?amount|amount[ _-]?refund)",
    re.IGNORECASE,
)
_LIKE_MONEY = re.compile(
    "price|sales|total|amount|revenue|value|preis|betrag|umsatz|prix|montant|preci|import|prezz|prijs"
)
_NOT_OF_A_LINE = re.compile(
    "refund|tax|vat|ship|freight|discount|disc$|coupon|fee|cost|tip|balance|paid|list|compare|unitprice|before"
)


# The second and later columns that a job names for one canonical column are called so.
_MORE = "{}_{}"
TIME = _MORE.format("ordered_at", 2)  # where the time of day stands in a column of its own
_OF_MORE = re.compile(rf"({'|'.join(schema.LINE_NAMES)})_\d+")


def is_fallback(name: str) -> bool:
    """Whether a column is a second or later one that may name the customer; other tables have names of their own."""
    return re.fullmatch(_MORE.format("customer_id", r"\d+"), name) is not None


def flattened(mapping: Mapping[str, str | list[str]]) -> dict[str, str]:
    """Return a job's ``[columns]`` with one column each: the second and later ones of a list by names of their own.

    Examples
    --------
    >>> flattened({"customer_id": ["Email", "Phone"], "quantity": "Qty"})
    {'customer_id': 'Email', 'customer_id_2': 'Phone', 'quantity': 'Qty'}
    """
    columns: dict[str, str] = {}
    for canonical, names in mapping.items():
        for place, name in enumerate([names] if isinstance(names, str) else names, start=1):
            columns[canonical if place == 1 else _MORE.format(canonical, place)] = name
    return columns


def gathered(columns: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Undo :func:`flattened`."""
    lists: dict[str, list[str]] = {}
    for name, column in columns.items():
        more = _OF_MORE.fullmatch(name)
        lists.setdefault(more[1] if more else name, []).append(column)
    return {name: some[0] if len(some) == 1 else some for name, some in lists.items()}


def assign_columns(
    header: Sequence[str],
    mapping: Mapping[str, str | list[str]],
    *,
    where: str,
    folders: Sequence[str] = (),
    contents: Mapping[str, Content] | None = None,
    one_each: bool = False,
) -> dict[str, str]:
    """Find the source's column for each canonical one.

    Parameters
    ----------
    header : sequence of str
        The source's columns.
    mapping : mapping of str to str
        The job's ``[columns]``; it wins over what is recognised. Blanks around a name do not count.
    where : str
        The file, for the error.
    folders : sequence of str
        Those of the columns that the file's folders name: what the file says itself wins.
    contents : mapping of str to Content, optional
        What stands in the columns: one that is empty, or of the wrong kind, is not recognised by its name.
    one_each : bool
        Lines without a quantity are one item each.

    Returns
    -------
    dict of str to str
        Canonical column to source column, and columns of fallbacks; optional columns that the source lacks are left out.

    Raises
    ------
    segcore.errors.DataError
        If a mapped or a required column is not there, or the header names one of them twice.
    """
    given = {canonical: _as_in(header, name) for canonical, name in flattened(mapping).items()}
    absent = {canonical: name for canonical, name in given.items() if name not in header}
    if absent:
        canonical, name = next(iter(absent.items()))
        raise errors.DataError(
            f"{where}: the job maps {canonical} to {name!r}, which is not there{errors.did_you_mean(name, header)}; "
            f"columns: {errors.listing(header, in_order=True)}"
        )
    taken = set(given.values())
    own = [name for name in header if name not in folders]
    known = contents or {}
    columns = {**recognise(folders, taken=taken), **recognise(own, taken=taken, contents=known), **given}
    money = [] if "line_amount" in mapping else other_money(columns, known)
    if money:
        raise errors.DataError(
            f"{where}: {columns['line_amount']!r} holds whole numbers alone and may be a quantity, as "
            f"{errors.listing(map(repr, money))} may be the money: name unit_price and quantity, or line_amount, in the job's "
            f"[columns]{HINT}"
        )
    if "line_amount" in mapping or not set(columns) >= _PRODUCT:
        columns = {
            name: column
            for name, column in columns.items()
            if name not in _PRODUCT or "line_amount" not in columns
        }
    needed = {column.name for column in schema.LINE_COLUMNS if column.required}
    done_without = _PRODUCT if "line_amount" in columns else {"quantity"} if one_each else set()
    missing = sorted(needed - set(columns) - done_without)
    if missing:
        raise errors.DataError(
            f"{where}: {len(missing)} required column(s) not found: {errors.listing(missing)}{_remedy(missing, header)}; columns there, in "
            f"their order: {errors.listing(header, in_order=True, most=30)}; name them in the job's [columns]{HINT}"
        )
    twice = {name for name in columns.values() if header.count(name) > 1}
    if twice:
        raise errors.DataError(
            f"{where}: the header names {errors.listing(twice)} more than once; rename one of them"
        )
    more = [name for name in given if _OF_MORE.fullmatch(name)]
    return {name: columns[name] for name in (*schema.LINE_NAMES, *more) if name in columns}


def _remedy(missing: Collection[str], header: Sequence[str]) -> str:
    """Return what may do for columns that are missing."""
    data = [name for name in header if is_value(name)]
    if len(data) > 1:
        return f" (the first line looks like data, such as {data[0]!r}: input.header = false if there is no header)"
    if set(missing) == {"quantity"}:
        return " (input.one_each = true if every line is one item; a line_amount would do for quantity and unit_price)"
    return " (a line_amount would do for quantity and unit_price)" if set(missing) & _PRODUCT else ""


def _as_in(header: Sequence[str], name: str) -> str:
    """Return a name as the header has it; of a number that is no name, the column at that place."""
    if name in header:
        return name
    if name.isdecimal() and 0 < int(name) <= len(header):
        return header[int(name) - 1]
    return next((one for one in header if one.strip() == name.strip()), name)


def may_matter(name: str) -> bool:
    """Whether what stands in a column can decide what it is taken for, or another one."""
    plain = folded(name)
    return _LIKE_MONEY.search(plain) is not None or any(plain in names for names in SYNONYMS.values())


def recognise(
    header: Sequence[str], *, taken: Collection[str] = (), contents: Mapping[str, Content] | None = None
) -> dict[str, str]:
    """Return the canonical columns that a header's names are known to mean, and those names.

    The name of a column that is empty means nothing unless it is needed, nor does one whose values are of another kind
    where another column has the right one.
    """
    known = contents or {}
    by_name = {folded(name): name for name in header if name not in taken}
    named = {
        canonical: [by_name[one] for one in names if one in by_name] for canonical, names in SYNONYMS.items()
    }
    columns: dict[str, str] = {}
    for canonical, names in named.items():
        there = [name for name in names if name not in columns.values() and _is_given(known.get(name))]
        fitting = [name for name in there if _fits(known.get(name), canonical)]
        if fitting or (there and canonical != "line_amount"):
            columns[canonical] = (fitting or there)[0]
    needed = {column.name for column in schema.LINE_COLUMNS if column.required}
    for canonical in needed - set(columns) - (_PRODUCT if "line_amount" in columns else set()):
        if left := [name for name in named[canonical] if name not in columns.values()]:
            columns[canonical] = left[0]
    return columns


def _is_given(content: Content | None) -> bool:
    return content is None or not content.empty


def _fits(content: Content | None, canonical: str) -> bool:
    return content is None or content.may_be(_KINDS.get(canonical, "any"))


def speaks_of_discounts(name: str) -> bool:
    """Whether a column is called like money that is off a line or an order."""
    return _OFF.search(name) is not None


def other_money(columns: Mapping[str, str], contents: Mapping[str, Content]) -> list[str]:
    """Return columns that may be a line's money, where what is recognised as that is whole numbers and may be a quantity."""
    amount = contents.get(columns.get("line_amount", ""))
    if amount is None or not amount.is_whole or "quantity" in columns:
        return []
    taken = {name for canonical, name in columns.items() if canonical != "unit_price"}
    return [
        name
        for name, content in contents.items()
        if _LIKE_MONEY.search(folded(name))
        and not speaks_of_discounts(name)
        and not _NOT_OF_A_LINE.search(folded(name))
        and name not in taken
        and content.given
        and content.may_be("number")
    ]
