"""Randomness as a pure function of counters: the same (key, row, position) gives the same number in any
process, on any machine, in any order, so resuming needs no generator state."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

U64 = NDArray[np.uint64]


class Stream(IntEnum):
    """What random numbers are for: the counter after the seed. Two uses of one number would tie what is
    chosen to what is put in its place, and another number would give a resumed run other masks."""

    ORDER = 0
    """Order of the rows in each epoch."""
    CHOOSE = 1
    """Which tokens are predicted."""
    REPLACE = 2
    """What stands in their place: [MASK], a random entry, the token itself."""
    TOKEN = 3
    """Which random entry."""
    SAMPLE = 4
    """Gumbel noise of the generator's samples."""
    SEGMENTS = 5
    """Which sequences are cut into two segments."""


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(values: U64) -> U64:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
    generators"): a bijection of 64-bit words that passes as random."""
    z = values + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def random_bits(*counters: ArrayLike) -> U64:
    """64 random bits for every combination of the (broadcast, non-negative) counters."""
    with np.errstate(over="ignore"):  # uint64 arithmetic wraps on purpose
        state = np.zeros((), np.uint64)
        for counter in counters:
            state = mix(state ^ np.asarray(counter).astype(np.uint64))
        return state


def uniforms(*counters: ArrayLike) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1) with 53 bits for every combination of the counters."""
    shape = np.broadcast_shapes(*(np.shape(c) for c in counters))
    scaled = (random_bits(*counters) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.broadcast_to(scaled, shape)


def permute(index: NDArray[np.int64], size: int, key: int) -> NDArray[np.int64]:
    """Where a keyed permutation of `range(size)` sends each index; O(1) memory, whatever the size.

    A four-round Feistel network over the smallest even number of bits that holds `size`, walked until the
    value falls inside (Black and Rogaway 2002, "Ciphers with arbitrary finite domains", cycle walking).
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = np.uint64((1 << half) - 1)
    out = index.astype(np.uint64)
    outside = np.ones(out.shape, bool)
    while outside.any():
        left, right = out[outside] >> np.uint64(half), out[outside] & mask
        for round_number in range(4):
            left, right = right, left ^ (random_bits(key, round_number, right) & mask)
        out[outside] = (left << np.uint64(half)) | right
        outside = out >= np.uint64(size)
    return out.astype(np.int64)
