"""Object stores: what a URL names, and how it is reached."""

from segcore.stores.answers import check_answer, check_list
from segcore.stores.connection import engine_errors, file_system, readable_key, store_errors
from segcore.stores.urls import check_name, check_url, is_url, place, redacted

__all__ = [
    "check_answer",
    "check_list",
    "check_name",
    "check_url",
    "engine_errors",
    "file_system",
    "is_url",
    "place",
    "readable_key",
    "redacted",
    "store_errors",
]
