"""Customers with one order: a segment by rule where the job asks for it, else customers like others."""

from __future__ import annotations

import numpy as np
import polars as pl

from segcore.matrix.one_time import clustered, one_time_mask, with_one_time

CUSTOMERS = pl.DataFrame({"customer_id": ["a", "b", "c", "d"], "order_count": [1, 3, 1, 2]})


def test_who_is_left_out_of_the_matrix() -> None:
    assert one_time_mask(CUSTOMERS, True).tolist() == [True, False, True, False]
    assert clustered(CUSTOMERS, True)["customer_id"].to_list() == ["b", "d"]
    assert not one_time_mask(CUSTOMERS, False).any()
    assert clustered(CUSTOMERS, False).equals(CUSTOMERS)


def test_they_have_the_label_after_the_last_for_certain() -> None:
    labels, confidence = np.array([2, -1], dtype=np.int32), np.array([0.5, 0.25], dtype=np.float32)
    everyone, certainty = with_one_time(one_time_mask(CUSTOMERS, True), labels, confidence, 3)
    assert everyone.tolist() == [3, 2, 3, -1]
    assert certainty.tolist() == [1, 0.5, 1, 0.25]
    assert [str(everyone.dtype), str(certainty.dtype)] == ["int32", "float32"]
