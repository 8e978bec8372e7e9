from __future__ import annotations

import gzip
import io
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from segcore import errors, ingest
from tests.stores.server import running
from tests.transaction_lines import counts, frame, line, through, write_csv

SCRIPT = """
    import json, sys
    from pathlib import Path
    from tests.transaction_lines import counts, through
    account = through([sys.argv[1]], Path(sys.argv[2]))
    print(json.dumps([counts(account), sorted({entry["file"] for entry in account["by_file"]})]))
"""


def test_a_url_of_files_reads_like_their_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "2011").mkdir(parents=True)
    write_csv(data / "2011" / "a.csv", [line(), line(CustomerID="")])
    write_csv(data / "b.csv", [line(CustomerID="5")])
    (data / "c.json").write_text("{}")
    expected = {"purchase": 2, "missing_customer": 1}
    assert counts(through([data.as_uri()], tmp_path / "folder")) == expected
    assert counts(through([f"{data.as_uri()}/2011/a.csv", data / "b.csv"], tmp_path / "mixed")) == expected
    assert counts(through([f"{data.as_uri()}/*.csv"], tmp_path / "glob")) == expected


def test_a_url_of_nothing(tmp_path: Path) -> None:
    for url in (f"{tmp_path.as_uri()}/none.csv", f"{tmp_path.as_uri()}/*.csv"):
        with pytest.raises(errors.InputNotFoundError, match="no such file or folder"):
            ingest.discover([url])
    with pytest.raises(errors.UsageError, match="nowhere:// is no store that can be reached"):
        ingest.discover(["nowhere://bucket/a.csv"])


def packed(path: Path) -> bytes:
    """Return an archive with a file in it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.write(path, path.name)
    return archive.getvalue()


def test_an_archive_behind_a_url(tmp_path: Path) -> None:
    whole = packed(write_csv(tmp_path / "a.csv", [line(), line(CustomerID="")]))
    (tmp_path / "x.zip").write_bytes(whole)
    url = (tmp_path / "x.zip").as_uri()
    assert counts(through([url], tmp_path / "run")) == {"purchase": 1, "missing_customer": 1}
    (tmp_path / "x.zip").write_bytes(whole[:-30])
    with pytest.raises(errors.DataError, match="the archive is damaged or breaks off"):
        ingest.discover([url])


def test_an_object_store(tmp_path: Path) -> None:
    parquet = io.BytesIO()
    frame([line(CustomerID="7")]).write_parquet(parquet)
    objects = {
        "dump/a.csv": write_csv(tmp_path / "a.csv", [line(), line(CustomerID="")]).read_bytes(),
        "dump/b.csv.gz": gzip.compress(write_csv(tmp_path / "b.csv", [line(CustomerID="5")]).read_bytes()),
        "dump/c.parquet": parquet.getvalue(),
        "dump/d.csv": write_csv(tmp_path / "d.csv", [line(Description="5 £")]).read_text().encode("cp1252"),
        "dump/e.zip": packed(write_csv(tmp_path / "e.csv", [line(CustomerID="9")])),
        "other/e.csv": b"nothing",
    }
    with running("shop") as store:
        store.put("shop", objects)
        # A process of its own: both libraries read the environment once.
        environment = {**store.environment, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), "s3://shop/dump", str(tmp_path / "run")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    names = ", ".join(
        f'"s3://shop/dump/{name}"' for name in ("a.csv", "b.csv.gz", "c.parquet", "d.csv", "e.zip/e.csv")
    )
    assert done.stdout.strip() == f'[{{"missing_customer": 1, "purchase": 5}}, [{names}]]'
