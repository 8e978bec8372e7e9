"""Which column of a source is which canonical column."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from segcore import errors, schema

# Names under which shop systems export the canonical columns, in lower case without punctuation.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "order_id": (
        "orderid",
        "invoiceno",
        "invoice",
        "invoiceid",
        "ordernumber",
        "orderno",
        "receiptid",
        "transactionid",
        "basketid",
    ),
    "product_id": ("productid", "stockcode", "sku", "itemid", "productcode", "articleid", "article"),
    "description": ("description", "productname", "itemname", "product", "title"),
    "quantity": ("quantity", "qty", "units", "itemcount"),
    "ordered_at": (
        "orderedat",
        "invoicedate",
        "orderdate",
        "date",
        "datetime",
        "timestamp",
        "transactiondate",
        "purchasedate",
        "createdat",
    ),
    "unit_price": ("unitprice", "price", "itemprice", "priceperunit"),
    "customer_id": ("customerid", "customer", "custid", "clientid", "userid", "memberid", "buyerid"),
    "country": ("country", "shippingcountry", "countrycode"),
    "line_amount": (
        "lineamount",
        "linetotal",
        "totalprice",
        "amount",
        "totalamount",
        "total",
        "sales",
        "revenue",
        "turnover",
    ),
}
_PRODUCT = {"quantity", "unit_price"}  # whose product is the amount of a line


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z]", "", name.lower())


# Columns whose ids count where those before them say nothing are called so.
FALLBACK = "customer_id_{}"


def is_fallback(name: str) -> bool:
    """Whether a column is a second or later one that may name the customer; other tables have names of their own."""
    return re.fullmatch(FALLBACK.format(r"\d+"), name) is not None


def flattened(mapping: Mapping[str, str | list[str]]) -> dict[str, str]:
    """Return a job's ``[columns]`` with one column each: the second and later ones for the customer by names of their own.

    Examples
    --------
    >>> flattened({"customer_id": ["Email", "Phone"], "quantity": "Qty"})
    {'customer_id': 'Email', 'customer_id_2': 'Phone', 'quantity': 'Qty'}
    """
    columns: dict[str, str] = {}
    for canonical, names in mapping.items():
        for place, name in enumerate([names] if isinstance(names, str) else names, start=1):
            columns[canonical if place == 1 else FALLBACK.format(place)] = name
    return columns


def gathered(columns: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Undo :func:`flattened`."""
    plain = {name: column for name, column in columns.items() if name in schema.LINE_NAMES}
    fallbacks = [column for name, column in columns.items() if name not in schema.LINE_NAMES]
    return {**plain, "customer_id": [plain["customer_id"], *fallbacks]} if fallbacks else {**plain}


def assign_columns(
    header: Sequence[str],
    mapping: Mapping[str, str | list[str]],
    *,
    where: str,
    folders: Sequence[str] = (),
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
            f"columns: {errors.listing(header)}"
        )
    taken = set(given.values())
    own = [name for name in header if name not in folders]
    columns = {**recognise(folders, taken=taken), **recognise(own, taken=taken), **given}
    if "line_amount" in mapping or not set(columns) >= _PRODUCT:
        columns = {
            name: column
            for name, column in columns.items()
            if name not in _PRODUCT or "line_amount" not in columns
        }
    needed = {column.name for column in schema.LINE_COLUMNS if column.required}
    missing = sorted(needed - set(columns) - (_PRODUCT if "line_amount" in columns else set()))
    if missing:
        raise errors.DataError(
            f"{where}: {len(missing)} required column(s) not found: {errors.listing(missing)}"
            f"{' (a line_amount would do for quantity and unit_price)' if set(missing) & _PRODUCT else ''}; "
            f"columns there: {errors.listing(header)}; name them in the job's [columns]"
        )
    twice = {name for name in columns.values() if header.count(name) > 1}
    if twice:
        raise errors.DataError(
            f"{where}: the header names {errors.listing(twice)} more than once; rename one of them"
        )
    fallbacks = [name for name in given if is_fallback(name)]
    return {name: columns[name] for name in (*schema.LINE_NAMES, *fallbacks) if name in columns}


def _as_in(header: Sequence[str], name: str) -> str:
    return next((one for one in header if one == name), None) or next(
        (one for one in header if one.strip() == name.strip()), name
    )


def recognise(header: Sequence[str], *, taken: Collection[str] = ()) -> dict[str, str]:
    """Return the canonical columns that a header's names are known to mean, and those names."""
    by_plain = {_plain(name): name for name in header if name not in taken}
    columns: dict[str, str] = {}
    for canonical, synonyms in SYNONYMS.items():
        for synonym in synonyms:
            name = by_plain.get(synonym)
            if name is not None and name not in columns.values():
                columns[canonical] = name
                break
    return columns
