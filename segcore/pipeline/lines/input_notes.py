"""What a person should know of an input before it is read, and what stops it."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from segcore import errors, ingest, schema
from segcore.ingest import Formats
from segcore.job import Job
from segcore.pipeline.lines.collecting import collect
from segcore.pipeline.lines.prepared_input import PreparedInput

_WITHOUT = {
    "order_id": "one order per customer and day is assumed, and equal lines may be different purchases: "
    'cleaning.duplicates = "keep" counts them all',
    "product_id": "there is no feature unique_products",
    "description": "products are shown by their code",
    "country": "customers have no country",
}


def check_lines(source: PreparedInput) -> None:
    """Refuse an input without lines.

    Raises
    ------
    segcore.errors.DataError
    """
    if source.n_lines == 0:
        raise errors.DataError("the input holds no lines; expected at least one below the header")


def check_ids(source: PreparedInput) -> None:
    """Refuse customer ids that were written as floats which do not tell neighbours apart.

    Raises
    ------
    segcore.errors.DataError
        If there is an id of 2^53 or more, or of 2^24 in single precision.
    """
    for group in source.file_groups:
        floats = {name: dtype for name, dtype in ingest.id_types(group).items() if dtype.is_float()}
        if not floats:
            continue
        lf = pl.scan_parquet([file.path for file in group.files], glob=False, hive_partitioning=False)
        largest = collect(lf.select(pl.col(name).fill_nan(None).abs().max() for name in floats))
        for name, dtype in floats.items():
            limit = ingest.exact_below(dtype)
            if (largest[name].item() or 0) >= limit:
                raise errors.DataError(
                    f"{group.name}: customer ids in {name!r} are floats ({str(dtype).lower()}) of "
                    f"2^{limit.bit_length() - 1} and more, where different ids look the same; expected integers or text: "
                    "export them as such"
                )


def notes(source: PreparedInput, settings: Job) -> list[str]:
    """Return what a person should know: columns that are missing, bytes that could not be decoded."""
    missing = [
        f"no column holds the {name.replace('_', ' ')} in {group.name}: {meaning}"
        for name, meaning in _WITHOUT.items()
        if (group := next((lay for lay in source.file_groups if name not in lay.columns), None))
    ]
    if source.by_amount:
        if settings.features.returns == "net":
            raise errors.DataError(
                'lines say their amount, not quantity and price: expected both for features.returns = "net"'
            )
        missing.append(
            "lines say their amount, not quantity and price: there are no features item_count and mean_basket_items"
        )
    elif settings.cleaning.quantity_decimals:
        missing.append(
            "quantities have decimals (cleaning.quantity_decimals): item_count and mean_basket_items add up what was bought, be "
            "it pieces or weights"
        )
    missing += [
        f"{group.name}: {errors.listing(map(repr, off))} may be money that is off a line or an order, and is not used: "
        "cleaning.line_discount, order_discount and order_refund name such columns"
        for group in source.file_groups
        if (off := ingest.like_discounts(group, settings.cleaning))
    ]
    if source.aside:
        missing.append(
            f"{len(source.aside):,} file(s) without the columns that are needed are left aside: "
            f"{errors.listing(source.aside, most=5)}"
        )
    return [*missing, *_named_twice(source), *(note for file in source.files for note in file.notes)]


def _named_twice(source: PreparedInput) -> list[str]:
    twice = [file.source for file in source.files if file.source.other_names]
    if not twice:
        return []
    number = "1 file was" if len(twice) == 1 else f"{len(twice):,} files were"
    return [
        f"{number} named more than once, such as {twice[0].name} as {errors.listing(twice[0].other_names)}: "
        "each is read once"
    ]


def assumptions(source: PreparedInput, settings: Job) -> list[str]:
    """Return what nobody asked for and was found by looking."""
    texts = []
    for group in source.file_groups:
        assumed = {
            name: column
            for name, column in group.columns.items()
            if name in schema.LINE_NAMES and name not in settings.columns
        }
        if assumed:
            names = ", ".join(f"{name} = {column!r}" for name, column in assumed.items())
            texts.append(f"assumed in {group.name}: {names}")
        texts += [
            f"{group.name}: {name} is the file's column {group.columns[name]!r}, not {folder!r} of its folder"
            for name, folder in ingest.overruled(group).items()
        ]
    encodings = {file.encoding for file in source.files} - {"", "utf-8"}
    if encodings and not settings.input.encoding:
        texts.append(f"found by looking: text in {errors.listing(encodings)}")
    return texts


def amount_notes(source: PreparedInput, decided: Sequence[Formats]) -> list[str]:
    """Return what was decided about amounts beside quantity and price."""
    return [
        f"{group.name}: the money of a line is {group.columns['line_amount']!r}, which is not quantity times price "
        "everywhere"
        if how.amount_given
        else f"{group.name}: the money of a line is quantity times price; {group.columns['line_amount']!r} is not used"
        for group, how in zip(source.file_groups, decided, strict=True)
        if group.amount_beside_product
    ]
