"""What follows from other features is computed the same wherever it is needed."""

from __future__ import annotations

import pytest

from segcore import schema
from segcore.feature_identities import IDENTITIES

VALUES = {
    "order_count": 4.0,
    "total_spend": 100.0,
    "average_order_value": 25.0,
    "item_count": 6.0,
    "mean_basket_items": 1.5,
    "return_count": 1.0,
    "return_rate": 0.2,
    "returned_value": 150.0,
    "returned_share": 1.5,
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_an_identity_holds_both_ways(name: str) -> None:
    identity = IDENTITIES[name]
    assert identity.divided(VALUES.__getitem__) == VALUES[name]
    assert identity.computed(VALUES.__getitem__) == VALUES[identity.dependent]
    assert {identity.dependent, *identity.inputs} == {name, identity.numerator, *identity.denominator}


def test_what_a_total_is_of_comes_before_what_needs_the_total() -> None:
    computed: set[str] = set()
    later = {identity.dependent for identity in IDENTITIES.values()}
    for identity in IDENTITIES.values():
        assert later.isdisjoint(set(identity.inputs) - computed)
        computed.add(identity.dependent)


def test_the_meaning_of_a_feature_is_its_formula() -> None:
    for name, identity in IDENTITIES.items():
        assert schema.FEATURE_BY_NAME[name].meaning.startswith(identity.formula)
    assert IDENTITIES["return_rate"].formula == "return_count / (return_count + order_count)"
