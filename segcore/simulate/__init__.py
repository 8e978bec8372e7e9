"""A synthetic dump of the Online Retail kind, of any size, with a planted segment per customer.

Lines are made in blocks of customers, so memory does not grow with the dump: a cancellation finds its
purchase inside the block. Block b of a seed draws from its own generator, so the dump depends on the
arguments alone. Inside a file, lines are in the order of time block by block.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from segcore.errors import UsageError
from segcore.simulate.calendar import build_calendar
from segcore.simulate.catalogue import build_catalogue
from segcore.simulate.planted import (
    DEFAULT_SEGMENTS,
    SHORTEST_WINDOW,
    PlantedSegment,
    check_segments,
    lines_per_customer,
    window,
)
from segcore.simulate.world import LINES, TRUTH, World, count_blocks
from segcore.simulate.writing import FORMATS, Format, MonthFiles, fresh_folder

__all__ = ["DEFAULT_SEGMENTS", "PlantedSegment", "SimulatedDump", "simulate"]

_BLOCKS_PER_FILE = 64  # then the months start new files, so that no file and no Parquet footer grows on
_LEAST_ROWS = 100
_MOST_DAYS = 3_660  # every month is an open file
_MOST_WARTS = 3.0  # beyond, hardly a line would have a customer
_KNOWN = 0.73  # share of the lines that are purchases with a customer, with the usual warts


@dataclass(frozen=True, kw_only=True)
class SimulatedDump:
    """What `simulate` wrote.

    Attributes
    ----------
    out : Path
        The folder of the dump.
    paths : tuple of Path
        Its files.
    truth : Path
        Parquet file with `customer_id` and the name of its planted `segment`.
    rows, customers : int
        Number of lines, without the headers, and of customers.
    """

    out: Path
    paths: tuple[Path, ...]
    truth: Path
    rows: int
    customers: int


def simulate(
    out: Path,
    *,
    rows: int,
    customers: int | None = None,
    seed: int = 0,
    format: Format = "csv",
    start: date = date(2023, 1, 1),
    days: int = 365,
    segments: Sequence[PlantedSegment] = DEFAULT_SEGMENTS,
    noise: float = 1.0,
    warts: float = 1.0,
    truth: Path | None = None,
    progress: Callable[[int], None] | None = None,
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
    warts : float, default 1
        Factor on all that goes wrong; 0 writes a clean dump of purchases with a customer only.
    truth : Path, optional
        By default ``<out>.truth.parquet``: outside the folder, so that it is not read with the dump.
    progress : callable, optional
        Called with the number of lines written so far, after each block.

    Returns
    -------
    SimulatedDump

    Raises
    ------
    UsageError
        If an argument makes no sense.
    OutputError
        If `out` is there and not empty, or cannot be created.
    StorageError
        If the disk is full or writing fails.
    """
    out = Path(out)
    truth = out.with_name(f"{out.name}.truth.parquet") if truth is None else Path(truth)
    _check(out, truth, rows=rows, seed=seed, format=format, days=days, noise=noise, warts=warts)
    check_segments(segments, start, days)
    world = World(
        rows=rows,
        customers=_count_customers(rows, customers, segments, noise, warts),
        seed=seed,
        noise=noise,
        warts=warts,
        segments=tuple(segments),
        windows=tuple(window(segment, start, days) for segment in segments),
        catalogue=build_catalogue(segments, noise),
        calendar=build_calendar(start, days),
        as_text=format == "csv",
    )
    with fresh_folder(out, beside=truth) as (folder, truth_part):
        names = _write(world, folder, truth_part, format, progress)
    return SimulatedDump(
        out=out,
        paths=tuple(out / name for name in sorted(names)),
        truth=truth,
        rows=rows,
        customers=world.customers,
    )


def _check(
    out: Path, truth: Path, *, rows: int, seed: int, format: str, days: int, noise: float, warts: float
) -> None:
    if rows < _LEAST_ROWS:
        raise UsageError(f"rows={rows}, expected {_LEAST_ROWS} or more")
    if seed < 0:
        raise UsageError(f"seed={seed}, expected 0 or more")
    if format not in FORMATS:
        raise UsageError(f"format={format!r}, expected one of: {', '.join(FORMATS)}")
    if not SHORTEST_WINDOW <= days <= _MOST_DAYS:
        raise UsageError(f"days={days}, expected {SHORTEST_WINDOW} to {_MOST_DAYS}")
    if not (math.isfinite(noise) and noise >= 0):
        raise UsageError(f"noise={noise}, expected a number, 0 or more")
    if not 0 <= warts <= _MOST_WARTS:
        raise UsageError(f"warts={warts}, expected a number from 0 to {_MOST_WARTS:g}")
    if truth.resolve().is_relative_to(out.resolve()):
        raise UsageError(f"truth={truth} is inside {out}, where it would be read as data: put it beside")


def _count_customers(
    rows: int, customers: int | None, segments: Sequence[PlantedSegment], noise: float, warts: float
) -> int:
    """Return the number of customers: one in each block, and ten lines for each, is enough with many warts."""
    least, most = count_blocks(rows), rows // 10
    if customers is None:
        share = 1 - (1 - _KNOWN) * warts
        return min(max(least, round(rows * share / lines_per_customer(segments, noise))), most)
    if not least <= customers <= most:
        raise UsageError(f"customers={customers}, expected {least} to {most} with rows={rows}")
    return customers


def _write(
    world: World, folder: Path, truth: Path, format: Format, progress: Callable[[int], None] | None
) -> list[str]:
    """Write all blocks and return the names of the files in the folder."""
    several = count_blocks(world.rows) > _BLOCKS_PER_FILE
    written = 0
    with (
        MonthFiles(folder, format=format, schema=LINES) as months,
        MonthFiles(truth.parent, format="parquet", schema=TRUTH) as customers,
    ):
        for block in world.blocks():
            part, place = divmod(block.number, _BLOCKS_PER_FILE)
            if place == 0:
                months.close()
            for month, lines in block.months:
                months.write(f"{month}-{part + 1:04}" if several else month, lines)
            customers.write(truth.stem, block.truth)
            written += block.n_lines
            if progress is not None:
                progress(written)
    return [path.name for path in months.paths]
