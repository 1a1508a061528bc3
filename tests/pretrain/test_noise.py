"""Random numbers that a run of another day must meet again: the same counters give the same bits for good."""

from __future__ import annotations

import numpy as np
import pytest

from malmoi.pretrain.data.random_bits import Stream, permute, random_bits, uniforms


def test_bits_and_uniforms_of_known_counters() -> None:
    """The first is SplitMix64's first output for seed 0."""
    assert [int(random_bits(0)), int(random_bits(1, 2, 3))] == [0xE220A8397B1DCDAF, 0xD0734750FDE362B3]
    found = [float(u).hex() for u in uniforms(7, 1, np.arange(3))]
    assert found == ["0x1.c0431c3004f88p-2", "0x1.9488e00874bc6p-1", "0x1.6e639e2c7aae0p-4"]


@pytest.mark.parametrize(
    ("key", "order"),
    [
        (5, [0]),
        (5, [1, 0]),
        (3, [5, 9, 8, 2, 0, 1, 4, 3, 7, 6]),
        (3, [14, 15, 13, 2, 0, 1, 12, 3, 7, 6, 4, 8, 10, 11, 5, 9]),
        (3, [0, 5, 12, 2, 7, 14, 4, 15, 13, 8, 10, 3, 9, 11, 6, 16, 1]),
    ],
)
def test_orders_of_known_keys(key: int, order: list[int]) -> None:
    """Sizes below, at and above a power of four, where the network has its smallest and its largest part."""
    assert permute(np.arange(len(order)), len(order), key).tolist() == order


def test_streams_have_numbers_of_their_own_that_stay() -> None:
    named = {stream.name: stream.value for stream in Stream}
    assert named == {"ORDER": 0, "CHOOSE": 1, "REPLACE": 2, "TOKEN": 3, "SAMPLE": 4, "SEGMENTS": 5}
