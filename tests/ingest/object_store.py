"""A small object store for tests: the part of S3 that lists, looks at and reads objects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

STAMP = "2026-01-02T03:04:05.000Z"


class _Handler(BaseHTTPRequestHandler):
    objects: dict[str, bytes]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).strip("/").partition("/")
        if not key:
            self._list(bucket, {name: values[0] for name, values in parse_qs(parts.query).items()})
        elif f"{bucket}/{key}" in self.objects:
            self._give(self.objects[f"{bucket}/{key}"])
        else:
            self._answer(
                404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>", "application/xml"
            )

    def do_HEAD(self) -> None:
        self.do_GET()

    def _give(self, data: bytes) -> None:
        asked = self.headers.get("Range")
        if not asked:
            self._answer(200, data)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(len(data) - int(last), 0)
        stop = min(int(last) + 1, len(data)) if first and last else len(data)
        self._answer(206, data[start:stop], extra={"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"})

    def _list(self, bucket: str, asked: dict[str, str]) -> None:
        prefix = f"{bucket}/{asked.get('prefix', '')}"
        found = [
            f"<Contents><Key>{escape(name.partition('/')[2])}</Key><Size>{len(data)}</Size>"
            f"<LastModified>{STAMP}</LastModified><ETag>x</ETag></Contents>"
            for name, data in sorted(self.objects.items())
            if name.startswith(prefix)
        ]
        text = "".join(["<ListBucketResult><IsTruncated>false</IsTruncated>", *found, "</ListBucketResult>"])
        self._answer(200, text.encode(), "application/xml")

    def _answer(
        self,
        code: int,
        data: bytes,
        kind: str = "application/octet-stream",
        extra: dict[str, str] | None = None,
    ) -> None:
        self.send_response(code)
        headers = {
            "Content-Length": str(len(data)),
            "Content-Type": kind,
            "ETag": '"x"',
            "Accept-Ranges": "bytes",
        }
        headers["Last-Modified"] = "Fri, 02 Jan 2026 03:04:05 GMT"
        for name, value in {**headers, **(extra or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def object_store(objects: dict[str, bytes]) -> Iterator[str]:
    """Serve objects, named bucket/key, and give the store's address."""
    handler = type("Handler", (_Handler,), {"objects": objects})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
