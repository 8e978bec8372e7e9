"""An input that is ready to be scanned: its files by header, and the job completed by what is known of their system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segcore import ingest
from segcore.ingest import FileGroup, Prepared, known_systems
from segcore.job import Job


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
