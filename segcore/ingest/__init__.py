"""From a source's files to canonical columns and their values."""

from segcore.ingest.bytestream import UNDECODABLE
from segcore.ingest.customer_ids import EXACT_FLOAT, as_read
from segcore.ingest.date_formats import order_of
from segcore.ingest.failures import readable
from segcore.ingest.files import Source, discover, has_changed, passed_over
from segcore.ingest.formats import Formats
from segcore.ingest.grouping import FileGroup, first_records, group_files, other_columns, split
from segcore.ingest.prepare import Prepared, prepare
from segcore.ingest.scan import scan
from segcore.ingest.values import UNREADABLE, read_values, with_texts

__all__ = [
    "EXACT_FLOAT",
    "UNDECODABLE",
    "UNREADABLE",
    "FileGroup",
    "Formats",
    "Prepared",
    "Source",
    "as_read",
    "discover",
    "first_records",
    "group_files",
    "has_changed",
    "order_of",
    "other_columns",
    "passed_over",
    "prepare",
    "read_values",
    "readable",
    "scan",
    "split",
    "with_texts",
]
