from __future__ import annotations

import numpy as np
import pytest

from segcore import errors
from segcore.models.assignment import NearestCentre
from segcore.models.stored import put_together, take_apart
from tests.models.test_assignment import blobs, one_of_each
from tests.through_json import through_json


@pytest.mark.parametrize("which", range(6))
def test_a_stored_model_labels_the_same(which: int) -> None:
    model = one_of_each()[which]
    stored, arrays = take_apart(model)
    assert all(array.ndim <= 2 for array in arrays.values())
    again = put_together(through_json(stored), arrays)
    assert type(again) is type(model)
    for ours, theirs in zip(model.assign(blobs()), again.assign(blobs()), strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_a_missing_array_is_named() -> None:
    stored, _ = take_apart(NearestCentre(centres=np.zeros((2, 2))))
    with pytest.raises(errors.InputNotFoundError, match=r"array 'centres' is missing, found other"):
        put_together(stored, {"other": np.zeros(1)})


def test_a_cut_array_is_noticed() -> None:
    stored, arrays = take_apart(NearestCentre(centres=np.zeros((2, 2))))
    with pytest.raises(errors.InputNotFoundError, match=r"'centres' has 2 numbers, expected \(2, 2\)"):
        put_together(stored, {"centres": arrays["centres"][:1]})
