"""Files: the workspace of a run, its stages and markers, and the publication of a finished run."""

from segcore.storage.files import (
    digest,
    digests,
    disk_errors,
    disk_failures,
    fingerprint,
    sync_tree,
    tree_bytes,
)
from segcore.storage.lock import lock
from segcore.storage.opening import stages_of, workspace
from segcore.storage.ownership import CLOCK, run_id
from segcore.storage.places import (
    Place,
    copy,
    exists,
    join,
    list_files,
    list_folders,
    read,
    read_json,
    remove,
    sizes,
    write,
    write_json,
    write_text,
)
from segcore.storage.private import private_folder
from segcore.storage.runs import finished_runs, is_finished, latest_run, run_place
from segcore.storage.workspace import Workspace

__all__ = [
    "CLOCK",
    "Place",
    "Workspace",
    "copy",
    "digest",
    "digests",
    "disk_errors",
    "disk_failures",
    "exists",
    "fingerprint",
    "finished_runs",
    "is_finished",
    "join",
    "latest_run",
    "list_files",
    "list_folders",
    "lock",
    "private_folder",
    "read",
    "read_json",
    "remove",
    "run_id",
    "run_place",
    "sizes",
    "stages_of",
    "sync_tree",
    "tree_bytes",
    "workspace",
    "write",
    "write_json",
    "write_text",
]
