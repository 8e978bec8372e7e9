"""What goes to stderr is one line per record, in text or in JSON, with the run and the stage."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator

import pytest

from segcore import logs
from segcore.errors import printable
from segcore.progress import Progress


@pytest.fixture(autouse=True)
def elsewhere() -> Iterator[None]:
    yield
    logs.CONTEXT.clear()


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def speak() -> None:
    progress = Progress()
    logs.CONTEXT["run"] = "20260101T000000Z-abc"
    with progress.stage("models") as stage:
        stage.rows = 7
        progress.warn("two\nlines")
        progress.warn("two\nlines")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("of a library", UserWarning, stacklevel=1)
        logging.getLogger("library").info("chatter")
        logging.getLogger("library").error("a %s error", "bad")
    progress.log("done")


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    with logs.to_stderr():
        speak()
    first, library, error, stage, last = told(capsys)
    assert first == "warning: two lines"
    assert library.startswith("warning: ")
    assert "UserWarning: of a library" in library
    assert error == "error: a bad error"
    assert stage.startswith("models ")
    assert stage.endswith(" MB, 7 customers")
    assert last == "done"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    with logs.to_stderr("json"):
        speak()
    records = [json.loads(line) for line in told(capsys)]
    assert [record["level"] for record in records] == ["warning", "warning", "error", "info", "info"]
    assert {record["run"] for record in records} == {"20260101T000000Z-abc"}
    assert [record.get("stage") for record in records] == [*["models"] * 4, None]
    assert records[0]["message"] == "two lines"
    assert records[2]["logger"] == "library"
    assert records[3]["rows"] == 7
    assert records[3]["seconds"] >= 0
    assert records[3]["peak_memory"] > 0


def test_a_record_carries_its_facts_and_no_padding(capsys: pytest.CaptureFixture[str]) -> None:
    with logs.to_stderr("json"):
        Progress().log("models         0.1 s", facts={"moved": 7, "report": "a/report.html"})
    [record] = [json.loads(line) for line in told(capsys)]
    assert record["message"] == "models 0.1 s"
    assert (record["moved"], record["report"]) == (7, "a/report.html")


def test_quiet_leaves_errors(capsys: pytest.CaptureFixture[str]) -> None:
    with logs.to_stderr(quiet=True):
        speak()
    assert told(capsys) == ["error: a bad error"]


def test_nothing_is_said_after_the_run_or_twice_within(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with logs.to_stderr():
            Progress().log("once")
    logs.LOGGER.warning("after")
    assert told(capsys) == ["once", "once"]


def test_a_stage_that_fails_stays_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="half way"), Progress().stage("labels"):
        raise RuntimeError("half way")
    logs.fail("half\nway", 70, "json")
    logs.fail("half\nway", 70)
    as_json, as_text = told(capsys)
    assert json.loads(as_json).items() >= {"stage": "labels", "exit_code": 70, "message": "half way"}.items()
    assert as_text == "segcore: half way"


def test_nothing_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("text", "json"):
        logs.fail("a\x1b[31m\x9b\u202eb.csv?sig=HUSH is no file", 66, form)
    text = capsys.readouterr().err
    assert not set(text) & {"\x1b", "\x9b", "\u202e"}
    assert "HUSH" not in text
    assert "a\\u001b[31m\\u009b\\u202eb.csv" in text
    name = {"run": "\x7f\x9b\u202e"}
    assert json.loads(printable(json.dumps(name, ensure_ascii=False))) == name


def test_a_terminal_sees_how_far_a_run_is_by_what_the_last_one_took(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Progress, "_on_terminal", lambda self: True)
    progress = Progress()
    progress.expect([("lines", 50.0), ("models", 40.0), ("report", 5.0)])
    for name in ("lines", "models", "other"):
        with progress.stage(name):
            pass
    first, second, third = capsys.readouterr().err.split("\x1b[K\r")[:3]
    assert first == "lines ... (step 1 of 3, about 2 minutes left, as in the last run)"
    assert second == "models ... (step 2 of 3, about 45 s left, as in the last run)"
    assert third == "other ..."
