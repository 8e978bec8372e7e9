"""Object stores: what a URL names, and how it is reached."""

from segcore.stores.connection import engine_errors, file_system, readable_key, store_errors
from segcore.stores.urls import check_name, check_url, is_url, place, redacted

__all__ = [
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
