"""How every run begins: its inputs and their fingerprint, where it goes, and what it follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from segcore import engine, errors, ingest, logs, storage
from segcore.job import Job
from segcore.pipeline.core import job_file
from segcore.pipeline.core.options import RunOptions
from segcore.pipeline.core.plan import Places, Plan, Refresh, whole
from segcore.pipeline.core.run import RunContext
from segcore.pipeline.customers import attributes
from segcore.pipeline.finished import previous_run
from segcore.pipeline.lines import id_map, join_tables, kept_keys
from segcore.progress import Progress
from segcore.storage.cache import Cache, refuse_store


def plan(
    inputs: str | Path | Sequence[str | Path],
    settings: Job,
    places: Places,
    *,
    budget: int,
    refresh: Refresh,
    fresh: bool = False,
) -> Plan:
    """Find the inputs and lay out the run; what runs have left in a folder of the inputs is none.

    Raises
    ------
    segcore.errors.SegcoreError
        If an input is not there, or is of no known kind, or the job reads incrementally where that cannot be done.
    """
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    everything, unread = ingest.find(given)
    tables, beside = attributes.find(settings)
    joined, near = join_tables.find(settings)
    beside |= near
    sources = join_tables.without([source for source in everything if not places.hold(source.path)], joined)
    unread |= beside | {source.name: ingest.LEFT_BY_RUNS for source in everything if places.hold(source.path)}
    if not sources:
        raise errors.InputNotFoundError(
            f"{errors.listing(map(str, given))}: holds nothing but earlier runs; name the transactions"
        )
    if settings.input.incremental:
        refuse_store(places.cache)
        kept_keys.check(settings)
    return Plan(
        sources=sources,
        extra=tables,
        ids=id_map.find(settings),
        joined=joined,
        settings=settings,
        budget=budget,
        refresh=refresh,
        fresh=fresh,
        unread={
            path: ingest.LEFT_BY_RUNS if places.hold(whole(path)) else reason
            for path, reason in unread.items()
        },
    )


def follow(
    plan: Plan, places: Places, given: storage.Place | None, progress: Progress, fetched: ExitStack
) -> Plan:
    """Let a run follow the given one, else the latest in its OUT; to be asked while alone there.

    A run that was killed when it was published already, and not yet tidied up, is resumed.
    """
    if given is None and (left := previous_run.unfinished(places.out, places.stages)) is not None:
        again = plan.following(None, left.identity.previous_mark)
        if again.fingerprint == left.fingerprint:
            return again
    previous = previous_run.of(places.out, given, fetched, warn=progress.warn)
    return plan.following(previous, None if previous is None else previous.mark)


def _cache(settings: Job, places: Places, options: RunOptions, progress: Progress) -> Cache | None:
    """Open what earlier runs have kept, where the job reads incrementally; by its whole path, as a worker stands elsewhere."""
    if not settings.input.incremental:
        return None
    kept = Cache(
        folder=Path(places.cache).absolute(),
        store=places.stored_cache,
        limit=options.cache_limit,
        log=progress.log,
    )
    kept.open()
    return kept


@contextmanager
def opened(
    plan: Plan, places: Places, options: RunOptions, previous: storage.Place | None
) -> Iterator[RunContext]:
    """Open the workspace of a run, alone on its OUT, and give what every step of the run needs."""
    progress = Progress(quiet=options.quiet or options.log_format == "json")

    def fingerprint() -> str:
        nonlocal plan
        plan = follow(plan, places, previous, progress, fetched)
        return plan.fingerprint

    with (
        logs.to_stderr(options.log_format, quiet=options.quiet),
        ExitStack() as fetched,  # the run that it follows, where that is in a store
        storage.workspace(
            places.out,
            fingerprint,
            scratch=places.scratch,
            resume=options.resume,
            wait=options.wait,
            log=progress.log,
        ) as work,
    ):
        run_id = logs.CONTEXT["run"] = storage.run_id(work.begun, plan.fingerprint)
        # The clock is read once; the run's job.toml holds what it was, the fingerprint does not.
        if plan.previous is not None:
            progress.expect((stage.name, stage.seconds) for stage in plan.previous.manifest.stages)
        plan = replace(plan, settings=job_file.with_clock(plan.settings, work.begun))
        run = RunContext(
            work=work,
            run_id=run_id,
            plan=plan,
            progress=progress,
            cache=_cache(plan.settings, places, options, progress),
        )
        engine.limit_polars(plan.budget, spill=run.temporary("spill"))
        try:
            yield run
        finally:
            if run.cache is not None:
                run.cache.close()
