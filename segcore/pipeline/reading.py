"""The input of a run: looked through, its columns found, its dates and numbers understood."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from segcore import errors, ingest, stores
from segcore.ingest import Conventions, Layout, Prepared, Source, conventions
from segcore.job import Job
from segcore.progress import Progress
from segcore.storage import read_json, write_json

_FILES = "files.json"
_SAMPLE_FILES, _SAMPLE_LINES = 16, 500

_WITHOUT = {
    "order_id": "one order per customer and day is assumed",
    "product_id": "there is no feature unique_products",
    "description": "products are shown by their code",
    "country": "customers have no country",
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Sources that are ready to be scanned.

    Attributes
    ----------
    files : list of Prepared
        All files of the input, by number.
    layouts : list of Layout
        The same files by header.
    """

    files: list[Prepared]
    layouts: list[Layout]

    def scan(self, layout: Layout) -> pl.LazyFrame:
        """Return the lines of a layout, as :func:`segcore.ingest.scan` does."""
        return ingest.scan(layout)

    @property
    def absent_features(self) -> list[str]:
        """Features that some of the files cannot say anything about."""
        absent = [] if all("product_id" in layout.columns for layout in self.layouts) else ["unique_products"]
        by_amount = any(layout.by_amount for layout in self.layouts)
        return [*absent, "item_count", "mean_basket_items"] if by_amount else absent


def prepare(
    folder: Path, sources: Sequence[Source], settings: Job, *, memory: int, progress: Progress
) -> int:
    """Stage ``input``: look through every source, say what was assumed, and return how many lines there are.

    Raises
    ------
    segcore.errors.DataError
        If a file is damaged or is no table, or a required column is not there.
    segcore.errors.InputNotFoundError
        If a file is gone.
    """
    files = ingest.prepare(sources, settings.input, folder, memory=memory)
    reading = Reading(files=files, layouts=ingest.layouts(files, settings.columns))
    n_lines = sum(file.n_records for file in files)
    if n_lines == 0:
        raise errors.DataError("the input holds no lines; expected at least one below the header")
    check_ids(reading)
    for text in notes(reading, settings):
        progress.warn(text)
    for text in assumptions(reading, settings):
        progress.say(text)
    write_json(folder / _FILES, [file.to_json(folder) for file in files])
    return n_lines


def check_ids(reading: Reading) -> None:
    """Refuse customer ids that were written as floats which do not tell neighbours apart.

    Raises
    ------
    segcore.errors.DataError
        If there is an id of 2^53 or more.
    """
    for layout in reading.layouts:
        if layout.dtypes["customer_id"].is_float():
            largest = reading.scan(layout).select(pl.col("customer_id").fill_nan(None).abs().max())
            if (_collect(largest).item() or 0) >= ingest.EXACT_FLOAT:
                raise errors.DataError(
                    f"{_where(layout)}: customer ids are floats of 2^53 and more, where different ids look the same; "
                    "expected integers or text: export them as such"
                )


def load(folder: Path, settings: Job) -> Reading:
    """Read what stage ``input`` left."""
    files = [Prepared.from_json(data, folder) for data in read_json(folder / _FILES)]
    return Reading(files=files, layouts=ingest.layouts(files, settings.columns))


def notes(reading: Reading, settings: Job) -> list[str]:
    """Say what a person should know: columns that are missing, bytes that could not be decoded."""
    missing = [
        f"no column holds the {name.replace('_', ' ')} in {_where(layout)}: {meaning}"
        for name, meaning in _WITHOUT.items()
        if (layout := next((lay for lay in reading.layouts if name not in lay.columns), None))
    ]
    if any(layout.by_amount for layout in reading.layouts):
        if settings.features.returns == "net":
            raise errors.DataError(
                'lines say their amount, not quantity and price: expected both for features.returns = "net"'
            )
        missing.append(
            "lines say their amount, not quantity and price: there are no features item_count and mean_basket_items"
        )
    return [*missing, *(note for file in reading.files for note in file.notes)]


def assumptions(reading: Reading, settings: Job) -> list[str]:
    """Say what nobody asked for and was found by looking."""
    said = []
    for layout in reading.layouts:
        found = {name: column for name, column in layout.columns.items() if name not in settings.columns}
        if found:
            names = ", ".join(f"{name} = {column!r}" for name, column in found.items())
            said.append(f"assumed in {_where(layout)}: {names}")
    encodings = {file.encoding for file in reading.files} - {"", "utf-8"}
    if encodings and not settings.input.encoding:
        said.append(f"found by looking: text in {errors.listing(encodings)}")
    return said


def _where(layout: Layout) -> str:
    others = len(layout.files) - 1
    return layout.files[0].source.path + (f" and {others:,} more" if others else "")


def understand(reading: Reading, settings: Job, *, every: bool) -> list[Conventions]:
    """Decide how each layout writes its dates and numbers.

    Parameters
    ----------
    reading : Reading
    settings : segcore.job.Job
    every : bool
        Look at every line. Without it, some lines of some files do where nothing in them can be read in two ways.

    Raises
    ------
    segcore.errors.DataError
        If dates or numbers could be read in two ways and it matters.
    """
    found = []
    for layout in reading.layouts:
        shapes = None if every else _collect(conventions.shapes(_sample(reading, layout), layout))
        if shapes is None or not conventions.is_settled(shapes, settings.input):
            shapes = _collect(conventions.shapes(reading.scan(layout), layout))
        found.append(conventions.decide(shapes, layout, settings.input))
    return found


def _sample(reading: Reading, layout: Layout) -> pl.LazyFrame:
    step = -(-len(layout.files) // _SAMPLE_FILES)
    some = [*layout.files[::step], layout.files[-1]]
    return pl.concat(
        reading.scan(replace(layout, files=(file,))).head(_SAMPLE_LINES) for file in dict.fromkeys(some)
    )


def _collect(lf: pl.LazyFrame) -> pl.DataFrame:
    with readable():
        return lf.collect(engine="streaming")


@contextmanager
def readable() -> Iterator[None]:
    """Turn what Polars says about a source into one line, where the source is collected.

    Raises
    ------
    segcore.errors.DataError
        If a file breaks off or is not what its name says.
    segcore.errors.InputNotFoundError
        If a file is gone.
    """
    try:
        with stores.failures():
            yield
    except FileNotFoundError as exc:
        raise errors.InputNotFoundError(f"{_first_line(exc)}: was a file moved while it was read?") from exc
    except pl.exceptions.PolarsError as exc:
        raise errors.DataError(
            f"the input cannot be read: {_first_line(exc)}; fetch or export it again"
        ) from exc
    except OSError as exc:
        if exc.errno not in (None, errno.ENOENT) or "space left" in str(exc):
            raise
        raise errors.DataError(
            f"the input cannot be read: {_first_line(exc)}; fetch or export it again"
        ) from exc


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]
