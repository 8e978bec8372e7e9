"""An object store for tests: moto's S3 behind a real HTTP server on loopback, which remembers and can refuse requests."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

KEY_ID = "AKIASEGCORETESTS"
SECRET = "xQ7zPp-secret-of-the-tests-0fK3vv"

_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked of the store: ``method`` and ``path``, which is ``/bucket/key``, and whether bytes change."""

    method: str
    path: str
    query: str

    @property
    def changes(self) -> bool:
        return self.method in ("PUT", "POST", "DELETE")


@dataclass(frozen=True)
class Answer:
    """What a request gets in place of what it asked for."""

    status: str
    body: bytes
    kind: str = "application/xml"


_Wsgi = Callable[..., Iterable[bytes]]


@dataclass(frozen=True)
class Fault:
    """A way in which a proxy before the store does not play along.

    Attributes
    ----------
    answer : callable
        Answers as WSGI does, given the store that would.
    """

    answer: Callable[[_Wsgi, dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def _hang_up(app: _Wsgi, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    start("200 OK", [])
    return []


def _cut_short(app: _Wsgi, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Let the store answer, and pass on half of what it says."""
    body = b"".join(app(environ, start))
    yield body[: len(body) // 2]
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def _slowly(app: _Wsgi, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    time.sleep(1)
    return list(app(environ, start))


FAULTS: dict[str, Answer | Fault] = {
    "403": Answer("403 Forbidden", _DENIED),
    "404": Answer("404 Not Found", b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>"),
    "500": Answer(
        "500 Internal Server Error", b"<Error><Code>InternalError</Code><Message>x</Message></Error>"
    ),
    "503": Answer("503 Slow Down", b"<Error><Code>SlowDown</Code><Message>x</Message></Error>"),
    "a page": Answer("200 OK", b"<html><body>Please log in</body></html>", "text/html"),
    "hung up": Fault(_hang_up),
    "cut short": Fault(_cut_short),
    "slow": Fault(_slowly),
}
"""What is answered in place of what was asked for."""


@dataclass(kw_only=True)
class Store:
    """A running store.

    Attributes
    ----------
    address : str
    requests : list of Request
        In the order in which they were answered.
    before : callable
        Told of every request before it is answered; it may return an :class:`Answer` or a :class:`Fault` to give
        instead, and what else it returns as true is refused (403).
    after : callable
        Told of every request when it was answered.
    """

    address: str
    requests: list[Request] = field(default_factory=list)
    before: Callable[[Request], object] = lambda request: None
    after: Callable[[Request], object] = lambda request: None

    @property
    def environment(self) -> dict[str, str]:
        """What tells a process where the store is, and who asks."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @cached_property
    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.address,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )

    def put(self, bucket: str, objects: dict[str, bytes]) -> None:
        for key, data in objects.items():
            self.client.put_object(Bucket=bucket, Key=key, Body=data)

    def put_folder(self, folder: Path, bucket: str, prefix: str) -> None:
        self.put(bucket, {f"{prefix}/{p.name}": p.read_bytes() for p in sorted(folder.iterdir())})

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys of all objects but the empty ones that stand for folders."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = (entry["Key"] for page in pages for entry in page.get("Contents", []))
        return sorted(key for key in found if not key.endswith("/"))

    def get(self, bucket: str, key: str) -> bytes:
        data: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return data

    def fetch(self, bucket: str, prefix: str, folder: Path) -> Path:
        for key in self.keys(bucket, prefix + "/"):
            path = folder / key.removeprefix(prefix + "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.get(bucket, key))
        return folder

    def _wsgi(self, app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            request = Request(
                method=environ["REQUEST_METHOD"],
                path=unquote(environ["PATH_INFO"]),
                query=environ.get("QUERY_STRING", ""),
            )
            if instead := self.before(request):
                if isinstance(instead, Fault):
                    return instead.answer(app, environ, start)
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                given = instead if isinstance(instead, Answer) else Answer("403 Forbidden", _DENIED)
                start(given.status, [("Content-Type", given.kind), ("Content-Length", str(len(given.body)))])
                return [given.body]
            answered = app(environ, start)
            self.requests.append(request)
            self.after(request)
            return answered

        return answer


@contextmanager
def running(*buckets: str) -> Iterator[Store]:
    """Start a store with empty buckets."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    store = Store(address="")
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, store._wsgi(app), threaded=True)
    store.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        for bucket in buckets:
            store.client.create_bucket(Bucket=bucket)
        store.requests.clear()
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        _forget_all()


def _forget_all() -> None:
    """Let the next store begin empty: moto keeps its objects for the process."""
    from moto.s3.models import s3_backends

    for account in s3_backends.values():
        for backend in account.values():
            backend.reset()
