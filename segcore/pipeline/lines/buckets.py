"""The lines of all customers as stage ``lines`` left them: buckets in hash order, and the rejected lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from segcore.storage import read_json, write_json

_STAGE = "stage.json"


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """The lines of some customers, a range of hash order.

    Attributes
    ----------
    rows : int
    low, high : int
        Its range of hashes, whether or not lines have its ends.
    slices : tuple of tuple of str
        Files, relative to the stage's folder. There is more than one slice where a customer has more lines than a
        bucket should hold; copies of a line are in one slice, and where returns take back purchases, so is a product.
    whole_orders : bool
        Whether every order is in one slice.
    """

    rows: int
    slices: tuple[tuple[str, ...], ...]
    whole_orders: bool = False
    low: int = 0
    high: int = 2**64 - 1


FileIdentity = tuple[str, int | None, int | None]
"""What tells a file and how its lines were read: its key, its last time, and its first that was too late to be read."""


@dataclass(frozen=True, kw_only=True)
class KnownFiles:
    """The files of a run that reads incrementally, and what has changed in them since customers were kept.

    Attributes
    ----------
    files : tuple of FileIdentity
        By number.
    late : int or None
        The time from which lines are left out, seconds since 1970.
    customers : str
        Name of the piece of the cache that holds the customers; empty where there is none that may be used.
    numbers : dict of int to int
        From the number of a file then to its number now.
    changed : str
        File, relative to the stage's folder, with the hashes of the customers of new files and of those that are gone.
    """

    files: tuple[FileIdentity, ...]
    late: int | None
    customers: str = ""
    numbers: dict[int, int] = field(default_factory=dict)
    changed: str = ""


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """What stage ``lines`` left.

    Attributes
    ----------
    folder : str
        Where every worker sees it: a path or a URL.
    buckets : tuple of Bucket
        In hash order; none is empty.
    rejects, texts : tuple of str
        Files of the rejected lines; and of their texts, where the job wants all of them.
    summaries : tuple of str
        Files with no more than the summary of other rejected lines, see :func:`segcore.lines.rejected.summary`.
    groups : tuple of tuple of int
        Numbers of the files that were scanned together: a line's record counts from the first one of them.
    first_at, last_at : int or None
        Time of the first and last line with a readable one in the observation window, seconds since 1970.
    oldest, newest : int or None
        Time of the first and last line with a readable one at all.
    window_first : int or None
        Where the window begins: lines before it are in the buckets for a look back alone.
    rows_before : int
        How many those are.
    known : KnownFiles or None
        Where files are read incrementally.
    """

    folder: str
    buckets: tuple[Bucket, ...]
    rejects: tuple[str, ...]
    texts: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    first_at: int | None
    last_at: int | None
    oldest: int | None
    newest: int | None
    window_first: int | None
    rows_before: int
    known: KnownFiles | None = None
    summaries: tuple[str, ...] = ()

    def paths(self, names: Sequence[str]) -> list[str]:
        """Return where some of the files lie."""
        return [f"{self.folder}/{name}" for name in names]


def save(folder: Path, buckets: Buckets) -> None:
    """Write what a stage leaves into its folder."""
    write_json(folder / _STAGE, asdict(buckets))


def load(folder: Path, shared: str) -> Buckets:
    """Read what :func:`save` wrote, in a folder that every worker sees as `shared`."""
    return TypeAdapter(Buckets).validate_python(read_json(folder / _STAGE) | {"folder": shared})
