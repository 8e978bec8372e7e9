"""A synthetic dump of the Online Retail kind, of any size, with a planted segment per customer.

Lines are made in blocks of customers, so memory does not grow with the dump: a cancellation finds its
purchase inside the block. Block b of a seed draws from its own generator, so the dump depends on the
arguments alone. Inside a file, lines are in the order of time block by block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from segcore.errors import OutputError, UsageError
from segcore.new_folder import scratch_beside
from segcore.simulate.calendar import SHORTEST_WINDOW, build_calendar
from segcore.simulate.catalogue import build_catalogue
from segcore.simulate.customers import draw_customers
from segcore.simulate.lines import draw_lines, split_by_month
from segcore.simulate.orders import draw_orders
from segcore.simulate.planted import DEFAULT_SEGMENTS, PlantedSegment, lines_per_customer
from segcore.simulate.shop import Shop

__all__ = ["DEFAULT_SEGMENTS", "PlantedSegment", "SimulatedDump", "simulate"]

_BLOCK_LINES = 1 << 20  # a constant, so that no machine changes the dump
_BLOCKS_PER_FILE = 64  # then the months start new files, so that no file and no Parquet footer grows on
_LEAST_ROWS, _MOST_ROWS = 100, 10**12
_MOST_DAYS = 3_660  # every month is an open file
_KNOWN = 0.73  # share of the lines that are purchases with a customer, with the usual defects
_FIRST_CUSTOMER = 12_346
_FIRST_INVOICE = 536_365
_TRUTH = {"customer_id": pl.String(), "segment": pl.String()}


@dataclass(frozen=True, kw_only=True)
class SimulatedDump:
    """What `simulate` wrote."""

    out: Path
    paths: tuple[Path, ...]
    # Parquet file with `customer_id` and the name of its planted `segment`; outside the folder, so that it is
    # not read with the dump: `<out>.truth.parquet`.
    truth: Path
    rows: int
    customers: int


def simulate(
    out: Path,
    *,
    rows: int,
    customers: int | None = None,
    seed: int = 0,
    format: Literal["csv", "parquet"] = "csv",
    start: date = date(2023, 1, 1),
    days: int = 365,
    segments: Sequence[PlantedSegment] = DEFAULT_SEGMENTS,
    noise: float = 1.0,
    defects: float = 1.0,
    until_gone: bool = False,
) -> SimulatedDump:
    """Write a synthetic transaction dump, one file a month, and the truth about it beside.

    Lines of one invoice share customer, time and country. A cancellation (invoice ``C...``, negative
    quantity) takes back lines of one earlier order of the same customer, at the same price; where its
    code is ``D`` it is a discount instead.

    Parameters
    ----------
    out : Path
        Folder of the dump; it must be new or empty.
    rows : int
        Number of lines, exactly.
    customers : int, optional
        Number of customers. By default as many as leave the orders as long as the segments say; with
        more of them, orders get shorter, and at last fewer.
    seed : int, default 0
        The same arguments write the same lines, on any machine.
    format : {"csv", "parquet"}, default "csv"
        CSV is written like the real dump: ``17850.0`` or empty for the customer, ``2023-01-31 12:30:00``
        for the time. Parquet holds float64 for the customer, null where missing, and a time stamp.
    start : datetime.date, default 2023-01-01
    days : int, default 365
    segments : sequence of PlantedSegment
        What kinds of customers there are; `starts` and `ends` plant births and deaths.
    noise : float, default 1
        Factor on every spread inside the segments; 0 makes the customers of a segment alike.
    defects : float, default 1
        Factor on all that goes wrong, up to 3; 0 writes a clean dump of purchases with a customer only.
    until_gone : bool, default False
        Whether customers come, buy at random times and leave for good, each at rates of the own (BG/NBD), so that who buys
        again after a day is chance as well. By default a segment's customers order as often as it says, and last when it says.

    Raises
    ------
    UsageError
        If an argument makes no sense.
    OutputError
        If `out` is there and not empty, or cannot be created, or there is another file in place of the truth.
    StorageError
        If the disk is full or writing fails.
    """
    if not _LEAST_ROWS <= rows <= _MOST_ROWS:
        raise UsageError(f"rows={rows}, expected {_LEAST_ROWS} to {_MOST_ROWS}")
    if not SHORTEST_WINDOW <= days <= _MOST_DAYS:
        raise UsageError(f"days={days}, expected {SHORTEST_WINDOW} to {_MOST_DAYS}")
    if not 1970 <= start.year <= 2200:
        raise UsageError(f"start={start}, expected the year 1970 to 2200")
    n_blocks, most = -(-rows // _BLOCK_LINES), rows // 10  # one in each block, and ten lines for each
    if customers is None:
        share = 1 - (1 - _KNOWN) * defects
        customers = min(max(n_blocks, round(rows * share / lines_per_customer(segments, noise))), most)
    if not n_blocks <= customers <= most:
        raise UsageError(f"customers={customers}, expected {n_blocks} to {most} with rows={rows}")
    shop = Shop(
        segments=tuple(segments),
        calendar=build_calendar(start, days),
        catalogue=build_catalogue(segments, noise),
        noise=noise,
        defects=defects,
        until_gone=until_gone,
    )
    truth = out.with_name(f"{out.name}.truth.parquet")
    _refuse_others(truth)
    with scratch_beside(out) as scratch:
        folder = scratch / "dump"
        folder.mkdir()
        _write(_blocks(shop, rows, customers, seed, n_blocks), folder, format, n_blocks)
        (scratch / "truth.parquet").replace(truth)
        folder.rename(out)
    return SimulatedDump(
        out=out, paths=tuple(sorted(out.iterdir())), truth=truth, rows=rows, customers=customers
    )


def _refuse_others(truth: Path) -> None:
    try:
        own = not truth.exists() or pl.read_parquet_schema(truth) == _TRUTH
    except (OSError, pl.exceptions.PolarsError):
        own = False
    if not own:
        raise OutputError(
            f"{truth}: is there already and no truth of a dump; move it, or choose another --out"
        )


# The lines of some customers by month, as "2023-01", and the customers with their planted segments.
_Block = tuple[dict[str, pl.DataFrame], pl.DataFrame]


def _blocks(shop: Shop, rows: int, n_customers: int, seed: int, n_blocks: int) -> Iterator[_Block]:
    """Yield the blocks in order; together they hold all rows and all customers."""
    customer, invoice = _FIRST_CUSTOMER, _FIRST_INVOICE
    names = pl.Series([segment.name for segment in shop.segments])
    for number in range(n_blocks):
        rng = np.random.default_rng([seed, number])
        customers = draw_customers(rng, shop, _share(n_customers, number, n_blocks))
        orders = draw_orders(
            rng,
            shop,
            customers,
            _share(rows, number, n_blocks),
            is_first=number == 0,
            is_last=number == n_blocks - 1,
        )
        lines = draw_lines(rng, shop, orders, first_customer=customer, first_invoice=invoice)
        next_customer = customer + len(customers)
        ids = pl.int_range(customer, next_customer, eager=True).cast(pl.String)
        truth = pl.DataFrame({"customer_id": ids, "segment": names.gather(customers["segment"])})
        yield split_by_month(lines, orders, shop.calendar), truth
        customer, invoice = next_customer, invoice + len(orders)


def _share(total: int, number: int, n_parts: int) -> int:
    return total // n_parts + (number < total % n_parts)


def _write(blocks: Iterator[_Block], folder: Path, format: str, n_blocks: int) -> None:
    """Write the lines into `folder` and the truth beside it."""
    n_parts = -(-n_blocks // _BLOCKS_PER_FILE)
    with _GrowingFiles(folder.parent, "parquet") as customers:
        for part in range(1, n_parts + 1):
            with _GrowingFiles(folder, format) as files:
                for months, truth in islice(blocks, _BLOCKS_PER_FILE):
                    for month, lines in months.items():
                        files.write(month if n_parts == 1 else f"{month}-{part:04}", lines)
                    customers.write("truth", truth)


class _GrowingFiles(ExitStack):
    """Files of one folder that are written block by block: only one block is in memory."""

    def __init__(self, folder: Path, format: str) -> None:
        super().__init__()
        self._folder, self._format = folder, format
        self._writers: dict[Path, pq.ParquetWriter] = {}

    def write(self, name: str, lines: pl.DataFrame) -> None:
        """Append to a file."""
        path = self._folder / f"{name}.{self._format}"
        if self._format == "csv":
            with path.open("ab") as file:
                lines.write_csv(file, include_header=file.tell() == 0, datetime_format="%Y-%m-%d %H:%M:%S")
            return
        table = lines.to_arrow()
        if path not in self._writers:
            # The arrow schema is left out: it would make readers see large_string instead of plain text.
            writer = pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False)
            self._writers[path] = self.enter_context(writer)
        self._writers[path].write_table(table)
