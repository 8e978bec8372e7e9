"""Object stores: what a URL names, and how it is reached."""

from segcore.stores import odd_keys
from segcore.stores.answers import check_answer
from segcore.stores.connection import engine_errors, file_system, readable_key, store_errors
from segcore.stores.listing import listed
from segcore.stores.urls import check_folder, check_name, check_url, is_url, place, redacted

__all__ = [
    "check_answer",
    "check_folder",
    "check_name",
    "check_url",
    "engine_errors",
    "file_system",
    "is_url",
    "listed",
    "odd_keys",
    "place",
    "readable_key",
    "redacted",
    "store_errors",
]
