from __future__ import annotations

import pytest

from segcore import engine, errors
from segcore.engine import memory


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1GB", 10**9),
        ("512MiB", 512 * 2**20),
        ("2e9", 2 * 10**9),
        (" 1.5 gb ", 1_500_000_000),
        ("4096", 4096),
        ("1Gi", 2**30),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert engine.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "lots", "1XB", "-1GB", "0", "1.2.3GB", "i", "1ib"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(errors.UsageError, match="512MB"):
        engine.parse_size(text)


def test_default_budget_is_half_of_what_there_is() -> None:
    assert 0 < engine.default_budget() == engine.memory_limit() // 2


@pytest.mark.parametrize("budget", [1, 10**8, 10**9, 123_456_789_012])
def test_the_limit_of_a_worker_has_room_for_its_budget(budget: int) -> None:
    limit = memory.worker_limit(budget)
    assert budget <= memory.worker_budget(limit) <= budget + 1
    assert limit > budget
