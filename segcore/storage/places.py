"""Files and folders by a name that is a path or a URL: written, read, listed, copied, removed.

A place is a :class:`~pathlib.Path`, or a text; a text may be a URL such as ``s3://bucket/folder``. A store has no
folders: whatever has a name that begins so is in one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from segcore.storage.files import write_bytes
from segcore.stores import check_answer, file_system, is_url, listed, store_errors

Place = Path | str

PRIVATE = 0o700  # rejects and features are personal data
_AT_ONCE = 8  # requests wait for the network, not for the processor
_BLOCK = 1 << 23


def join(place: Place, *names: str) -> Place:
    """Return the place of a file or folder below another."""
    return "/".join([str(place), *names]) if is_url(place) else Path(place, *names)


def exists(place: Place) -> bool:
    """Whether there is such a file, or a folder with something in it."""
    if not is_url(place):
        return Path(place).exists()
    with store_errors(str(place)):
        system, path = file_system(str(place))
        kind: str = system.get_file_info(path).type.name
        return kind != "NotFound"


def read(place: Place) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If a store does not have it.
    segcore.errors.UnreachableError
        If it does not answer, or a web page comes in its place.
    OSError
        If a disk does not.
    """
    if not is_url(place):
        return Path(place).read_bytes()
    with store_errors(str(place)):
        system, path = file_system(str(place))
        with system.open_input_stream(path, compression=None) as stream:
            data = bytes(stream.read())
    check_answer(str(place), data[:99])
    return data


def read_json(place: Place) -> Any:
    """Return what a JSON file holds."""
    return json.loads(read(place))


def write(place: Place, data: bytes) -> None:
    """Write a file that is whole or absent; its folder is made where there is none."""
    if not is_url(place):
        Path(place).parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        write_bytes(Path(place), data)
        return
    with store_errors(str(place), writing=True):
        system, path = file_system(str(place))
        with system.open_output_stream(path, compression=None) as stream:
            stream.write(data)


def write_text(place: Place, text: str) -> None:
    """Write text in UTF-8, whole or not at all."""
    write(place, text.encode())


def write_json(place: Place, data: Any) -> None:
    """Write plain values as indented JSON, whole or not at all."""
    write_text(place, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def list_files(folder: Place, *, deep: bool = True) -> list[str]:
    """Return the names of the files in a folder, relative to it and sorted; none where it is not.

    With `deep` those in its folders are among them.

    Raises
    ------
    segcore.errors.UnreachableError
        If a store does not answer, or a web page comes in place of its list.
    """
    if not is_url(folder):
        top = Path(folder)
        paths = top.rglob("*") if deep else top.glob("*")
        return sorted(path.relative_to(top).as_posix() for path in paths if path.is_file())
    return sorted(name for name, _ in _listed(str(folder), recursive=deep, kind="File"))


def sizes(folder: Place) -> dict[str, int]:
    """Return the bytes of all files in a folder and its folders, by their names relative to it."""
    if not is_url(folder):
        return {name: Path(folder, name).stat().st_size for name in list_files(folder)}
    return {name: size or 0 for name, size in _listed(str(folder), recursive=True, kind="File")}


def list_folders(folder: Place) -> list[str]:
    """Return the names of the folders in a folder, sorted; none where it is not."""
    if not is_url(folder):
        return sorted(path.name for path in Path(folder).glob("*") if path.is_dir())
    return sorted(name for name, _ in _listed(str(folder), recursive=False, kind="Directory"))


def _listed(url: str, *, recursive: bool, kind: str) -> Iterable[tuple[str, int | None]]:
    with store_errors(url):
        system, path = file_system(url)
        entries = listed(url, system, path, recursive=recursive)
    return [(entry.path[len(path) :].lstrip("/"), entry.size) for entry in entries if entry.type.name == kind]


def remove(place: Place) -> None:
    """Remove a file, a link, or a folder and all that is in it; it may be gone already."""
    if not is_url(place):
        if Path(place).is_dir() and not Path(place).is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            Path(place).unlink(missing_ok=True)
        return
    with store_errors(str(place), writing=True):
        system, path = file_system(str(place))
        kind = system.get_file_info(path).type.name
        if kind == "File":
            system.delete_file(path)
        elif kind == "Directory":
            system.delete_dir(path)


def copy(source: Place, target: Place, names: Iterable[str]) -> None:
    """Copy files of one folder into another, several at a time; within one store they do not pass through here.

    Parameters
    ----------
    source, target : path or URL
    names : iterable of str
        Relative to both.
    """
    with store_errors(str(target if is_url(target) else source), writing=is_url(target)):
        one = _copier(source, target)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(one, names))  # one that fails cancels those that have not begun


def _copier(source: Place, target: Place) -> Callable[[str], None]:
    """Return what copies one file by its name."""
    system, path = _system(source)
    other, other_path = _system(target)

    def within(name: str) -> None:
        other.copy_file(f"{path}/{name}", f"{other_path}/{name}")

    def across(name: str) -> None:
        if not is_url(target):
            os.makedirs(os.path.dirname(f"{other_path}/{name}"), exist_ok=True, mode=PRIVATE)
        # Not pyarrow's copy_files: it does not close what it writes, and so drops the error of an upload.
        with (
            system.open_input_stream(f"{path}/{name}", compression=None) as reader,
            other.open_output_stream(f"{other_path}/{name}", compression=None) as writer,
        ):
            shutil.copyfileobj(reader, writer, _BLOCK)

    return within if is_url(source) and is_url(target) and system == other else across


def _system(place: Place) -> tuple[Any, str]:
    if is_url(place):
        return file_system(str(place))
    from pyarrow import fs

    return fs.LocalFileSystem(), str(place)
