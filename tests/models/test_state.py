from __future__ import annotations

import json

import numpy as np
import pytest

from segcore import errors
from segcore.models.assignment import NearestCentre
from segcore.models.state import from_state, to_state
from tests.models.test_assignment import blobs, one_of_each


@pytest.mark.parametrize("which", range(6))
def test_a_stored_model_labels_the_same(which: int) -> None:
    model = one_of_each()[which]
    state, arrays = to_state(model)
    assert all(array.ndim <= 2 for array in arrays.values())
    again = from_state(json.loads(json.dumps(state)), arrays)
    assert type(again) is type(model)
    for ours, theirs in zip(model.assign(blobs()), again.assign(blobs()), strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_a_missing_array_is_named() -> None:
    state, _ = to_state(NearestCentre(centres=np.zeros((2, 2))))
    with pytest.raises(errors.DataError, match=r"array 'centres' is missing, found other"):
        from_state(state, {"other": np.zeros(1)})


def test_a_cut_array_is_noticed() -> None:
    state, arrays = to_state(NearestCentre(centres=np.zeros((2, 2))))
    with pytest.raises(errors.DataError, match=r"'centres' has 2 numbers, expected \(2, 2\)"):
        from_state(state, {"centres": arrays["centres"][:1]})


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(errors.DataError, match="kind 'oracle' is unknown"):
        from_state({"kind": "oracle"}, {})
