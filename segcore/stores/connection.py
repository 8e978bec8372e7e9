"""How an object store is reached, and the errors where it does not play along.

Credentials, region and endpoint come from the environment or a profile (``AWS_ACCESS_KEY_ID``, ``AWS_PROFILE``,
``AWS_ENDPOINT_URL``, ``GOOGLE_APPLICATION_CREDENTIALS`` and so on), as they do for Polars, which scans the same URLs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from segcore import errors
from segcore.failures import first_line
from segcore.stores.answers import check_list
from segcore.stores.urls import check_url

_BUCKETS = ("s3", "gs", "abfs", "abfss")
# One request for a small file, else there are three; and no silence for a quarter of an hour where nobody answers.
_OPTIONS = {"s3": "?allow_delayed_open=true", "gs": "?retry_limit_seconds=60"}
# What stands in the messages of the engines about a store.
_OF_STORES = ("object-store error", "AWS Error", "google::cloud::Status", "Azure Error")
_LONGEST_REASON = 200  # characters
_DENIED = ("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "INVALID_CLIENT_TOKEN_ID")


def file_system(url: str) -> tuple[Any, str]:
    """Return the pyarrow file system of a URL and the path that it has there.

    What stands behind the bucket is the key as it is: no option, no pattern, nothing that is quoted.

    Raises
    ------
    segcore.errors.UsageError
        If the URL holds credentials, or a key that no engine can read.
    PermissionError
        If nothing is known that lets this process into the store.
    """
    check_url(url)
    scheme, _, rest = url.partition("://")
    if scheme not in _BUCKETS:
        return _file_system(url)
    if scheme == "s3" and os.environ.get("AWS_PROFILE"):
        _find_boto3(os.environ["AWS_PROFILE"])
    bucket, _, key = rest.rstrip("/").partition("/")
    if not readable_key(key):
        raise errors.UsageError(
            f"{url}: neither Polars nor Arrow can name a key with an empty part (//), . or .. in it; is there a / too "
            "many? else give it another key"
        )
    if scheme.startswith("abfs"):
        _log_in(f"{scheme}://{bucket}")
    system, top = _file_system(f"{scheme}://{bucket}{_OPTIONS.get(scheme, '')}")
    return system, f"{top}/{key}".rstrip("/")


def readable_key(key: str) -> bool:
    """Whether the engines can name a key: they take folders apart, which a store does not have."""
    return not key or not {"", ".", ".."} & set(key.split("/"))


@lru_cache(maxsize=16)
def _log_in(url: str) -> None:
    """Try a container from another process: without a login, or by a web page, the library of Azure ends the one that asks."""
    check_list(url)
    line = "import sys; from pyarrow import fs; fs.FileSystem.from_uri(sys.argv[1])[0].get_file_info(sys.argv[2])"
    container = url.partition("://")[2].partition("@")[0]
    done = subprocess.run([sys.executable, "-c", line, url, container], capture_output=True, check=False)
    if done.returncode < 0:
        raise PermissionError(
            "nobody is logged in to Azure: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or az login"
        )


@lru_cache(maxsize=64)
def _file_system(url: str) -> tuple[Any, str]:
    from pyarrow import fs

    system, path = fs.FileSystem.from_uri(url)
    return system, path


def _find_boto3(profile: str) -> None:
    from importlib.util import find_spec

    if find_spec("boto3") is None:
        raise errors.UsageError(
            f"AWS_PROFILE={profile}: Polars reads a named profile with boto3, which is not installed; "
            "pip install boto3, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )


@contextmanager
def store_errors(url: str, *, writing: bool = False) -> Iterator[None]:
    """Turn what a store answers into an error for people.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If there is no such file, or it may not be read.
    segcore.errors.OutputError
        While writing: if there is no such bucket, or it may not be written.
    segcore.errors.UnreachableError
        If the store does not answer, or not as expected.
    """
    try:
        yield
    except FileNotFoundError as exc:
        raise errors.InputNotFoundError(f"{url}: no such file or folder; check the URL") from exc
    except errors.SegcoreError:
        raise
    except Exception as exc:
        of_arrow = type(exc).__module__.startswith("pyarrow")  # not all of them are one of Python's own
        if not (of_arrow or isinstance(exc, OSError | ValueError)) or getattr(exc, "errno", None) is not None:
            raise  # such as the disk on the other side of a copy
        raise _for_people(exc, url, writing=writing) from exc


@contextmanager
def engine_errors(url: str = "the object store") -> Iterator[None]:
    """Turn what an engine reports of a store, in the middle of its work, into an error for people.

    Parameters
    ----------
    url : str
        What is read, where the engine does not name it.

    Raises
    ------
    segcore.errors.InputNotFoundError
        If a file is gone, or may not be read.
    segcore.errors.OutputError
        If a file may not be written.
    segcore.errors.UnreachableError
        If the store does not answer, or not as expected.
    """
    try:
        yield
    except errors.SegcoreError:
        raise
    except Exception as exc:
        text = str(exc)
        if not any(sign in text for sign in _OF_STORES):
            raise
        url = _address_in(text) or url
        if isinstance(exc, FileNotFoundError):
            raise errors.InputNotFoundError(f"{url}: no such object; was it moved meanwhile?") from exc
        writing = re.search(r"performing (PUT|POST|DELETE)|during (Put|Upload|Create|Complete|Delete)", text)
        raise _for_people(exc, url, writing=writing is not None) from exc


def _for_people(exc: Exception, url: str, *, writing: bool) -> errors.SegcoreError:
    refused = errors.OutputError if writing else errors.InputNotFoundError
    reason = _reason(exc)
    if "NO_SUCH_BUCKET" in reason:
        return refused(f"{url}: there is no such bucket; make it, or check the URL")
    if isinstance(exc, PermissionError) or any(code in str(exc) for code in _DENIED):
        return refused(f"{url}: access denied ({reason}); check the credentials and what they allow")
    return errors.UnreachableError(
        f"{url}: the store does not answer as expected: {reason}; check the URL, the network and the credentials, "
        "then run the same command again"
    )


def _address_in(text: str) -> str:
    """Return the address or the URL that an engine names in its message; empty where it names none."""
    if address := re.search(r"performing [A-Z]+ (\S+)", text):
        return address.group(1)
    if key := re.search(r"key '(.*?)' in bucket '(.*?)'", text):
        return f"s3://{key.group(2)}/{key.group(1)}"
    return ""


def _reason(exc: BaseException) -> str:
    """Return what went wrong in few words: the code of the store's answer where there is one."""
    first = first_line(exc)
    code = re.search(r"AWS Error (.*?)(; Details: .*|\(Request ID.*)?$", first)
    return code.group(1).strip() if code else first[:_LONGEST_REASON]
