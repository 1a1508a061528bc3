"""Published masking against google-research/bert's create_masked_lm_predictions; what plain differs in."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from malmoi.pretrain.data.masking import Draw, Masked
from malmoi.pretrain.data.masking.bert import mask_rows
from malmoi.pretrain.data.random_bits import Stream, random_bits, uniforms
from malmoi.special import SpecialIds

SPECIAL = SpecialIds()
V = 60


def by_hand(
    row: list[int], number: int, seed: int, rate: float, most: int
) -> tuple[list[int], dict[int, int]]:
    """create_masked_lm_predictions with our random numbers: the masked row, and position → original."""
    tokens = [i for i in row if i != SPECIAL.pad]
    shuffled = [p for p, i in enumerate(row) if i not in (SPECIAL.pad, SPECIAL.cls, SPECIAL.sep)]
    shuffled.sort(key=lambda p: float(uniforms(seed, Stream.CHOOSE, number, p)))
    num_to_predict = min(most, max(1, round(len(tokens) * rate)))
    out, labels = list(row), {}
    for index in shuffled[:num_to_predict]:
        lot = float(uniforms(seed, Stream.REPLACE, number, index))
        if lot < 0.8:
            out[index] = SPECIAL.mask
        elif lot < 0.9:
            out[index] = int(random_bits(seed, Stream.TOKEN, number, index)) % V
        labels[index] = row[index]
    return out, labels


def make_rows(count: int, row_len: int, seed: int) -> NDArray[np.int64]:
    """Rows of one or two sequences and some padding."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((count, row_len), np.int64)
    for row in rows:
        end = int(rng.integers(3, row_len + 1))
        row[:end] = rng.integers(5, V, end)
        row[0], row[end - 1] = SPECIAL.cls, SPECIAL.sep
        if end > 8:
            row[end // 2], row[end // 2 + 1] = SPECIAL.sep, SPECIAL.cls
    return rows


def mask(rows: NDArray[np.int64], seed: int, rate: float, published: bool = True) -> Masked:
    return mask_rows(rows, Draw(np.arange(len(rows)), seed, rate, SPECIAL, V), published=published)


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 64), st.sampled_from([0.1, 0.15, 0.3]), st.integers(0, 2**31))
def test_every_row_is_the_published_loop_s(row_len: int, rate: float, seed: int) -> None:
    rows = make_rows(5, row_len, seed % 91)
    found = mask(rows, seed, rate)
    for r in range(5):
        ids, labels = by_hand(rows[r].tolist(), r, seed, rate, found.slots_RC.shape[1])
        used = found.weights_RC[r] > 0
        assert found.ids_RL[r].tolist() == ids
        assert dict(zip(found.slots_RC[r][used], found.labels_RC[r][used], strict=True)) == labels


def test_a_full_row_has_the_published_number_of_slots() -> None:
    """128 tokens with [CLS] and [SEP]: round(19.2) of the 20 that its README.md makes room for."""
    row = np.full((1, 128), 7)
    row[:, 0], row[:, -1] = SPECIAL.cls, SPECIAL.sep
    published, plain = mask(row, 0, 0.15), mask(row, 0, 0.15, published=False)
    assert (published.slots_RC.shape[1], published.weights_RC.sum()) == (20, 19)
    assert (plain.slots_RC.shape[1], plain.weights_RC.sum()) == (19, 19)
    longer = np.full((1, 512), 7)
    longer[:, 0], longer[:, -1] = SPECIAL.cls, SPECIAL.sep
    assert mask(longer, 0, 0.15).weights_RC.sum() == 77  # round(.15 · 512)
    assert mask(longer, 0, 0.15, published=False).weights_RC.sum() == 76  # round(.15 · 510)


def test_random_words_are_any_entry_special_ones_too() -> None:
    rows = np.full((3000, 64), 7)
    for published in (True, False):
        masked = mask(rows, 1, 0.15, published)
        new = masked.ids_RL[(masked.ids_RL != 7) & (masked.ids_RL != SPECIAL.mask)]
        share = np.isin(new, (SPECIAL.pad, SPECIAL.unk, SPECIAL.cls, SPECIAL.sep)).mean()
        # Four of the 58 entries that are seen; standard deviation .005 of some 2,900 draws.
        assert abs(share - (4 / 58 if published else 0.0)) < 0.02
