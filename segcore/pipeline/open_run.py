"""How every run begins: its inputs and their fingerprint, where it goes, and what it follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from segcore import engine, errors, ingest, logs, storage
from segcore.job import Job
from segcore.pipeline.core import job_file
from segcore.pipeline.core.plan import Places, Plan
from segcore.pipeline.customers import attributes
from segcore.pipeline.finished import previous_run
from segcore.progress import Progress


def plan(
    inputs: str | Path | Sequence[str | Path],
    settings: Job,
    memory: int | None,
    places: Places,
    **how: Any,
) -> Plan:
    """Find the inputs and lay out the run; what runs have left in a folder of the inputs is none.

    Raises
    ------
    segcore.errors.SegcoreError
        If an input is not there, or is of no known kind.
    """
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    sources = [source for source in ingest.discover(given) if not places.hold(source.path)]
    if not sources:
        raise errors.InputNotFoundError(
            f"{errors.listing(map(str, given))}: holds nothing but earlier runs; name the transactions"
        )
    return Plan(
        sources=sources,
        extra=attributes.discover(settings),
        settings=settings,
        budget=memory or engine.default_budget(),
        how=how,
    )


def follow(
    made: Plan, places: Places, given: storage.Place | None, progress: Progress, open_: ExitStack
) -> Plan:
    """Let a run follow the given one, else the latest in its OUT; to be asked while alone there.

    A run that was killed when it was published already, and not yet tidied up, is gone on with.
    """
    if given is None and (left := previous_run.untidied(places.out, places.stages)) is not None:
        again = made.following(None, left["mark"])
        if again.mark == left["fingerprint"]:
            return again
    before = previous_run.of(places.out, given, open_, warn=progress.warn)
    return made.following(before, None if before is None else before.mark)


@contextmanager
def opened(
    made: Plan,
    places: Places,
    given: storage.Place | None,
    *,
    resume: bool,
    wait: bool,
    log_format: logs.Format,
    quiet: bool,
) -> Iterator[tuple[storage.Workspace, Plan, str, Progress]]:
    """Open the workspace of a run, alone on its OUT, and give it with the plan, the run's id and its progress."""
    progress = Progress(quiet=quiet or log_format == "json")
    plans: list[Plan] = []

    def mark() -> str:
        plans.append(follow(made, places, given, progress, open_))
        return plans[-1].mark

    with (
        logs.to_stderr(log_format, quiet=quiet),
        ExitStack() as open_,  # what the run follows, where it has to be fetched
        storage.workspace(
            places.out, mark, scratch=places.scratch, resume=resume, wait=wait, log=progress.log
        ) as work,
    ):
        run_id = logs.CONTEXT["run"] = f"{work.begun:%Y%m%dT%H%M%SZ}-{plans[-1].mark[:8]}"
        spill = work.folder / "spill.part"
        spill.mkdir(mode=0o700)
        engine.limit_polars(made.budget, spill=spill)
        # The clock is read once; the run's job.toml says what it was, the fingerprint does not.
        clock = job_file.with_clock(plans[-1].settings, work.begun)
        yield work, replace(plans[-1], settings=clock), run_id, progress
