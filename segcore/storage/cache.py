"""What one run keeps for the next: pieces that are whole and as they were written, or not there; free to go at any time."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segcore import errors
from segcore.storage import cache_copy, places
from segcore.storage.cache_copy import ABOUT, PIECES
from segcore.storage.files import digests, disk_errors, sync_folder, sync_tree, tree_bytes
from segcore.storage.opening import stages_of
from segcore.storage.ownership import PART, take_work_folder
from segcore.storage.places import Place
from segcore.stores import is_url

FOLDER = "cache"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Files that belong together.

    Attributes
    ----------
    folder : Path
    facts : object
        What was said of them when they were kept; plain values.
    digests : mapping of str to str
        Of its files, by name, as they were when this run wrote or looked at them.
    size : int
        Bytes on disk.
    """

    folder: Path
    facts: Any
    digests: Mapping[str, str]
    size: int


def cache_of(out: Place, scratch: Place | None) -> Place:
    """Return where the cache of the runs of an `out` lies: beside its runs, or below a scratch beside their stages."""
    return places.join(out, FOLDER) if scratch is None else f"{stages_of(out, scratch)}-{FOLDER}"


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Pieces below a folder, read and written by the one run that is at work on its OUT.

    Attributes
    ----------
    folder : Path
    store : str, optional
        URL of what the folder is a copy of: a cache that lies in an object store.
    limit : int, optional
        Bytes that it may have at the end of a run; any number without it.
    log : callable
        Called with a message.
    """

    folder: Path
    store: str | None = None
    limit: int | None = None
    log: Callable[[str], None] = lambda text: None
    _checked: dict[str, Piece] = field(default_factory=dict)

    def open(self) -> None:
        """Make the folder, private, or take the one that is there; what was half written is swept.

        Raises
        ------
        segcore.errors.OutputError
            If it is somebody else's, or cannot be made.
        segcore.errors.UnreachableError
            If the store that it is a copy of does not answer.
        """
        with disk_errors(self.folder):
            take_work_folder(self.folder, holds="what runs keep for the next one")
            self.folder.chmod(places.PRIVATE)
            (self.folder / PIECES).mkdir(mode=places.PRIVATE, exist_ok=True)
            for part in self.folder.rglob(f"*{PART}"):
                places.remove(part)
            if self.store is not None and (fetched := cache_copy.fetch(self.store, self.folder)):
                self.log(f"{fetched / 1e6:,.1f} MB of the cache were fetched from {self.store}")

    def close(self) -> None:
        """Leave nothing behind where nothing was kept."""
        if not any((self.folder / PIECES).glob("*")):
            if self.store is not None:
                cache_copy.remove_notes(self.store)
            places.remove(self.folder)

    def pieces(self) -> list[Piece]:
        """Return the pieces whose files are as they were written, by name; others are removed, and said."""
        for folder in sorted((self.folder / PIECES).iterdir()):
            if folder.name in self._checked:
                continue
            about = self._about(folder)
            if about is None:
                self.log(f"{folder}: is not as it was written; what it was made from is read anew")
                self._remove(folder)
            else:
                self._checked[folder.name] = _piece(folder, about)
        return [self._checked[name] for name in sorted(self._checked)]

    @contextmanager
    def adding(self) -> Iterator[Path]:
        """Give a new folder for the files of a piece; without :meth:`add` it is gone at the end."""
        part = self.folder / PIECES / f"{uuid.uuid4().hex}{PART}"
        part.mkdir(mode=places.PRIVATE)
        try:
            yield part
        finally:
            places.remove(part)

    def add(self, part: Path, facts: Any) -> Piece:
        """Keep the files in a folder of :meth:`adding`: on disk before it has a name."""
        about = {"files": digests(part, places.list_files(part)), "facts": facts}
        _write(part / ABOUT, about)
        sync_tree(part)
        folder = part.with_name(part.name.removesuffix(PART))
        part.rename(folder)
        sync_folder(folder.parent)
        if self.store is not None:
            cache_copy.put(self.store, folder)
        self._checked[folder.name] = piece = _piece(folder, about)
        return piece

    def remove(self, piece: Piece) -> None:
        """Remove a piece, its name first."""
        self._checked.pop(piece.folder.name, None)
        self._remove(piece.folder)

    def _remove(self, folder: Path) -> None:
        if self.store is not None:
            cache_copy.remove(self.store, folder.name)
        part = folder.with_name(folder.name + PART)
        folder.rename(part)
        places.remove(part)

    def note(self, name: str) -> Any:
        """Return what :meth:`write_note` left; None where it is not there or not as it was written."""
        return _read(self.folder / f"{name}.json")

    def write_note(self, name: str, data: Any) -> None:
        """Keep a few plain values."""
        if self.note(name) == data:
            return
        path = self.folder / f"{name}.json"
        _write(path, data)
        if self.store is not None:
            places.copy(self.folder, self.store, [path.name])

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return tree_bytes(self.folder)

    def _about(self, folder: Path) -> Any:
        about = _read(folder / ABOUT)
        if about is None:
            return None
        if {*places.list_files(folder)} != {*about["files"], ABOUT}:
            return None
        return about if digests(folder, about["files"]) == about["files"] else None


def _piece(folder: Path, about: Mapping[str, Any]) -> Piece:
    return Piece(folder=folder, facts=about["facts"], digests=about["files"], size=tree_bytes(folder))


def _write(path: Path, data: Any) -> None:
    text = json.dumps(data)
    places.write_text(path, f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}\n")


def _read(path: Path) -> Any:
    try:
        digest, _, text = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    text = text.removesuffix("\n")
    return json.loads(text) if hashlib.sha256(text.encode()).hexdigest() == digest else None


def link(source: Path, target: Path) -> None:
    """Let a file be found below another folder too, without a copy where the disk can do that."""
    target.parent.mkdir(mode=places.PRIVATE, parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError as exc:
        if not source.exists():
            raise errors.BusyError(
                f"{source}: was removed while the run was at work; run the same command again"
            ) from exc
        shutil.copyfile(source, target)  # it is another disk, or one without links


def refuse_store(cache: Place) -> None:
    """Refuse to work on a cache in an object store.

    Raises
    ------
    segcore.errors.JobError
    """
    if is_url(cache):
        raise errors.JobError(
            f"{cache}: input.incremental (--incremental) works on a disk, and an object store is none: give a folder for --scratch; "
            "what is kept goes to the cache in OUT as well, so the folder need not stay"
        )
