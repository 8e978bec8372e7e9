"""What the command prints steers no terminal and repeats no credential."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HUSH = "HUSH-99"


def said(*line: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "segcore", *map(str, line)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (["segment", f"s3://shop/in?sig={HUSH}", "--out", "{tmp}/out"], 2),
        (["segment", "x.csv", "--out", f"s3://shop/out?token={HUSH}"], 2),
        (["segment", "x.csv", "--out", "{tmp}/out", "--scratch", f"s3://AK:{HUSH}@shop/out"], 2),
        (
            ["segment", "x.csv", "--out", "{tmp}/out", "--previous", f"s3://shop/run?X-Amz-Signature={HUSH}"],
            2,
        ),
        (["score", "x.csv", "--out", "{tmp}/out", "--model", f"https://me:{HUSH}@host/run"], 2),
        (["segment", "x.csv", "--out", "{tmp}/out", "--job", "{tmp}/job.toml"], 78),
        (["explain", "7", "--run", f"abfs://box@account/run?sig={HUSH}"], 2),
    ],
    ids=lambda given: given[0] if isinstance(given, list) else None,
)
def test_credentials_are_refused_first_and_not_repeated(line: list[str], code: int, tmp_path: Path) -> None:
    extra = f'[[extra]]\npath = "s3://shop/e.csv?secret_key={HUSH}"\nkey = "a"\ncolumns = ["b"]\n'
    (tmp_path / "job.toml").write_text(extra)
    found, text = said(*(part.replace("{tmp}", str(tmp_path)) for part in line))
    assert (found, HUSH in text) == (code, False), text
    assert "holds credentials; leave them out, and set them in the environment" in text
    assert not (tmp_path / "out").exists()


def test_a_name_does_not_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b]0;owned\x07\x9b31m.csv"
    path.write_text("no,such\x1b[2Jcolumn\n1,2\n")
    for line in (
        ["segment", path, "--out", tmp_path / "out"],
        ["inspect", path],
        ["segment", "x", "--\x1b[2J"],
    ):
        code, text = said(*line)
        assert code in (2, 65)
        assert not set(text) & {"\x1b", "\x07", "\x9b"}
