"""From a source's files to canonical columns, still text where text came in."""

from segcore.ingest.scan import Layout, Source, discover, layouts, scan

__all__ = ["Layout", "Source", "discover", "layouts", "scan"]
