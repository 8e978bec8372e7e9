"""The command: exit code, files, message, and a silent stdout."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import click
import polars as pl
import pytest

from segcore import __version__, cli, pipeline
from tests.transaction_lines import line, write_csv


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["segcore", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return int(caught.value.code or 0)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "good.csv", [line()])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["segment", "{tmp}/nothing.csv", "--out", "{tmp}/out"], 66, "no such file or folder"),
        (["segment", "{tmp}/empty", "--out", "{tmp}/out"], 66, "holds no file to read"),
        (["segment", "{tmp}/short.csv", "--out", "{tmp}/out"], 65, "required column"),
        (["segment", "{tmp}/zero.csv", "--out", "{tmp}/out"], 65, "empty"),
        (["segment", "{tmp}/good.csv", "--out", "{tmp}/out", "--k", "1"], 2, "at least 2"),
        (["segment", "{tmp}/good.csv", "--out", "{tmp}/out", "--k", "some"], 2, "neither a number"),
        (["segment", "{tmp}/good.csv", "--out", "{tmp}/out", "--k", "²"], 2, "neither a number"),
        (
            ["segment", "{tmp}/good.csv", "--out", "{tmp}/out", "--keep-history", "9999999999d"],
            2,
            "up to 36,500",
        ),
        (["segment", "{tmp}/good.csv", "--out", "{tmp}/out", "--memory", "lots"], 2, "no size"),
        (["segment", "{tmp}/good.csv", "--out", "{tmp}/good.csv/out"], 73, "cannot be written"),
        (["segment", "{tmp}/good.csv", "--out", "/proc/segcore"], 73, "cannot be made"),
        (["segment", "{tmp}/good.csv", "--out", "{tmp}/out", "--job", "{tmp}/no.toml"], 78, "cannot be read"),
        (
            ["segment", "{tmp}/good.csv", "--out", "{tmp}/out", "--job", "{tmp}/bad.toml"],
            78,
            "did you mean 'k_max'",
        ),
        (["segment", "{tmp}/good.csv", "--out", "{tmp}/out"], 65, "cannot make 2 segments"),
        (["segment", "--out", "{tmp}/out"], 2, "Missing argument"),
        (["segmnt"], 2, "No such command"),
        (["report", "{tmp}"], 66, "no finished run"),
        (["explain", "1", "--run", "{tmp}"], 66, "no finished run"),
        (["simulate", "--rows", "0", "--out", "{tmp}/dump"], 2, "at least 1"),
        (["simulate", "--rows", "1e30", "--out", "{tmp}/dump"], 2, "expected 100 to"),
        (
            ["simulate", "--rows", "1000", "--start", "9999-12-31", "--out", "{tmp}/dump"],
            2,
            "expected the year",
        ),
        (["simulate", "--rows", "1000", "--out", "{tmp}/caf\udce9"], 2, "the name is not UTF-8"),
        (["export", "{tmp}", "--to", "{tmp}/caf\udce9"], 2, "the name is not UTF-8"),
        (["simulate", "--rows", "1000", "--out", "{tmp}"], 73, "empty"),
    ],
)
def test_errors_are_one_clear_line(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    good: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "zero.csv").touch()
    (tmp_path / "short.csv").write_text("InvoiceNo,Quantity\n1,2\n")
    (tmp_path / "bad.toml").write_text("[models]\nkmax = 3\n")
    before = sorted(tmp_path.rglob("*"))
    assert run(monkeypatch, *(a.format(tmp=tmp_path) for a in arguments)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    said = [text for text in captured.err.splitlines() if message in text]
    assert len(said) == 1
    assert "Traceback" not in captured.err
    assert sorted(tmp_path.rglob("*")) == before


def test_help_and_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert __version__ in capsys.readouterr().out
    for command in sorted(cli.cli.commands):
        assert run(monkeypatch, command, "--help") == 0
        assert "Usage" in capsys.readouterr().out


def test_help_imports_no_engine() -> None:
    code = "import sys, segcore.cli; sys.exit(any(m in sys.modules for m in ('polars', 'dask', 'sklearn', 'numpy')))"
    start = time.perf_counter()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    print(f"import took {time.perf_counter() - start:.2f} s")


def test_a_whole_run_by_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dump, out = tmp_path / "dump", tmp_path / "out"
    assert run(monkeypatch, "simulate", "--rows", "3000", "--out", str(dump)) == 0
    quick = tmp_path / "quick.toml"
    quick.write_text(
        "[models]\nrestarts = 3\nk_max = 4\n[stability]\nsplits = 0\n[structure_test]\ncopies = 0\n"
    )
    capsys.readouterr()
    assert run(monkeypatch, "segment", str(dump), "--out", str(out), "--job", str(quick), "--k", "3") == 0
    captured = capsys.readouterr()
    report = Path(captured.out.strip())
    assert report.is_file()
    assert "models" in captured.err
    rejected, found, changed, where = captured.err.splitlines()[-4:]
    assert re.fullmatch(
        r"rejected: [\d,]+ of 3,000 lines, with their money: (\w+ [\d,]+ \(-?[\d,]+\.\d\d\)(, )?)+", rejected
    )
    assert re.fullmatch(
        r"\d+ customers in 3 segments, with their share of the money spent: (.+ \d+ \(\d+%\)(, )?){3}", found
    )
    assert changed == "nothing to compare with: no run before"
    assert where == f"report: {report}"
    assert run(monkeypatch, "runs", str(out), "--json") == 0
    assert json.loads(capsys.readouterr().out)["k"] == 3
    nearest = pl.read_parquet(report.parent / "tables/examples.parquet")["customer_id"][0]
    for options, shown in (((), False), (("--show-ids",), True)):
        assert run(monkeypatch, "report", str(out), "--format", "md", *options) == 0
        text = Path(capsys.readouterr().out.strip()).read_text()
        assert text.startswith("#")
        assert (f"| {nearest} |" in text) == shown
    customer = (report.parent / "segments.csv").read_text().splitlines()[1].split(",")[0].removeprefix("'")
    assert run(monkeypatch, "explain", customer, "--run", str(out)) == 0
    assert f"Customer {customer}" in capsys.readouterr().out
    assert run(monkeypatch, "explain", "nobody", "--run", str(out)) == 65
    assert run(monkeypatch, "validate-job", str(quick)) == 0
    assert "restarts = 3" in capsys.readouterr().out


def test_a_variable_is_called_like_its_option() -> None:
    for command in cli.cli.commands.values():
        for option in command.params:
            if isinstance(option, click.Option) and option.envvar:
                names = {name.removeprefix("--").replace("-", "_").upper() for name in option.opts}
                assert str(option.envvar).removeprefix("SEGCORE_") in names


def test_inspect_of_something_that_would_stop_says_what_it_saw_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = tmp_path / "a.csv"
    dump.write_text("customer_id,date,amount\na,2011-03-01,5\n")
    assert run(monkeypatch, "inspect", str(dump)) == 65
    captured = capsys.readouterr()
    assert "customers 1\n" in captured.out
    assert captured.err == "segcore: the run would stop: it needs 2 customers for as many segments\n"
    dump.write_text("customer_id,date,amount\na,2011-03-01,5\nb,2011-03-01,6\n")
    assert run(monkeypatch, "inspect", str(dump)) == 0
    capsys.readouterr()
    assert run(monkeypatch, "inspect", str(dump), "--memory", "1MB") == 78
    captured = capsys.readouterr()
    assert "customers 2\n" in captured.out
    assert captured.err.startswith("segcore: the run would stop: the models need ")
    assert (
        run(monkeypatch, "segment", str(dump), "--out", str(tmp_path / "out"), "--memory", "1MB", "-q") == 78
    )
    assert captured.err.removeprefix("segcore: the run would stop: ") in capsys.readouterr().err


def test_all_errors_of_a_job_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "job.toml"
    job.write_text("seed = -1\n[models]\nk_min = 0\n")
    assert run(monkeypatch, "validate-job", str(job)) == 78
    told = capsys.readouterr().err
    assert "seed: " in told
    assert "models.k_min: " in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["holdout", ".", "--name", "x", "--share", "nan"], "'nan' is no finite number"),
        (["holdout", ".", "--name", "x", "--lift", "inf"], "'inf' is no finite number"),
        (["inspect", "x.csv", "--max-reject-share", "nan"], "'nan' is no finite number"),
        (["segment", "x.csv", "--out", ""], "the name of a folder is empty; write . for"),
        (
            ["segment", "x.csv", "--out", "~/out"],
            "~/out: the shell has put no folder in place of ~; write it out",
        ),
        (["simulate", "--rows", "10", "--out", "~"], "~: the shell has put no folder in place of ~"),
        (["simulate", "--rows", "100", "--out", "."], ".: expected a folder with a name of its own"),
        (["export", ".", "--to", ""], "the name of a folder is empty"),
        (["export", ".", "--to", "~/out"], "~/out: the shell has put no folder"),
        (["export", ".", "--to", "duckdb:"], "duckdb:: a database in memory is gone at once"),
        (
            ["export", ".", "--to", "duckdb::memory:"],
            "a database in memory is gone at once; expected duckdb:FILE",
        ),
        (["explain", "7", "--run", "x" * 300], "File name too long; choose another name"),
        (["runs", "x" * 300], "File name too long; choose another name"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *line) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_is_not_utf8_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def explain(*_: object) -> None:
        "\udcff".encode()

    monkeypatch.setattr(pipeline, "explain_customer", explain)
    assert run(monkeypatch, "explain", "\udcff", "--run", ".") == 2
    assert capsys.readouterr().err == "segcore: \\udcff: is not UTF-8, as all texts and names are\n"
    assert run(monkeypatch, "explain", "7", "--run", ".") == 70  # it was the program's own then


def test_a_folder_that_was_removed_under_ones_feet_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run(monkeypatch, "segment", "in.csv", "--out", "out") == 2
    assert (
        "segcore: the folder that one is in has been removed; go to another one\n" in capsys.readouterr().err
    )
