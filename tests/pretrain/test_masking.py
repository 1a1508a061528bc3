"""How many tokens are masked, at the edges: short rows, few tokens, a vocabulary of special tokens alone."""

from __future__ import annotations

import numpy as np
import pytest

from malmoi.pretrain.data.masking import Draw
from malmoi.pretrain.data.masking.bert import mask_rows
from malmoi.pretrain.data.masking.choosing import choose_slots, slot_cap
from malmoi.special import SpecialIds


@pytest.mark.parametrize(
    ("most", "rate", "cap"),
    [(20, 0.15, 3), (7, 0.5, 4), (126, 0.15, 19), (1, 0.15, 1), (0, 0.15, 1), (510, 0.4, 204)],
)
def test_slots_of_a_row(most: int, rate: float, cap: int) -> None:
    """ceil(rate · most), at least 1."""
    assert slot_cap(most, rate) == cap


def test_two_tokens_of_a_row_are_never_masked_unless_they_are_counted() -> None:
    """Rows of 22 have 20 tokens between [CLS] and [SEP]: 3 slots; counted as published, 22: 4."""
    maskable, scores = np.ones((1, 22), bool), np.zeros((1, 22))
    assert choose_slots(maskable, scores, 0.15)[0].shape == (1, 3)
    assert choose_slots(maskable[:, :9], scores[:, :9], 0.5)[0].shape == (1, 4)  # of seven
    slots, k = choose_slots(maskable, scores, 0.15, np.array([22]))
    assert slots.shape == (1, 4) and k.tolist() == [3]  # round(.15 · 22) = round(3.3)


def test_unused_slots_point_at_the_first_place() -> None:
    ids = np.full((3, 32), 9)
    ids[:, 4:] = 0
    masked = mask_rows(ids, Draw(np.arange(3), 0, 0.5, SpecialIds(), 20))
    assert masked.weights_RC.sum(1).tolist() == [2, 2, 2]
    assert (masked.slots_RC[masked.weights_RC == 0] == 0).all()


def test_as_many_as_the_rate_says_and_one_at_least() -> None:
    maskable = np.zeros((6, 32), bool)
    for row, available in enumerate((0, 1, 3, 10, 17, 32)):
        maskable[row, :available] = True
    scores = np.tile(np.linspace(0.9, 0.1, 32), (6, 1))
    slots, k = choose_slots(maskable, scores, 0.15)
    # round(.15 · 3) = 0 becomes 1; .15 · 10 = 1.5 goes to the even 2; 32 would be 5 of the 5 slots there are.
    assert k.tolist() == [0, 1, 1, 2, 3, 5] and slots.shape == (6, 5)
    lowest = [slots[row, : k[row]].tolist() for row in range(6)]
    assert lowest == [[], [0], [2], [9, 8], [16, 15, 14], [31, 30, 29, 28, 27]]


def test_a_vocabulary_of_special_tokens_alone() -> None:
    ids = np.full((40, 32), 1)
    masked = mask_rows(ids, Draw(np.arange(40), 0, 0.5, SpecialIds(), 5))
    used = masked.weights_RC > 0
    assert used.sum() == 40 * 15 and masked.ids_RL.min() >= 0 and masked.ids_RL.max() <= 4
    six = mask_rows(ids, Draw(np.arange(40), 0, 0.5, SpecialIds(), 6))
    assert set(np.unique(six.ids_RL)) == {1, 4, 5}, "the one entry that is left is the only random token"
