"""Customer segmentation as a nightly batch job.

>>> import segcore
>>> run = segcore.segment("data/sample", "data/out")  # doctest: +SKIP
>>> run.report  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["Run", "__version__", "segment"]

if TYPE_CHECKING:
    __version__: str
    from segcore.pipeline.core.run import Run
    from segcore.pipeline.segment import segment


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("segcore")
        except PackageNotFoundError:  # a checkout that is not installed
            return "unknown"
    # The engines take seconds to import: they are loaded when they are used.
    if name in ("Run", "segment"):
        from segcore import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module 'segcore' has no attribute {name!r}")
