"""Chance for the sample: the same draws on every platform and Python, from a seed and a name.

Only `random.Random.random` is used, the one method whose sequence Python promises to keep.
"""

from __future__ import annotations

import hashlib
import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


class Draws:
    """A stream of draws. `Draw(7, "nsmc/train")` is independent of every other name."""

    __slots__ = ("random",)

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        self.random = random.Random(int.from_bytes(digest[:8], "big")).random

    def below(self, n: int) -> int:
        return int(self.random() * n)

    def between(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, p: float) -> bool:
        return self.random() < p

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self.random() * len(items))]

    def sample(self, items: Sequence[T], n: int) -> list[T]:
        """`n` different items (all of them where there are fewer), in drawn order."""
        pool = list(items)
        n = min(n, len(pool))
        for k in range(n):
            other = k + int(self.random() * (len(pool) - k))
            pool[k], pool[other] = pool[other], pool[k]
        return pool[:n]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        return self.sample(items, len(items))


class Weighted(Generic[T]):
    """Items with weights, drawn by one binary search."""

    __slots__ = ("edges", "items")

    def __init__(self, pairs: Sequence[tuple[T, float]]) -> None:
        self.items = [item for item, _ in pairs]
        self.edges = list(accumulate(weight for _, weight in pairs))

    def pick(self, draw: Draws) -> T:
        return self.items[min(bisect_right(self.edges, draw.random() * self.edges[-1]), len(self.items) - 1)]
