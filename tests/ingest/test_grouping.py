from __future__ import annotations

from pathlib import Path

import pytest

from segcore import errors, ingest, job
from segcore.ingest import Prepared, grouping
from segcore.ingest.columns import assign_columns

HEADER = "InvoiceNo,CustomerID,InvoiceDate,Quantity,UnitPrice"
LINE = "1,7,2011-01-01 10:00:00,2,3.50"


def days(folder: Path, headers: list[str]) -> list[Prepared]:
    (folder / "scratch").mkdir()
    for number, header in enumerate(headers):
        (folder / f"{number}.csv").write_text(f"{header}\n{LINE}\n")
    return ingest.prepare(ingest.discover([folder]), job.Input(), folder / "scratch", memory=10**9)


def test_the_columns_of_one_header_are_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []

    def counted(header: list[str], *args: object, where: str, **more: object) -> dict[str, str]:
        found.append(where)
        return assign_columns(header, *args, where=where, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(grouping, "assign_columns", counted)
    groups = ingest.group_files(days(tmp_path, [HEADER] * 4 + [f"{HEADER},Country"] * 2), job.Job())
    assert [len(group.files) for group in groups] == [4, 2]
    assert len(found) == 2


def test_the_first_file_without_a_needed_column_is_named(tmp_path: Path) -> None:
    files = days(tmp_path, [HEADER.replace("InvoiceDate", "X")] * 3)
    with pytest.raises(errors.DataError, match=r"0\.csv"):
        ingest.group_files(files, job.Job())
