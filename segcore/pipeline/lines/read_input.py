"""Stage ``input``: every source looked through, its columns assigned, its dates and numbers understood."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path

import polars as pl

from segcore import engine, errors, ingest, schema
from segcore.ingest import (
    FileGroup,
    Formats,
    Prepared,
    Source,
    amounts,
    currencies,
    formats,
    known_systems,
    value_patterns,
)
from segcore.ingest.value_patterns import by_frequency
from segcore.job import Input, Job
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.lines import join_tables, kept_facts, repartition
from segcore.storage import copy, disk_failures, list_files, private_folder, read_json, write_json
from segcore.stores import is_url

_FILES = "files.json"
_SAMPLE_FILES, _SAMPLE_LINES = 16, 500
_END_OF_TIME = 253_402_300_799  # of the year 9999

_WITHOUT = {
    "order_id": "one order per customer and day is assumed, and equal lines may be different purchases: "
    'cleaning.duplicates = "keep" counts them all',
    "product_id": "there is no feature unique_products",
    "description": "products are shown by their code",
    "country": "customers have no country",
}


@dataclass(frozen=True, kw_only=True)
class FilledLines:
    """Lines of a group of files with their blank fields filled.

    Attributes
    ----------
    paths : tuple of str
        Where they are; no files where nothing had to be filled.
    scans : tuple of tuple of int
        Numbers of the files that were scanned together.
    """

    paths: tuple[str, ...]
    scans: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class PreparedInput:
    """Sources that are ready to be scanned.

    Attributes
    ----------
    files : list of Prepared
        The files that are read, by number.
    file_groups : list of FileGroup
        The same files by header.
    settings : Job
        The job, completed by what is known of the system that the files are exports of.
    aside : tuple of str
        Files without the columns that are needed, which the job leaves aside.
    filled : list of FilledLines
        Of each group, what stage ``fill`` left, where the job asks for it.
    ids : str
        The file that stage ``ids`` left, where the job has a map of ids.
    """

    files: list[Prepared]
    file_groups: list[FileGroup]
    settings: Job
    aside: tuple[str, ...] = ()
    filled: Sequence[FilledLines] = ()
    ids: str = ""

    @classmethod
    def of(cls, files: list[Prepared], settings: Job) -> PreparedInput:
        """Group the files of transactions by header, and find their columns."""
        settings = known_systems.completed(files, settings)
        groups = ingest.group_files(files, settings)
        read = sorted((file for group in groups for file in group.files), key=lambda file: file.number)
        there = {file.source for file in read}
        aside = tuple(file.source.name for file in files if file.source not in there)
        return cls(files=read, file_groups=groups, settings=settings, aside=aside)

    @property
    def n_lines(self) -> int:
        """Lines in all files, below their headers."""
        return sum(file.n_records for file in self.files)

    @property
    def filled_paths(self) -> list[tuple[str, ...]]:
        """The files with the filled lines of each group; none where the group itself is scanned."""
        return [one.paths for one in self.filled] or [() for _ in self.file_groups]

    @property
    def by_amount(self) -> bool:
        """Whether some lines say their amount in place of quantity and price."""
        return any(group.by_amount for group in self.file_groups)

    @property
    def absent_features(self) -> list[str]:
        """Features that some of the files cannot say anything about."""
        absent = (
            [] if all("product_id" in group.columns for group in self.file_groups) else ["unique_products"]
        )
        return [*absent, "item_count", "mean_basket_items"] if self.by_amount else absent


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Sources to be looked through."""

    first: int
    sources: Sequence[Source]
    settings: Input
    folder: str
    memory: int


def prepare(run: RunContext) -> PreparedInput:
    """Stage ``input``: look through every source, warn of what is not there, and log what was assumed.

    Raises
    ------
    segcore.errors.DataError
        If a file is damaged or is no table, or a required column is not there.
    segcore.errors.InputNotFoundError
        If a file is gone.
    """
    run.stage("input", partial(_prepare, run))
    return load(run)


def load(run: RunContext) -> PreparedInput:
    """Read what :func:`prepare` left."""
    folder = run.work.path("input")
    shared = run.work.shared(folder)
    return PreparedInput.of(
        [Prepared.from_json(data, shared) for data in read_json(folder / _FILES)], run.settings
    )


def _prepare(run: RunContext, folder: Path) -> int:
    settings = run.settings
    shared = run.work.shared(folder)  # copies of sources go where every worker sees them

    def look(sources: Sequence[Source]) -> list[Prepared]:
        parts = list(engine.batches(sources, lambda source: source.size))
        tasks = [
            _Task(first=first, sources=part, settings=settings.input, folder=shared, memory=run.plan.budget)
            for first, part in zip(accumulate(map(len, parts), initial=0), parts, strict=False)
        ]
        return [file for part in engine.run_tasks(_look, tasks, label="input") for file in part]

    if run.cache is None:
        files = look(run.plan.sources)
    else:
        files = kept_facts.looked_through(run.cache, run.plan.sources, settings, look, memory=run.plan.budget)
    if settings.join:
        files = _joined(files, run, shared)
    source = PreparedInput.of(files, settings)
    settings = source.settings
    check_lines(source)
    check_ids(source)
    for reason, names in ingest.by_reason(run.plan.unread).items():
        say = run.progress.log if reason in ingest.HARMLESS else run.progress.warn
        say(
            f"{len(names):,} file(s) of the input's folders are not read {reason}: {errors.listing(names, most=5)}"
        )
    for text in notes(source, settings):
        run.progress.warn(text)
    if told := known_systems.sentence(*known_systems.of_files(source.files, run.settings)):
        run.progress.log(told)
    for text in _assumptions(source, settings):
        run.progress.log(text)
    write_json(folder / _FILES, [file.to_json(shared) for file in source.files])
    return source.n_lines


def check_lines(source: PreparedInput) -> None:
    """Refuse an input without lines.

    Raises
    ------
    segcore.errors.DataError
    """
    if source.n_lines == 0:
        raise errors.DataError("the input holds no lines; expected at least one below the header")


def _joined(files: list[Prepared], run: RunContext, shared: str) -> list[Prepared]:
    """Give the lines the columns of other tables; the copies go where every worker sees them."""

    def into(folder: Path) -> list[Prepared]:
        return join_tables.joined(files, run.plan.joined, run.settings, folder, memory=run.plan.budget)

    target = repartition.new_folder(shared)
    if not is_url(target):
        Path(target).mkdir(mode=0o700)
        return into(Path(target))
    with private_folder() as here:
        out = into(here)
        copy(here, target, [file.path.removeprefix(f"{here}/") for file in out])
    return [file.moved(str(here), target) for file in out]


def _look(task: _Task) -> list[Prepared]:
    """Look through some sources, and leave what has to be written anew in a folder that no other try writes to."""
    target = repartition.new_folder(task.folder)

    def into(folder: Path) -> list[Prepared]:
        return ingest.prepare(task.sources, task.settings, folder, memory=task.memory, first=task.first)

    if not is_url(target):
        Path(target).mkdir(mode=0o700)
        return into(Path(target))
    with private_folder() as here:
        files = into(here)
        copy(here, target, list_files(here))
    return [file.moved(str(here), target) for file in files]


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
                    f"{_where(group)}: customer ids in {name!r} are floats ({str(dtype).lower()}) of "
                    f"2^{limit.bit_length() - 1} and more, where different ids look the same; expected integers or text: "
                    "export them as such"
                )


def notes(source: PreparedInput, settings: Job) -> list[str]:
    """Return what a person should know: columns that are missing, bytes that could not be decoded."""
    missing = [
        f"no column holds the {name.replace('_', ' ')} in {_where(group)}: {meaning}"
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
        f"{_where(group)}: {errors.listing(map(repr, off))} may be money that is off a line or an order, and is not used: "
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


def _assumptions(source: PreparedInput, settings: Job) -> list[str]:
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
            texts.append(f"assumed in {_where(group)}: {names}")
        texts += [
            f"{_where(group)}: {name} is the file's column {group.columns[name]!r}, not {folder!r} of its folder"
            for name, folder in ingest.overruled(group).items()
        ]
    encodings = {file.encoding for file in source.files} - {"", "utf-8"}
    if encodings and not settings.input.encoding:
        texts.append(f"found by looking: text in {errors.listing(encodings)}")
    return texts


def _where(group: FileGroup) -> str:
    others = len(group.files) - 1
    return group.files[0].source.name + (f" and {others:,} more" if others else "")


def rest_seed(settings: Job) -> int | None:
    """Return the seed of the hash of columns without another use, which tell equal lines apart, where those are dropped."""
    return None if settings.cleaning.duplicates == "keep" else settings.seed


def understand(
    source: PreparedInput,
    settings: Job,
    *,
    every: bool,
    count: Callable[[FileGroup, int], pl.DataFrame] | None = None,
) -> list[Formats]:
    """Decide how each group of files writes its dates and numbers.

    Parameters
    ----------
    source : PreparedInput
    settings : segcore.job.Job
    every : bool
        Look at every line. Without it, some lines of some files do where nothing in them can be read in two ways.
    count : callable, optional
        Counts the patterns in all lines of a group, with the last year that a date can have; without it they are read.

    Raises
    ------
    segcore.errors.DataError
        If dates or numbers could be read in two ways and it matters.
    """
    decided = []
    found: Counter[str] = Counter()
    last_year = time.gmtime(min(settings.input.latest_second, _END_OF_TIME)).tm_year
    for group in source.file_groups:
        sample = value_patterns.count(_sample(group), group, last_year=last_year)
        seen = None if every else collect(sample)
        if seen is None or not formats.is_settled(seen, settings.input):
            seen = value_patterns.add_up([(count or _patterns_of_all)(group, last_year)])
        how = formats.decide(seen, group, settings.input)
        _check_price(group, how, settings)
        decided.append(replace(how, amount_given=_amount_given(group, how, settings)))
        if not currencies.decides(settings.input):
            found += currencies.of_patterns(by_frequency(seen))
            found += _named_currencies(group)
            currencies.check(found, _where(group))
    return decided


def _check_price(group: FileGroup, how: Formats, settings: Job) -> None:
    """Refuse a price that nobody named and that looks like the amount of its line."""
    if "unit_price" in settings.columns or not {"quantity", "unit_price"} <= {*group.columns}:
        return
    if "line_amount" in group.columns:
        return
    sample = ingest.read_values(_sample(group), group, how, settings, latest=settings.input.latest_second)
    lines = collect(sample.select("quantity", "unit_price"))
    if amounts.holds_quantity(lines, one=10**settings.cleaning.quantity_decimals):
        amounts.refuse_multiple(group.columns["unit_price"], _where(group))


def _amount_given(group: FileGroup, how: Formats, settings: Job) -> bool:
    """Decide whether an amount beside quantity and price is the money of a line, and refuse an order's total."""
    wanted = ["line_amount", "order_id"]
    if "line_amount" not in group.columns or "line_amount" in settings.columns:
        return False
    if "order_id" in group.columns:
        sample = ingest.read_values(_sample(group), group, how, settings, latest=settings.input.latest_second)
        lines = collect(sample.select(*wanted, "product_amount"))
        if amounts.repeats_orders(lines, with_product=group.amount_beside_product):
            if group.by_amount:
                amounts.refuse_order_total(group.columns["line_amount"], _where(group))
            return False
    if group.by_amount or group.discounts:  # an amount may have them off already
        return False
    tasks = [(part, how, settings) for part in task_groups(group)]
    return amounts.added(list(engine.run_tasks(_compare_amounts, tasks, label="amounts"))).is_money


def _compare_amounts(task: tuple[FileGroup, Formats, Job]) -> pl.DataFrame:
    group, how, settings = task
    values = ingest.read_values(ingest.scan(group), group, how, settings, latest=settings.input.latest_second)
    return collect(amounts.compare(values))


def amount_notes(source: PreparedInput, decided: Sequence[Formats]) -> list[str]:
    """Return what was decided about amounts beside quantity and price."""
    return [
        f"{_where(group)}: the money of a line is {group.columns['line_amount']!r}, which is not quantity times price "
        "everywhere"
        if how.amount_given
        else f"{_where(group)}: the money of a line is quantity times price; {group.columns['line_amount']!r} is not used"
        for group, how in zip(source.file_groups, decided, strict=True)
        if group.amount_beside_product
    ]


def _named_currencies(group: FileGroup) -> Counter[str]:
    if not group.currency:
        return Counter()
    counted = pl.concat(engine.run_tasks(_currencies, [*task_groups(group)], label="currencies"))
    known = counted.drop_nulls().group_by("currency").agg(pl.col("lines").sum())
    return Counter(dict(known.iter_rows()))


def _currencies(group: FileGroup) -> pl.DataFrame:
    return collect(currencies.count(ingest.scan(group).filter(~pl.col("malformed")), group))


def task_groups(group: FileGroup) -> Iterator[FileGroup]:
    """Split a group of files into tasks: one on a laptop, a few for each worker of a cluster."""
    for files in engine.batches(group.files, lambda file: file.source.size):
        yield replace(group, files=tuple(files))


def _patterns_of_all(group: FileGroup, last_year: int) -> pl.DataFrame:
    tasks = [(part, last_year) for part in task_groups(group)]
    return pl.concat(engine.run_tasks(_patterns, tasks, label="patterns"))


def patterns_by_file(group: FileGroup, last_year: int) -> pl.LazyFrame:
    """Count the patterns in the lines of a group, by ``file``."""
    return value_patterns.count(ingest.scan(group), group, last_year=last_year, by=["file"])


def _patterns(task: tuple[FileGroup, int]) -> pl.DataFrame:
    group, last_year = task
    return collect(value_patterns.count(ingest.scan(group), group, last_year=last_year))


def _sample(group: FileGroup) -> pl.LazyFrame:
    step = -(-len(group.files) // _SAMPLE_FILES)
    some = [*group.files[::step], group.files[-1]]
    return pl.concat(
        ingest.scan(replace(group, files=(file,))).head(_SAMPLE_LINES) for file in dict.fromkeys(some)
    )


@contextmanager
def writing(folder: str | Path) -> Iterator[None]:
    """Say in one line whether the source or the disk that is written to was why an engine failed."""
    with ingest.readable(), disk_failures(folder):
        yield


def collect(lf: pl.LazyFrame) -> pl.DataFrame:
    """Collect what is read from a source, streaming, with errors in one line."""
    with ingest.readable():
        return lf.collect(engine="streaming")
