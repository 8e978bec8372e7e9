"""What a run is made from, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from segcore import engine, ingest, storage
from segcore.job import Job
from segcore.pipeline.finished.previous_run import Previous
from segcore.storage import cache, history
from segcore.stores import is_url, place

Refresh = Literal["fit", "if-drifted", "score"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run is made from.

    Attributes
    ----------
    sources : sequence
    extra : sequence
        The sources of every other table by customer.
    ids : sequence
        Those of the map of ids.
    joined : sequence
        The sources of every table whose columns the lines get.
    settings : Job
    budget : int
        Bytes of memory.
    refresh : {"fit", "if-drifted", "score"}
        Whether a model is fitted, or the previous run's labels the customers.
    fresh : bool
        Fit and choose as if there were no previous run; ids of segments carry on all the same.
    previous : Previous or None
        The run that it follows.
    fingerprint : str
        Of all that changes the answer.
    unread : mapping of str to str
        Files in the folders of the inputs that are not read, and why.
    """

    sources: Sequence[ingest.Source]
    extra: Sequence[Sequence[ingest.Source]] = ()
    ids: Sequence[ingest.Source] = ()
    joined: Sequence[Sequence[ingest.Source]] = ()
    settings: Job
    budget: int
    refresh: Refresh
    fresh: bool = False
    previous: Previous | None = None
    fingerprint: str = ""
    unread: Mapping[str, str] = field(default_factory=dict)

    def following(self, previous: Previous | None, mark: Sequence[str] | None) -> Plan:
        """Return the plan with the run that it follows, whose own mark is in its fingerprint."""
        parts = {
            "input": [(s.path, s.size, s.modified) for s in self.sources],
            "extra": [[(s.path, s.size, s.modified) for s in table] for table in self.extra],
            "ids": [(s.path, s.size, s.modified) for s in self.ids],
            "joined": [[(s.path, s.size, s.modified) for s in table] for table in self.joined],
            "job": self.settings.model_dump(exclude={"input": {"incremental"}}),  # which changes no answer
            "refresh": [self.refresh, self.fresh],
            "previous": mark,
            **engine.versions(),
        }
        return replace(self, previous=previous, fingerprint=storage.fingerprint(parts))


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a run goes.

    Attributes
    ----------
    out : Path or str
    scratch : Path or str or None
        Where its stages are kept until it is published; in `out` without one.
    """

    out: storage.Place
    scratch: storage.Place | None = None

    @classmethod
    def given(cls, out: str | Path, scratch: str | Path | None = None) -> Places:
        """Read paths and URLs as they were given.

        Raises
        ------
        segcore.errors.UsageError
            If a URL holds credentials.
        """
        return cls(out=place(out), scratch=None if scratch is None else place(scratch))

    def hold(self, path: str) -> bool:
        """Whether a file is one of a run's own."""
        folders = ("runs", "work", cache.FOLDER, history.FOLDER)
        own = (*(storage.join(self.out, name) for name in folders), self.stages, self.cache)
        latest = storage.join(self.out, "latest.json")
        return path == whole(latest) or path.startswith(tuple(f"{whole(one)}/" for one in own))

    @property
    def stages(self) -> storage.Place:
        """Where the stages of all runs in `out` lie."""
        return storage.stages_of(self.out, self.scratch)

    @property
    def cache(self) -> storage.Place:
        """Where a run keeps what the next one need not read again."""
        return cache.cache_of(self.out, self.scratch)

    @property
    def stored_cache(self) -> str | None:
        """URL of what that is a copy of, where runs go to a store; another machine's runs go on from it too."""
        return str(storage.join(self.out, cache.FOLDER)) if is_url(self.out) else None


def whole(place: storage.Place) -> str:
    """Return a URL as it is, or a path that begins at the root."""
    return str(place if is_url(place) else Path(place).absolute())
