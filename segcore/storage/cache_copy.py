"""A cache in an object store: its pieces lie there, and a copy of it on a disk is what runs work on.

A piece never changes, so one that is here already is not fetched again. Its description is stored last and removed first: a piece
without one is half stored, or half removed, and counts for nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from segcore.storage import places
from segcore.storage.ownership import PART

PIECES, ABOUT = "pieces", "piece.json"
_FILE = re.compile(rf"{PIECES}/(?P<piece>[0-9a-f]{{32}})/(?P<file>.+)")
_NOTE = re.compile(r"[^/.]+\.json")


def fetch(store: str, folder: Path) -> int:
    """Let a folder hold what the store holds, and return how many bytes of pieces were fetched.

    Parameters
    ----------
    store : str
        URL of the cache.
    folder : Path
        What is in it and not in the store goes.

    Raises
    ------
    segcore.errors.UnreachableError
        If the store does not answer.
    """
    there = places.sizes(store)
    files: dict[str, list[str]] = defaultdict(list)
    for path in there:
        if of_piece := _FILE.fullmatch(path):
            files[of_piece["piece"]].append(of_piece["file"])
    for half in [piece for piece, names in files.items() if ABOUT not in names]:
        remove(store, half)
        files.pop(half)
    here = {*places.list_folders(folder / PIECES)}
    for gone in here - files.keys():
        places.remove(folder / PIECES / gone)
    new = files.keys() - here
    for piece in new:
        part = folder / PIECES / (piece + PART)
        places.copy(places.join(store, PIECES, piece), part, files[piece])
        part.rename(folder / PIECES / piece)
    notes = {path for path in there if _NOTE.fullmatch(path)}
    for gone in {*places.list_files(folder, deep=False)} - notes:
        if _NOTE.fullmatch(gone):
            places.remove(folder / gone)
    places.copy(store, folder, notes)  # they are small, and change with each run
    return sum(there[f"{PIECES}/{piece}/{name}"] for piece in new for name in files[piece])


def put(store: str, piece: Path) -> None:
    """Store a piece of a folder, its description last."""
    there = places.join(store, PIECES, piece.name)
    places.copy(piece, there, [name for name in places.list_files(piece) if name != ABOUT])
    places.copy(piece, there, [ABOUT])


def remove(store: str, piece: str) -> None:
    """Remove a piece by its name, its description first."""
    there = places.join(store, PIECES, piece)
    places.remove(places.join(there, ABOUT))
    places.remove(there)


def remove_notes(store: str) -> None:
    """Remove the notes that go with pieces, and nothing of others."""
    for name in places.list_files(store, deep=False):
        if _NOTE.fullmatch(name):
            places.remove(places.join(store, name))
