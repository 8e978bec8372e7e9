"""Which features follow from others by definition, and how: written once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any


@dataclass(frozen=True)
class Identity:
    """A feature that is, by definition, another one over a third or over a sum.

    Attributes
    ----------
    ratio, numerator : str
    denominator : tuple of str
        Features that are added up.
    per_order : bool
        Whether it is a mean of the customer's orders. The number and the size of orders then count as what a customer
        does, and the total (the numerator) follows from them; else the ratio follows from the other two.
    """

    ratio: str
    numerator: str
    denominator: tuple[str, ...]
    per_order: bool = False

    @property
    def formula(self) -> str:
        """The ratio in words, such as ``"total_spend / order_count"``."""
        whole = " + ".join(self.denominator)
        return f"{self.numerator} / {whole if len(self.denominator) == 1 else f'({whole})'}"

    @property
    def dependent(self) -> str:
        """The feature that follows from the others."""
        return self.numerator if self.per_order else self.ratio

    @property
    def inputs(self) -> tuple[str, ...]:
        """The features that the dependent one follows from."""
        return (*self.denominator, self.ratio if self.per_order else self.numerator)

    def whole(self, of: Callable[[str], Any]) -> Any:
        """Return the denominator, of arrays or expressions that `of` gives for a name."""
        return reduce(add, map(of, self.denominator))

    def divided(self, of: Callable[[str], Any]) -> Any:
        """Return the ratio."""
        return of(self.numerator) / self.whole(of)

    def computed(self, of: Callable[[str], Any]) -> Any:
        """Return the dependent feature from its inputs."""
        return self.whole(of) * of(self.ratio) if self.per_order else self.divided(of)


# In an order in which the dependent ones can be computed.
IDENTITIES: dict[str, Identity] = {
    identity.ratio: identity
    for identity in (
        Identity("average_order_value", "total_spend", ("order_count",), per_order=True),
        Identity("mean_basket_items", "item_count", ("order_count",), per_order=True),
        Identity("return_rate", "return_count", ("return_count", "order_count")),
        Identity("returned_share", "returned_value", ("total_spend",)),
    )
}
