"""Files: the workspace of a run, its stages and markers, and the publication of a finished run."""

from segcore.storage.files import (
    disk_errors,
    disk_failures,
    fingerprint,
    read_json,
    remove,
    sync_tree,
    tree_bytes,
    write_bytes,
    write_json,
    write_text,
)
from segcore.storage.lock import lock
from segcore.storage.workspace import Workspace, workspace

__all__ = [
    "Workspace",
    "disk_errors",
    "disk_failures",
    "fingerprint",
    "lock",
    "read_json",
    "remove",
    "sync_tree",
    "tree_bytes",
    "workspace",
    "write_bytes",
    "write_json",
    "write_text",
]
