"""Objects in S3 whose keys have an empty part, such as ``a//b.csv``: Polars and Arrow cannot name them, boto3 can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, BinaryIO

from segcore import errors


def is_odd(url: str) -> bool:
    """Whether a URL names such a key."""
    return url.startswith("s3://") and "" in url.removeprefix("s3://").rstrip("/").split("/")


def folder_before(url: str) -> str:
    """Return the folder that the engines can still name."""
    return url[: url.index("//", len("s3://"))]


@contextmanager
def opened(url: str) -> Iterator[BinaryIO]:
    """Open an object as a stream of bytes.

    Raises
    ------
    FileNotFoundError, PermissionError, OSError
        As the file systems of Arrow do, for :func:`segcore.stores.store_errors`.
    """
    with _answered(url) as (client, where):
        yield client.get_object(**where)["Body"]


def stat(url: str) -> tuple[int, int]:
    """Return the size in bytes and the time of the last change in nanoseconds; fails as :func:`opened` does."""
    with _answered(url) as (client, where):
        about = client.head_object(**where)
        return int(about["ContentLength"]), int(about["LastModified"].timestamp()) * 10**9


@contextmanager
def _answered(url: str) -> Iterator[tuple[Any, dict[str, str]]]:
    if find_spec("boto3") is None:
        raise errors.UsageError(
            f"{url}: neither Polars nor Arrow can name a key with an empty part (//); is there a / too many? else pip "
            "install boto3, which can, or give the object another key"
        )
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, key = url.removeprefix("s3://").partition("/")
    try:
        yield _client(), {"Bucket": bucket, "Key": key}
    except ClientError as exc:
        status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        kind = {404: FileNotFoundError, 403: PermissionError}.get(status, OSError)
        raise kind(str(exc)) from exc
    except BotoCoreError as exc:
        raise OSError(str(exc)) from exc


@lru_cache(maxsize=1)
def _client() -> Any:
    import boto3

    return boto3.client("s3")
