"""How many tokens are masked, at the edges: short rows, few tokens, a vocabulary of special tokens alone."""

from __future__ import annotations

import numpy as np
import pytest

from malmoi.pretrain.masking import choose_slots, mask_rows, slot_cap
from malmoi.special import SpecialIds


@pytest.mark.parametrize(
    ("row_len", "rate", "cap"),
    [(22, 0.15, 3), (9, 0.5, 4), (128, 0.15, 19), (3, 0.15, 1), (2, 0.15, 1), (512, 0.4, 204)],
)
def test_slots_of_a_row(row_len: int, rate: float, cap: int) -> None:
    """ceil(rate · (row_len - 2)), at least 1."""
    assert slot_cap(row_len, rate) == cap


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
    masked = mask_rows(ids, np.arange(40), 0, rate=0.5, special=SpecialIds(), vocab_size=5)
    used = masked.weights_RC > 0
    assert used.sum() == 40 * 15 and masked.ids_RL.min() >= 0 and masked.ids_RL.max() <= 4
    six = mask_rows(ids, np.arange(40), 0, rate=0.5, special=SpecialIds(), vocab_size=6)
    assert set(np.unique(six.ids_RL)) == {1, 4, 5}, "the one entry that is left is the only random token"
