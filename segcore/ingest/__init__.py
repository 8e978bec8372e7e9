"""From a source's files to canonical columns and their values."""

from segcore.ingest.bytestream import UNDECODABLE
from segcore.ingest.customer_ids import as_id_text, as_read, exact_below
from segcore.ingest.date_formats import order_of
from segcore.ingest.failures import readable
from segcore.ingest.file_group import (
    FileGroup,
    first_records,
    id_types,
    like_discounts,
    other_columns,
    overruled,
    split,
)
from segcore.ingest.files import Source, discover, find, has_changed
from segcore.ingest.folders import HARMLESS, LEFT_BY_RUNS, by_reason
from segcore.ingest.formats import Formats
from segcore.ingest.grouping import group_files
from segcore.ingest.prepare import prepare
from segcore.ingest.prepared import Prepared
from segcore.ingest.scan import scan
from segcore.ingest.values import UNREADABLE, read_values, with_texts

__all__ = [
    "HARMLESS",
    "LEFT_BY_RUNS",
    "UNDECODABLE",
    "UNREADABLE",
    "FileGroup",
    "Formats",
    "Prepared",
    "Source",
    "as_id_text",
    "as_read",
    "by_reason",
    "discover",
    "exact_below",
    "find",
    "first_records",
    "group_files",
    "has_changed",
    "id_types",
    "like_discounts",
    "order_of",
    "other_columns",
    "overruled",
    "prepare",
    "read_values",
    "readable",
    "scan",
    "split",
    "with_texts",
]
