"""Finished runs: read, followed, compared, applied to other customers."""
