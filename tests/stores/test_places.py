"""Laws of places: what is written is read, listed, copied and removed the same on a disk and in a store."""

from __future__ import annotations

import io
import os
import re
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import fs

from segcore import errors, ingest, job, storage, stores
from segcore.ingest import remote, row_groups
from segcore.storage import Place, places
from segcore.stores import answers, connection, odd_keys
from tests.stores.server import FAULTS, KEY_ID, SECRET, Store


@pytest.fixture(params=["disk", "store"])
def folder(request: pytest.FixtureRequest, here: Store, tmp_path: Path) -> Place:
    return tmp_path / "place" if request.param == "disk" else "s3://shop/some/place"


def test_what_is_written_is_read_listed_and_removed(folder: Place) -> None:
    assert storage.list_files(folder) == storage.list_folders(folder) == []
    names = ["a.bin", "b/c/d.bin", "b/e f=1.bin"]
    for name in names:
        assert not storage.exists(storage.join(folder, name))
        storage.write(storage.join(folder, name), name.encode())
    assert storage.list_files(folder) == names
    assert storage.list_files(folder, deep=False) == ["a.bin"]
    assert storage.list_folders(folder) == ["b"]
    assert storage.list_files(storage.join(folder, "b")) == ["c/d.bin", "e f=1.bin"]
    assert [storage.read(storage.join(folder, name)).decode() for name in names] == names
    assert storage.exists(storage.join(folder, "b"))
    storage.remove(storage.join(folder, "b"))
    storage.remove(storage.join(folder, "nothing"))
    assert storage.list_files(folder) == ["a.bin"]
    storage.write_json(storage.join(folder, "a.bin"), {"now": 1})
    assert storage.read_json(storage.join(folder, "a.bin")) == {"now": 1}


@pytest.mark.parametrize("target", ["s3://scratch/to", "s3://shop/some/other", "disk"])
def test_copies_are_the_same_bytes(folder: Place, target: str, tmp_path: Path, here: Store) -> None:
    to = tmp_path / "to" if target == "disk" else target
    big = os.urandom(12_000_000)  # more than one part of an upload
    storage.write(storage.join(folder, "deep/big"), big)
    storage.write(storage.join(folder, "empty"), b"")
    storage.write(storage.join(folder, "left"), b"x")
    here.requests.clear()
    storage.copy(folder, to, ["deep/big", "empty"])
    asked = [request for request in here.requests if request.method in ("GET", "PUT", "POST")]
    assert storage.list_files(to) == ["deep/big", "empty"]
    assert storage.read(storage.join(to, "deep/big")) == big
    if stores.is_url(folder) and stores.is_url(to):
        assert {request.method for request in asked} == {"PUT"}  # the store copies: no bytes come here


def test_a_copy_that_the_store_refuses_raises(here: Store, tmp_path: Path) -> None:
    for name in ("small", "none"):
        storage.write(tmp_path / name, b"x" if name == "small" else b"")
    here.before = lambda request: request.changes
    with pytest.raises(errors.OutputError, match="access denied"):
        storage.copy(tmp_path, "s3://shop/some", ["small", "none"])


@pytest.mark.slow
def test_more_objects_than_a_page_of_a_listing_has(here: Store) -> None:
    here.put("shop", {f"many/{number:04}": b"" for number in range(1100)})
    assert len(storage.list_files("s3://shop/many")) == 1100
    pages = iter([FAULTS["a page"]])
    here.before = lambda request: next(pages, None) if "continuation-token" in request.query else None
    with pytest.raises(
        errors.UnreachableError, match=r"s3://shop/many: the store lists 1,0.. files there, then 1,10"
    ):
        remote.find("s3://shop/many")
    here.before = lambda request: None
    assert len(remote.find("s3://shop/many")[0]) == 1100
    storage.remove("s3://shop/many")
    assert here.keys("shop") == []


def test_paths_and_urls_are_told_apart(tmp_path: Path) -> None:
    assert stores.place("data/out") == Path("data/out")
    assert stores.place(tmp_path.as_uri()) == tmp_path
    assert stores.place("s3://shop/out/") == "s3://shop/out"


@pytest.mark.parametrize(
    "url",
    [
        f"s3://{KEY_ID}:{SECRET}@shop/out",
        f"s3://{KEY_ID}@shop/out",
        f"s3://{KEY_ID}:a/slash{SECRET}@shop/out",
        f"s3://{KEY_ID}:{SECRET}",
        f"s3://shop/out?secret_key={SECRET}",
        f"abfs://box@account/out?client_secret={SECRET}",
        f"gs://shop/out?access_token={SECRET}",
        f"s3://shop/in?sig={SECRET}",
        f"s3://shop/in.csv?v=1&X-Amz-Signature={SECRET}",
        f"s3://shop/in?x=1&%73ig={SECRET}",
        f"s3://shop/in#token={SECRET}",
        f"S3://shop/in?token={SECRET}",
        f"https://{SECRET}@host/in.csv",
        f"abfs://box:{SECRET}@account/in",
        f"postgres://me:{SECRET}@host/base",
    ],
)
def test_a_url_with_credentials_is_refused_and_not_repeated(url: str) -> None:
    for read in (stores.place, stores.file_system):
        with pytest.raises(errors.UsageError, match="holds credentials; leave them out") as refused:
            read(url)
        assert SECRET not in str(refused.value)
        assert KEY_ID not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"s3://shop/a?sig={SECRET}, no such file", "s3://shop/a?sig=... no such file"),
        (f"asked http://me:{SECRET}@host:80/a?v=1", "asked http://...@host:80/a?v=1"),
        (
            "tcp://127.0.0.1:8786: no scheduler, ask me@home",
            "tcp://127.0.0.1:8786: no scheduler, ask me@home",
        ),
        ("s3://shop/year=2011/a@b/c:d.csv", "s3://shop/year=2011/a@b/c:d.csv"),
    ],
)
def test_messages_hold_no_credentials(text: str, shown: str) -> None:
    assert stores.redacted(text) == shown


def test_a_url_of_no_store_is_refused() -> None:
    with pytest.raises(errors.UsageError, match=r"https:// is no store that can be reached.*expected s3://"):
        stores.file_system("https://host/a.csv")


@pytest.mark.parametrize(
    "key", ["a[1].csv", "what?.csv", "q?v=1.csv", "star*.csv", "50%25#1.csv", "dir[0]/x.csv"]
)
def test_any_key_that_the_engines_know_can_be_named(key: str, here: Store) -> None:
    here.put("shop", {key: b"theirs", "a1.csv": b"", "whatx.csv": b"", "dir0/x.csv": b"", "starx.csv": b""})
    assert remote.find(f"s3://shop/{key}") == ([f"s3://shop/{key}"], True)
    with remote.opened(f"s3://shop/{key}") as stream:
        assert stream.read() == b"theirs"


def test_the_schema_of_parquet_under_any_key_can_be_read(here: Store) -> None:
    data = io.BytesIO()
    pl.DataFrame({"a": [1]}).write_parquet(data)
    here.put("shop", {"a=b/p[1]?x=1*.parquet": data.getvalue()})
    assert row_groups.schema_of("s3://shop/a=b/p[1]?x=1*.parquet") == {"a": pl.Int64()}


@pytest.mark.parametrize("url", ["s3://shop/a//b.csv", "s3://shop/a/./b.csv", "gs://shop/a//b.csv"])
def test_a_run_under_a_key_that_no_engine_can_name_is_refused(here: Store, url: str) -> None:
    with pytest.raises(errors.UsageError, match=f"{url}: neither Polars nor Arrow can name a key"):
        storage.read(url)


def test_keys_with_an_empty_part_are_read_by_a_copy(here: Store, tmp_path: Path) -> None:
    table, sheet = io.BytesIO(), io.BytesIO()
    pl.DataFrame({"a": [7, 8]}).write_parquet(table)
    pl.DataFrame({"a": [9]}).write_excel(sheet)
    odd = {"in//b.csv": b"a,b\n3,4\n", "in/c//d.parquet": table.getvalue(), "in//e//f.xlsx": sheet.getvalue()}
    here.put("shop", {"in/a.csv": b"a,b\n1,2\n", "//lead.csv": b"a,b\n5,6\n", **odd})
    assert remote.find("s3://shop/in//b.csv") == (["s3://shop/in//b.csv"], True)
    assert remote.find("s3://shop//*.csv")[0] == ["s3://shop///lead.csv"]
    assert remote.find("s3://shop/in//e")[0] == ["s3://shop/in//e//f.xlsx"]
    sources = ingest.discover(["s3://shop/in", "s3://shop///lead.csv"])
    assert [source.name for source in sources] == [
        "s3://shop///lead.csv", "s3://shop/in//b.csv", "s3://shop/in//e//f.xlsx", "s3://shop/in/a.csv", "s3://shop/in/c//d.parquet"
    ]  # fmt: skip
    assert not any(map(ingest.has_changed, sources))
    files = ingest.prepare(sources, job.Input(), tmp_path, memory=10**9)
    assert [file.n_records for file in files] == [1, 1, 1, 1, 2]
    assert [file.is_copy for file in files] == [True, True, True, False, True]
    here.put("shop", {"in//b.csv": b"a,b\n3,4\n5,6\n"})
    assert [source.name for source in sources if ingest.has_changed(source)] == ["s3://shop/in//b.csv"]


def test_what_a_store_says_of_such_a_key_is_said(here: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "s3://shop/in//b.csv"
    with pytest.raises(errors.InputNotFoundError, match=f"^{url}: no such file or folder"):
        ingest.discover([url])
    here.put("shop", {"in//b.csv": b"a,b\n3,4\n"})
    for fault, error, said in (
        ("403", errors.InputNotFoundError, "access denied"),
        ("404", errors.InputNotFoundError, "no such file"),
        ("a page", errors.UnreachableError, "a web page comes in place"),
    ):
        here.before = partial(lambda fault, request: fault if "//" in request.path else None, FAULTS[fault])
        with pytest.raises(error, match=f"^{url}: {said}"):
            ingest.discover([url])
    here.before = lambda request: None
    monkeypatch.setattr(odd_keys, "find_spec", lambda name: None)
    with pytest.raises(errors.UsageError, match=f"^{url}: neither Polars nor Arrow .* pip install boto3"):
        ingest.discover([url])


def test_azure_without_a_login_ends_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_question", lambda url: None)  # this test asks nobody
    monkeypatch.setattr("subprocess.run", lambda *line, **_: subprocess.CompletedProcess(line, -6))
    connection._log_in.cache_clear()
    with pytest.raises(
        errors.InputNotFoundError, match=r"access denied .nobody is logged in to Azure: set AZURE"
    ):
        storage.read("abfs://box@account.dfs.core.windows.net/a")


@pytest.mark.parametrize("url", ["s3://shop/a@b/c:d.csv", "abfs://box@account/out", "hdfs://host:80/x"])
def test_other_urls_are_not(url: str) -> None:
    assert stores.place(url) == url


def test_a_url_with_options_is_sent_to_the_environment() -> None:
    with pytest.raises(errors.UsageError, match="set the endpoint and the region in the environment"):
        stores.place("s3://shop/out?region=eu-west-1")


def test_what_a_store_refuses_is_said(here: Store) -> None:
    with pytest.raises(errors.OutputError, match=r"^s3://none/a: there is no such bucket"):
        storage.write("s3://none/a", b"x")
    with pytest.raises(errors.InputNotFoundError, match=r"^s3://shop/a: no such file"):
        storage.read("s3://shop/a")
    here.before = lambda request: True
    with pytest.raises(errors.OutputError, match=r"^s3://shop/a: access denied \(ACCESS_DENIED"):
        storage.write("s3://shop/a", b"x")
    with pytest.raises(errors.InputNotFoundError, match=r"^s3://shop/a: access denied \(ACCESS_DENIED"):
        storage.read("s3://shop/a")


@pytest.mark.parametrize("store_fails", [stores.store_errors, stores.engine_errors])
@pytest.mark.parametrize(
    "error",
    [
        pa.ArrowException(
            "Unknown error: google::cloud::Status(UNKNOWN: Could not create a OAuth2 access token)"
        ),
        OSError("google::cloud::Status(UNAVAILABLE: Retry policy exhausted)"),
        OSError("GetProperties failed. Azure Error: [] Server failed to authenticate the request."),
        OSError("AWS Error NETWORK_CONNECTION during HeadObject operation: curlCode: 7"),
    ],
)
def test_what_any_store_says_is_no_bug(store_fails: Callable[[str], Any], error: Exception) -> None:
    with (
        pytest.raises(errors.UnreachableError, match=r"gs://shop/a: the store does not answer as expected"),
        store_fails("gs://shop/a"),
    ):
        raise error


@pytest.mark.parametrize("asked", ["list-type", ""])
@pytest.mark.parametrize("url", ["s3://shop/dump", "s3://shop/dump/*.csv", "s3://shop/dump/a.csv"])
def test_a_page_in_place_of_what_is_there_is_said(here: Store, asked: str, url: str) -> None:
    here.put("shop", {"dump/a.csv": b"a,b\n1,2\n"})
    here.before = lambda request: FAULTS["a page"] if asked in request.query else None
    if asked and url.endswith("a.csv"):  # nobody asks for a list
        assert [source.size for source in ingest.discover([url])] == [8]
        return
    with pytest.raises(
        errors.UnreachableError,
        match=f"^{re.escape(url)}: (a web page comes in place|the store does not answer as)",
    ):
        ingest.discover([url])


def test_a_page_in_place_of_a_list_is_no_empty_folder(here: Store) -> None:
    here.put("shop", {"dump/a.csv": b"a,b\n1,2\n"})
    here.before = lambda request: FAULTS["a page"] if "list-type" in request.query else None
    for names in (storage.list_files, storage.list_folders, places.sizes):
        with pytest.raises(errors.UnreachableError, match=r"^s3://shop/dump: a web page comes in place"):
            names("s3://shop/dump")
    here.before = lambda request: None
    assert storage.list_files("s3://shop/none") == []


def google(address: str) -> tuple[fs.FileSystem, str]:
    return fs.GcsFileSystem(anonymous=True, endpoint_override=address, scheme="http"), "shop"


def azure(address: str) -> tuple[fs.FileSystem, str]:
    at = {"blob_storage_authority": address, "dfs_storage_authority": address}
    return fs.AzureFileSystem(
        "account", account_key="a2V5", **at, blob_storage_scheme="http", dfs_storage_scheme="http"
    ), "shop"


@pytest.mark.parametrize("pattern", ["dump", "dump/*.csv"])
@pytest.mark.parametrize(
    ("top", "system"), [("gs://shop", google), ("abfs://shop@account.dfs.core.windows.net", azure)]
)
def test_a_page_in_place_of_a_list_is_said_of_any_store(
    here: Store, monkeypatch: pytest.MonkeyPatch, top: str, system: Callable[[str], object], pattern: str
) -> None:
    here.before = lambda request: FAULTS["a page"]
    given = system(here.address.removeprefix("http://"))
    with monkeypatch.context() as patch:
        patch.setattr(connection, "_file_system", lambda url: given)
        patch.setattr(connection, "_log_in", lambda url: None)
        if top.startswith("abfs"):
            patch.setattr(answers, "_question", lambda url: here.address)
        for read in (storage.list_files, remote.find):
            with pytest.raises(
                errors.UnreachableError,
                match=f"^{re.escape(f'{top}/{pattern}')}: (a web page|the store does not)",
            ):
                read(f"{top}/{pattern}")


def test_a_page_is_told_before_the_library_of_azure_meets_it(
    here: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.before = lambda request: FAULTS["a page"]
    monkeypatch.setattr(answers, "_question", lambda url: here.address)
    monkeypatch.setattr("subprocess.run", lambda *line, **_: pytest.fail("asked"))
    connection._log_in.cache_clear()
    with pytest.raises(errors.UnreachableError, match=r"^abfs://box@account: a web page comes in place"):
        storage.read("abfs://box@account/latest.json")


@pytest.mark.parametrize(
    ("url", "question"),
    [
        ("s3://shop/a/b", "https://s3.amazonaws.com/shop?list-type=2&max-keys=1"),
        (
            "abfs://box@account/a",
            "https://account.dfs.core.windows.net/box?restype=container&comp=list&maxresults=1",
        ),
        ("abfss://box@host.example/a", "https://host.example/box?restype=container&comp=list&maxresults=1"),
        ("gs://shop/a", None),
    ],
)
def test_who_answers_is_asked_where_the_store_is(
    url: str, question: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert answers._question(url) == question


def test_a_page_in_place_of_a_file_is_no_damaged_file(here: Store) -> None:
    storage.write_json("s3://shop/out/latest.json", {"run": "runs/20190101T000000Z-00000000"})
    here.before = lambda request: FAULTS["a page"]
    with pytest.raises(errors.UnreachableError, match=r"latest\.json: a web page comes in place"):
        storage.latest_run("s3://shop/out")


def test_a_store_that_is_away_is_said(here: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    connection._file_system.cache_clear()
    with pytest.raises(
        errors.UnreachableError, match="s3://shop/a: the store does not answer as expected: NETWORK"
    ):
        storage.exists("s3://shop/a")


def test_a_named_profile_needs_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "night")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(errors.UsageError, match=r"AWS_PROFILE=night: .* pip install boto3"):
        stores.file_system("s3://shop/a")


def test_a_private_folder_is_gone_with_its_process(here: Store, tmp_path: Path) -> None:
    if (pid := os.fork()) == 0:
        with storage.private_folder() as folder:
            (folder / "customers").write_text("7")
            os._exit(0)  # as a kill does: nothing is closed
    os.waitpid(pid, 0)
    base = tmp_path / "tmp" / f"segcore-{os.getuid()}"
    assert len(list(base.rglob("customers"))) == 1
    with storage.private_folder() as first, storage.private_folder() as second:
        assert first.is_dir()
        assert second.stat().st_mode & 0o777 == base.stat().st_mode & 0o777 == 0o700
        assert not list(base.rglob("customers"))
    assert [path for path in base.iterdir() if path.is_dir()] == []


def test_a_folder_of_somebody_else_is_not_private(here: Store, tmp_path: Path) -> None:
    (tmp_path / "tmp" / f"segcore-{os.getuid()}").mkdir(mode=0o755)
    with pytest.raises(errors.OutputError, match="is not private to this user"), storage.private_folder():
        pass
