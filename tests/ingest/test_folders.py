"""Which files of a folder are read, which are not and why; no line of a folder is passed over in silence."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl
import pytest
from pyarrow import parquet

from segcore import errors, ingest, pipeline, segment
from tests.conftest import QUICK
from tests.stores.conftest import here, store  # noqa: F401 - fixtures
from tests.stores.server import Store
from tests.transaction_lines import line, through, write_csv

NOBODY = 65534


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a,b\n1,2\n")


def read(*inputs: Path | str) -> tuple[list[str], dict[str, str]]:
    sources, unread = ingest.find(inputs)
    return [source.name for source in sources], unread


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that anybody may enter, unlike those of pytest."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    for root, _, _ in os.walk(path):
        os.chmod(root, 0o755)
    shutil.rmtree(path)


@contextmanager
def no_superuser() -> Iterator[None]:
    """Read as somebody whom permissions bind."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.csv.bz2", "for the ending .csv.bz2"),
        ("a.csv.1", "for the ending .csv.1"),
        ("a.CSV.XZ", "for the ending .csv.xz"),
        ("a.parquet.crc", "for the ending .parquet.crc"),
        ("day.2024-01.bak", "for the ending .bak"),
        ("a.json", "for the ending .json"),
        ("README", "for want of an ending"),
        ("_SUCCESS", "for a name that begins with . or _"),
        (".a.csv", "for a name that begins with . or _"),
        ("_a.csv", "for a name that begins with . or _"),
    ],
)
def test_a_file_that_is_not_read_is_given_with_the_reason(
    tmp_path: Path,
    here: Store,  # noqa: F811
    name: str,
    reason: str,
) -> None:
    put(tmp_path / "in", "a.csv", f"deep/er/{name}")
    assert read(tmp_path / "in") == (
        [str(tmp_path / "in/a.csv")],
        {str(tmp_path / "in/deep/er" / name): reason},
    )
    here.put("shop", {"in/a.csv": b"a,b\n1,2\n", f"in/deep/er/{name}": b"x"})
    assert read("s3://shop/in") == (["s3://shop/in/a.csv"], {f"s3://shop/in/deep/er/{name}": reason})
    # Named itself, it may be called anything.
    assert read(tmp_path / "in/deep/er" / name)[1] == {}
    assert read(tmp_path / "in", tmp_path / "in/deep/er" / name)[1] == {}


def test_a_folder_with_nothing_to_read_says_what_it_holds(tmp_path: Path) -> None:
    put(tmp_path, "a.csv.bz2", "b.json")
    with pytest.raises(
        errors.InputNotFoundError, match=r"no file to read; .*; it holds a\.csv\.bz2, b\.json$"
    ):
        read(tmp_path)


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    top, other = tmp_path / "top", tmp_path / "other"
    put(top, "a.csv", "sub/b.csv", "sub/deep/c.csv")
    put(other, "d.csv")
    (other / "back").symlink_to(top)  # round about
    (top / "sub/up").symlink_to(top)  # a loop
    (top / "0-first").symlink_to(top / "sub")  # which is read by its own name
    (top / "there").symlink_to(other)
    (top / "there-again").symlink_to(other)
    names, unread = read(top)
    assert names == [str(top / name) for name in ("a.csv", "sub/b.csv", "sub/deep/c.csv", "there/d.csv")]
    assert set(unread.values()) == {"since the folder is read by another name"}
    assert set(unread) == {str(top / name) for name in ("0-first", "sub/up", "there-again", "there/back")}


def test_links_to_files_are_read_once(tmp_path: Path) -> None:
    put(tmp_path, "in/a.csv")
    (tmp_path / "in/b.csv").symlink_to(tmp_path / "in/a.csv")
    (source,) = ingest.discover([tmp_path / "in"])
    assert (source.name, source.other_names) == (str(tmp_path / "in/a.csv"), (str(tmp_path / "in/b.csv"),))


@pytest.mark.parametrize("pattern", ["", "/*/*.csv", "/**/*.csv", "/s*/b.csv"])
def test_a_folder_that_cannot_be_read_is_named(folder: Path, pattern: str) -> None:
    put(folder, "a.csv", "open/b.csv", "secret/b.csv")
    (folder / "secret").chmod(0)
    with (
        no_superuser(),
        pytest.raises(
            errors.InputNotFoundError,
            match=rf"^{folder}/secret: the folder cannot be read: Permission denied; check its permissions",
        ) as refused,
    ):
        read(f"{folder}{pattern}")
    assert refused.value.exit_code == 66


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    put(folder, "a.csv", "sub/b.csv")
    (folder / "sub/b.csv").chmod(0)
    with (
        no_superuser(),
        pytest.raises(
            errors.InputNotFoundError, match=rf"^{folder}/sub/b.csv: cannot be read: Permission denied"
        ),
    ):
        read(folder)


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    put(tmp_path, "a.csv")
    (tmp_path / "b.csv").symlink_to(tmp_path / "nowhere.csv")
    with pytest.raises(errors.InputNotFoundError, match=r"b\.csv: cannot be read: No such file"):
        read(tmp_path)


def test_folders_beside_the_files_of_a_pattern_are_given(tmp_path: Path) -> None:
    put(tmp_path, "2011.csv", "2012/a.csv")
    names, unread = read(str(tmp_path / "201*"))
    assert names == [str(tmp_path / "2011.csv")]
    assert unread == {str(tmp_path / "2012"): "since it is a folder, and the pattern names files"}
    assert read(str(tmp_path / "**/*")) == ([str(tmp_path / name) for name in ("2011.csv", "2012/a.csv")], {})


def test_a_run_counts_and_lists_what_it_does_not_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = [
        line(CustomerID=c, InvoiceNo=f"{c}-{o}", Quantity=1 + c) for c in range(30) for o in range(1 + c % 4)
    ]
    folder = tmp_path / "in"
    folder.mkdir()
    write_csv(folder / "a.csv", given)
    for name in ("b.csv.bz2", "c.csv.bz2", "d.csv.1", "_SUCCESS"):
        (folder / name).write_text("x")
    overrides = {**QUICK, "models.k_max": 3, "models.families": ["kmeans"]}
    for _ in range(2):
        # Beside the input, the second time with what the first one has left.
        run = segment(folder, folder, overrides=overrides)
    said = capfd.readouterr().err
    manifest = json.loads((run.folder / "manifest.json").read_text())
    unread = manifest["input"]["unread"]
    assert unread["for the ending .csv.bz2"] == [str(folder / "b.csv.bz2"), str(folder / "c.csv.bz2")]
    assert unread["for the ending .csv.1"] == [str(folder / "d.csv.1")]
    assert unread["for a name that begins with . or _"] == [str(folder / ".lock"), str(folder / "_SUCCESS")]
    assert str(folder / "latest.json") in unread["since runs have left them there"]
    assert (
        f"2 file(s) of the input's folders are not read for the ending .csv.bz2: {folder}/b.csv.bz2" in said
    )
    assert [text for text in manifest["warnings"] if "are not read" in text] == [
        f"1 file(s) of the input's folders are not read for the ending .csv.1: {folder}/d.csv.1",
        "2 file(s) of the input's folders are not read for the ending .csv.bz2: "
        f"{folder}/b.csv.bz2, {folder}/c.csv.bz2",
    ]
    for name in ("runs", "history"):
        shutil.rmtree(folder / name)
    told = pipeline.inspect_input([folder])
    assert f"  not read for the ending .csv.1: {folder}/d.csv.1\n" in told


def frame(path: Path, **columns: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    one = {
        "order_id": ["1", "2"],
        "product_id": ["a", "b"],
        "quantity": [1, 2],
        "unit_price": [1.5, 2.5],
        "customer_id": ["7", "8"],
    }
    pl.DataFrame(one | columns).write_parquet(path)
    return path


def look(path: Path) -> str:
    return pipeline.inspect_input([path], full=True)


def test_a_column_of_the_file_wins_over_one_of_its_folder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    days = ["2011-03-01 10:00", "2011-03-02 11:00"]
    frame(tmp_path / "in/date=1999-01-01/a.parquet", created_at=days)
    told = look(tmp_path / "in")
    assert "'created_at'" in told
    assert "2011-03-01 10:00:00 to 2011-03-02 11:00:00" in told
    frame(tmp_path / "named/created_at=1999-01-01/a.parquet", created_at=days)
    assert "2011-03-01 10:00:00 to 2011-03-02 11:00:00" in look(tmp_path / "named")
    # Nothing of the file means it: then the folder says it.
    frame(tmp_path / "folder/date=1999-01-01/a.parquet")
    assert "1999-01-01 00:00:00 to 1999-01-01 00:00:00" in look(tmp_path / "folder")
    with suppress(errors.DataError):  # two customers may be too few
        segment(tmp_path / "in", tmp_path / "out", overrides=QUICK)
    assert "ordered_at is the file's column 'created_at', not 'date' of its folder" in capfd.readouterr().err


def test_a_folder_of_no_value_is_empty(tmp_path: Path) -> None:
    when = ["2011-03-01", "2011-03-02"]
    frame(tmp_path / "in/country=France/a.parquet", created_at=when)
    frame(tmp_path / "in/country=__HIVE_DEFAULT_PARTITION__/a.parquet", created_at=when)
    empty, france = sorted(source.partition for source in ingest.discover([tmp_path / "in"]))
    assert (empty, france) == ((("country", ""),), (("country", "France"),))
    assert "empty in 50.0%" in next(text for text in look(tmp_path / "in").splitlines() if "country " in text)


@pytest.mark.parametrize(
    ("dtype", "largest", "fine"),
    [
        (pl.Float32, 2**24, False),
        (pl.Float32, 2**24 - 1, True),
        (pl.Float64, 2**24, True),
        (pl.Float64, 2**53, False),
        (pl.Int64, 2**60, True),
    ],
)
def test_ids_of_floats_that_look_the_same_are_refused(
    tmp_path: Path, dtype: type[pl.DataType], largest: int, fine: bool
) -> None:
    ids = pl.Series([1.0, largest], dtype=pl.Float64).cast(dtype)
    path = frame(tmp_path / "a.parquet", created_at=["2011-03-01", "2011-03-02"], customer_id=ids)
    if fine:
        assert "customers 2" in look(path)
        return
    power = f"2^{largest.bit_length() - 1}"
    with pytest.raises(
        errors.DataError, match=rf"'customer_id' are floats \(float\d\d\) of {power[0]}\^{power[2:]}"
    ):
        look(path)


def test_ids_of_floats_in_a_second_column_are_refused(tmp_path: Path) -> None:
    ids = pl.Series([1.0, 2**24 + 2], dtype=pl.Float32)
    path = frame(tmp_path / "a.parquet", created_at=["2011-03-01", "2011-03-02"], phone=ids)
    with pytest.raises(errors.DataError, match=r"'phone' are floats \(float32\) of 2\^24"):
        pipeline.inspect_input([path], overrides={"columns.customer_id": ["customer_id", "phone"]}, full=True)


@pytest.mark.parametrize("compression", ["none", "snappy"])
def test_a_page_that_is_not_as_it_was_written_is_refused(tmp_path: Path, compression: str) -> None:
    n = 5_000
    path = frame(
        tmp_path / "a.parquet",
        **{name: [str(i % 50) for i in range(n)] for name in ("order_id", "product_id", "customer_id")},
        quantity=[1 + i % 9 for i in range(n)],
        unit_price=[i / 100 for i in range(n)],
        created_at=["2011-03-01"] * n,
    )
    table = parquet.read_table(path)
    parquet.write_table(table, path, write_page_checksum=True, compression=compression)
    assert "lines     5,000" in look(path)
    data = bytearray(path.read_bytes())
    offset = parquet.ParquetFile(path).metadata.row_group(0).column(3).data_page_offset
    data[offset + 1_000] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        errors.DataError, match=r"a\.parquet: the file is damaged .*CRC checksum verification failed"
    ):
        look(path)


def test_prices_of_singles_are_read_by_their_shortest_decimal(tmp_path: Path) -> None:
    prices = [0.1, 1.15, 2.55, 4.35, 1e-3, 16777.215, 3.0, 0.07]
    n = len(prices)
    path = frame(
        tmp_path / "a.parquet",
        order_id=[str(i) for i in range(n)],
        product_id=["a"] * n,
        customer_id=[str(i) for i in range(n)],
        quantity=[1] * n,
        created_at=["2011-03-01"] * n,
        unit_price=pl.Series(prices, dtype=pl.Float32),
    )
    money = {one["class"]: one["money"] for one in through([path], tmp_path / "run")["classes"]}
    assert money["purchase"] == "16788.4360"
