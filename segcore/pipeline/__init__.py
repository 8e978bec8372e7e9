"""The story of a run from top to bottom."""

from segcore.pipeline.segment import Run, segment

__all__ = ["Run", "segment"]
