"""Who answers in place of a store: a login page or a proxy's, with the status of a good answer."""

from __future__ import annotations

import os
import urllib.request
from contextlib import suppress

from segcore import errors

_HEAD = 99  # bytes
_SECONDS = 10


def check_answer(url: str, head: bytes) -> None:
    """Refuse a web page in place of a file, by its first bytes.

    Raises
    ------
    segcore.errors.UnreachableError
    """
    if head.lstrip()[:5].lower() in (b"<html", b"<!doc", b"<?xml"):
        raise _not_the_store(url)


def check_list(url: str) -> None:
    """Refuse a web page in place of a list: the engines take it for a list of nothing, and do not show it.

    The store is asked again without a login, where a page comes to everybody and a store says no.

    Raises
    ------
    segcore.errors.UnreachableError
    """
    if (question := _question(url)) is None:
        return
    # What is no answer, or a refusal, is what a store gives those whom it does not know.
    with suppress(OSError, ValueError), urllib.request.urlopen(question, timeout=_SECONDS) as answer:
        head = answer.read(_HEAD).lstrip().lower()
        if head.startswith((b"<html", b"<!doctype html")):
            raise _not_the_store(url)


def _question(url: str) -> str | None:
    """Return the address of a list; None for a store whose engine knows a page from a list, as that of gs:// does."""
    scheme, _, rest = url.partition("://")
    bucket = rest.partition("/")[0]
    if scheme == "s3":
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "https://s3.amazonaws.com").rstrip("/")
        return f"{endpoint}/{bucket}?list-type=2&max-keys=1"
    if scheme in ("abfs", "abfss"):
        container, _, host = bucket.rpartition("@")
        host = host if "." in host else f"{host}.dfs.core.windows.net"
        return f"https://{host}/{container}?restype=container&comp=list&maxresults=1"
    return None


def _not_the_store(url: str) -> errors.UnreachableError:
    return errors.UnreachableError(
        f"{url}: a web page comes in place of what is there; is there a login or a proxy in between? check the URL and "
        "the network, then run the same command again"
    )
