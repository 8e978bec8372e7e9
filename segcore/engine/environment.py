"""The packages that a run is made with, and whether a cluster has the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from segcore import errors

# Packages whose version can change the answer; and, between processes, what they talk with.
ENGINES = ("dask", "dask-ml", "numpy", "polars", "pyarrow", "scikit-learn", "scipy")
TALK = ("distributed", "cloudpickle")
ABSENT = "absent"


def versions() -> dict[str, str]:
    """Return the versions that can change the answer: of segcore, Python and what does the work."""
    return _asker(ENGINES)()


def check(client: Any) -> dict[str, str]:
    """Compare scheduler and workers with this process, and return the versions that they share.

    Raises
    ------
    segcore.errors.UnreachableError
        With the first package that differs, and where. An upgrade of the cluster may be under way, so it is worth
        another try.
    """
    everywhere = client.get_versions()
    # Sent code may end a process of another Python, so Dask itself is asked for that first.
    pythons = {address: facts["host"]["python"] for address, facts in everywhere["workers"].items()}
    pythons[f"scheduler {client.scheduler.address}"] = everywhere["scheduler"]["host"]["python"]
    here = everywhere["client"]["host"]["python"]
    for place, python in pythons.items():
        if python.split(".")[:2] != here.split(".")[:2]:
            raise errors.UnreachableError(mismatch({"python": here}, {"python": python}, place))
    ask = _asker((*ENGINES, *TALK))
    own = ask()
    # The scheduler unpacks what is sent, so it needs the same environment.
    theirs_by_place = {
        f"scheduler {client.scheduler.address}": client.run_on_scheduler(ask),
        **client.run(ask),
    }
    for place, theirs in theirs_by_place.items():
        if text := mismatch(own, theirs, place):
            raise errors.UnreachableError(text)
    return own


def mismatch(own: Mapping[str, str], theirs: Mapping[str, str], place: str) -> str:
    """Return which package differs, in both versions; empty where none does."""
    for name, version in own.items():
        if theirs[name] != version:
            return (
                f"{name} is {version} here and {theirs[name]} on {place}; "
                "scheduler, workers and command need the same environment or image"
            )
    return ""


def installed() -> dict[str, str]:
    """Return the versions that scheduler, workers and command have to share."""
    return _asker((*ENGINES, *TALK))()


def _asker(names: tuple[str, ...]) -> Callable[[], dict[str, str]]:
    """Return a function that carries all it needs, and so runs where segcore is another version or absent."""
    absent = ABSENT

    def ask() -> dict[str, str]:
        import sys
        from contextlib import suppress
        from importlib.metadata import PackageNotFoundError, version

        versions = {"python": ".".join(map(str, sys.version_info[:3])), "segcore": absent}
        with suppress(ImportError):
            import segcore

            versions["segcore"] = segcore.__version__
        for name in names:
            try:
                versions[name] = version(name)
            except PackageNotFoundError:
                versions[name] = absent
        return versions

    return ask
