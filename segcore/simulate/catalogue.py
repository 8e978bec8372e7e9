"""The simulated shop's shelf: its products and services, what they cost and how many are bought at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from segcore.simulate.planted import PlantedSegment

_CATALOGUE_SEED = 352  # one shop, whatever the seed: dumps can be compared product by product

_COLOURS = "WHITE|RED|BLUE|PINK|GREEN|IVORY|SILVER|BLACK|CREAM|VINTAGE|ANTIQUE|SET OF 3"
_MOTIFS = "HEART|STAR|ROSE|BIRD|SKULL|SPACEBOY|DOLLY GIRL|PAISLEY|UNION FLAG|RETROSPOT|WOODLAND"
_THINGS = (
    "T-LIGHT HOLDER|LANTERN|LUNCH BAG|CAKE TIN|MUG|BUNTING|DOORMAT|HOT WATER BOTTLE|PHOTO FRAME|"
    "TEA TOWEL|JUMBO BAG|COAT HANGER|CAKE CASES|WALL CLOCK|STORAGE JAR|NAPKINS , PACK OF 20|GIFT WRAP|"
    "PENCILS|APRON|CUSHION COVER|TRINKET BOX|BOWL|GARLAND|NOTEBOOK"
)
_SUFFIXES = "ABCDEFGHIJKL"

# Price in GBP and how many in a hundred products have it.
_PRICES = {0.19: 1, 0.29: 2, 0.42: 6, 0.65: 6, 0.85: 10, 1.25: 15, 1.45: 6, 1.65: 11, 1.95: 8, 2.1: 6}
_PRICES |= {2.55: 6, 2.95: 7, 3.39: 3, 3.75: 4, 4.25: 3, 4.95: 3, 7.95: 2, 12.75: 1}
_RETAIL = 1.4  # lines without a customer are mostly single sales at retail price
_PACKS = np.array(
    [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 18, 20, 24, 30, 36, 48, 60, 72, 96, 120, 144, 200, 288, 480, 600, 1000]
)
_PACKS_APART = np.sqrt(_PACKS[:-1] * _PACKS[1:])  # where the nearest pack, by ratio, changes

# Codes that are no products, as in the real dump: code, description, price and how often with and
# without a customer. One that costs now this, now that, stands here several times.
_SERVICES: tuple[tuple[str, str, float, int, int], ...] = (
    ("POST", "POSTAGE", 15.0, 6, 1),
    ("POST", "POSTAGE", 18.0, 10, 2),
    ("POST", "POSTAGE", 28.0, 4, 1),
    ("DOT", "DOTCOM POSTAGE", 172.36, 0, 8),
    ("DOT", "DOTCOM POSTAGE", 569.77, 0, 8),
    ("M", "Manual", 1.25, 3, 3),
    ("M", "Manual", 8.95, 3, 3),
    ("m", "Manual", 2.55, 1, 1),
    ("C2", "CARRIAGE", 50.0, 2, 1),
    ("BANK CHARGES", "Bank Charges", 15.0, 1, 2),
    ("AMAZONFEE", "AMAZON FEE", 148.24, 0, 2),
    ("S", "SAMPLES", 9.74, 0, 2),
    ("D", "Discount", 27.5, 0, 0),  # only ever on a cancellation
)
_NOTES = (None, None, None, "damages", "check", "?", "lost", "found")  # on stock adjustments

_COUNTRY_WEIGHTS = {
    "United Kingdom": 905, "Germany": 22, "France": 20, "EIRE": 8, "Spain": 7, "Belgium": 6,
    "Switzerland": 5, "Portugal": 5, "Italy": 4, "Netherlands": 4, "Norway": 3, "Australia": 3,
    "Channel Islands": 3, "Japan": 2, "Unspecified": 3,
}  # fmt: skip
COUNTRIES = tuple(_COUNTRY_WEIGHTS)  # home is the first


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What can stand on a line. Items are numbered: first the products, then the services."""

    n_items: int  # the last one is a discount
    codes: pl.Series  # of all items, then the same again in lower case
    descriptions: pl.Series  # of all items, then the notes of stock adjustments, some of them null
    # Of shape (n_segments + 1, n_items) in GBP and (n_segments + 1, 256), where all are equally likely; the last
    # row is for lines without a customer.
    price: NDArray[np.float64]
    quantity: NDArray[np.int64]
    popular: NDArray[
        np.int64
    ]  # of shape (65536,): equally likely products, so popular ones stand there often
    services: NDArray[np.int64]  # of shape (2, 256): equally likely ones without (0) and with (1) a customer
    suffixed: NDArray[np.bool_]  # of shape (n_items,): codes that end in a letter whose case can go wrong
    countries: NDArray[np.int64]  # of shape (65536,): equally likely countries


def build_catalogue(segments: Sequence[PlantedSegment], noise: float) -> Catalogue:
    """Return the shop's catalogue, with what each planted segment pays and how much it takes."""
    rng = np.random.default_rng(_CATALOGUE_SEED)
    names = _product_names(rng)
    codes, suffixed = _product_codes(rng, len(names))
    items = codes + [service[0] for service in _SERVICES]
    described = names + [service[1] for service in _SERVICES]
    by_customer = [_tickets(often, 256) for often in ([s[4] for s in _SERVICES], [s[3] for s in _SERVICES])]
    return Catalogue(
        n_items=len(items),
        codes=pl.Series(items + [code.lower() for code in items], dtype=pl.String),
        descriptions=pl.Series([*described, *_NOTES], dtype=pl.String),
        price=_prices(rng, len(names), [*(segment.price for segment in segments), _RETAIL]),
        quantity=_quantities(segments, noise),
        popular=_tickets(1 / (np.arange(len(names)) + 60.0) ** 0.7, 1 << 16),
        services=np.stack(by_customer) + len(names),
        suffixed=np.concatenate([suffixed, np.zeros(len(_SERVICES), dtype=np.bool_)]),
        countries=_tickets(_COUNTRY_WEIGHTS.values(), 1 << 16),
    )


def _product_names(rng: np.random.Generator) -> list[str]:
    parts = itertools.product(_COLOURS.split("|"), _MOTIFS.split("|"), _THINGS.split("|"))
    names = [" ".join(words) for words in parts]
    rng.shuffle(names)
    # A blank at the end, as the real dump has it here and there.
    return [f"{name} " if i % 50 == 0 else name for i, name in enumerate(names)]


def _product_codes(rng: np.random.Generator, n: int) -> tuple[list[str], NDArray[np.bool_]]:
    numbers = rng.choice(np.arange(20_000, 90_000), n, replace=False)
    suffixed = rng.random(n) < 0.15
    letters = rng.integers(0, len(_SUFFIXES), n)
    drawn = zip(numbers, suffixed, letters, strict=True)
    return [f"{number}{_SUFFIXES[letter] if ends else ''}" for number, ends, letter in drawn], suffixed


def _prices(rng: np.random.Generator, n_products: int, factors: Sequence[float]) -> NDArray[np.float64]:
    weights = np.array(list(_PRICES.values()), dtype=np.float64)
    listed = rng.choice(list(_PRICES), n_products, p=weights / weights.sum())
    paid = np.maximum(0.01, np.round(np.outer(factors, listed), 2))
    services = np.tile([service[2] for service in _SERVICES], (len(factors), 1))
    return np.hstack([paid, services])


def _quantities(segments: Sequence[PlantedSegment], noise: float) -> NDArray[np.int64]:
    normal = NormalDist()
    z = np.array([normal.inv_cdf((i + 0.5) / 256) for i in range(256)])
    rows = [segment.quantity * np.exp(segment.quantity_spread * noise * z) for segment in segments]
    rows.append(1.3 * np.exp(0.8 * z))
    return _PACKS[np.searchsorted(_PACKS_APART, np.stack(rows))].astype(np.int64)


def _tickets(weights: Iterable[float], n: int) -> NDArray[np.int64]:
    """Return `n` numbers in which i stands in proportion to its weight: one random index draws one."""
    bounds = np.cumsum(np.fromiter(weights, dtype=np.float64))
    return np.searchsorted(bounds / bounds[-1], (np.arange(n) + 0.5) / n).astype(np.int64)
