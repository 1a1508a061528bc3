"""ELECTRA's choice of slots against a loop over rows, and its shares against what they should be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from malmoi.pretrain.data.masking import Draw, Masked
from malmoi.pretrain.data.masking.electra import draw_slots
from malmoi.pretrain.data.random_bits import Stream, uniforms
from malmoi.pretrain.objectives.electra.objective import first_draws
from malmoi.special import SpecialIds

SPECIAL = SpecialIds()
I64 = NDArray[np.int64]


def by_hand(row: list[int], number: int, seed: int, rate: float) -> tuple[list[int], list[int], list[int]]:
    """One row by google-research/electra's `mask`: ids the generator reads, slots, first slot of each."""
    real = [i for i in row if i != SPECIAL.pad]
    candidates = [p for p, i in enumerate(row) if i not in (SPECIAL.pad, SPECIAL.cls, SPECIAL.sep, 4)]
    most = int((rate + 0.005) * len(row))
    k = max(1, min(most, round(rate * len(real)))) if candidates else 0
    ids, slots = list(row), []
    for draw in range(k):
        slot = candidates[int(float(uniforms(seed, Stream.CHOOSE, number, draw)) * len(candidates))]
        slots.append(slot)
        if float(uniforms(seed, Stream.REPLACE, number, draw)) < 0.85:
            ids[slot] = SPECIAL.mask
    return ids, slots, [slots.index(slot) for slot in slots]


def make_rows(count: int, row_len: int, seed: int = 0) -> I64:
    """Rows of one to three sequences and some padding; ids from 5 on, some [UNK] and [MASK]."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((count, row_len), np.int64)
    for row in rows:
        at, end = 0, int(rng.integers(3, row_len + 1))
        while end - at >= 3:
            length = int(rng.integers(3, end - at + 1))
            row[at : at + length] = rng.integers(5, 60, length)
            row[at], row[at + length - 1] = SPECIAL.cls, SPECIAL.sep
            at += length
        row[(rng.random(row_len) < 0.03) & (row >= 5)] = SPECIAL.unk
        row[(rng.random(row_len) < 0.03) & (row >= 5)] = SPECIAL.mask
    return rows


def draw(rows: I64, first: int = 0, seed: int = 3, rate: float = 0.15) -> Masked:
    return draw_slots(rows, Draw(np.arange(first, first + len(rows)), seed, rate, SPECIAL, 0))


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 64), st.sampled_from([0.1, 0.15, 0.25, 0.5]), st.integers(0, 2**31))
def test_every_row_is_the_loop_s(row_len: int, rate: float, seed: int) -> None:
    rows = make_rows(6, row_len, seed % 97)
    found = draw(rows, 10, seed, rate)
    for r in range(6):
        ids, slots, firsts = by_hand(rows[r].tolist(), 10 + r, seed, rate)
        used = found.weights_RC[r] > 0
        assert found.ids_RL[r].tolist() == ids
        assert used.tolist() == [c < len(slots) for c in range(found.slots_RC.shape[1])]
        assert found.slots_RC[r, used].tolist() == slots
        assert first_draws(found.slots_RC)[r, used].tolist() == firsts
        assert found.labels_RC[r, used].tolist() == [rows[r, s] for s in slots]


@pytest.mark.parametrize(("row_len", "cap"), [(128, 19), (512, 79)])
def test_slots_of_a_full_row(row_len: int, cap: int) -> None:
    """int(.155 · 128) = 19 and int(.155 · 512) = 79; shorter rows have round(.15 · length)."""
    rows = np.full((3, row_len), 7)
    rows[:, 0], rows[:, -1] = SPECIAL.cls, SPECIAL.sep
    rows[1, 40:], rows[2, 3:] = SPECIAL.pad, SPECIAL.pad
    found = draw(rows)
    assert found.slots_RC.shape == (3, cap)
    assert found.weights_RC.sum(1).tolist() == [round(0.15 * row_len), 6, 1]


def test_shares_and_repeats() -> None:
    """Of n tokens k draws with replacement leave n(1 - (1 - 1/n)^k) different ones. 85 % of the draws become
    [MASK], so a position drawn m times stays with chance .15^m; none becomes a random token."""
    n, R = 100, 3000
    rows = np.tile(np.arange(5, 5 + n), (R, 1))
    rows = np.hstack([np.full((R, 1), SPECIAL.cls), rows, np.full((R, 1), SPECIAL.sep)])
    found = draw(rows)
    k = found.slots_RC.shape[1]
    assert k == 15 and (found.weights_RC == 1).all()
    different = np.array([len(set(row)) for row in found.slots_RC.tolist()])
    assert different.mean() == pytest.approx(n * (1 - (1 - 1 / n) ** k), abs=0.06)  # 13.99; sd .9 / √3000
    assert (first_draws(found.slots_RC) == np.arange(k)).sum() == different.sum()
    chosen = np.bincount(found.slots_RC.ravel(), minlength=n + 2)
    assert chosen[0] == chosen[-1] == 0
    assert chosen[1:-1].std() / np.sqrt(R * k / n) == pytest.approx(1, abs=0.25)
    stays = 1 - (found.ids_RL == SPECIAL.mask).sum() / different.sum()
    assert stays == pytest.approx(
        n / (different.mean()) * ((1 - 0.85 / n) ** k - (1 - 1 / n) ** k), abs=0.006
    )
    changed = found.ids_RL != rows
    assert (found.ids_RL[changed] == SPECIAL.mask).all()


def test_specials_masks_and_padding_are_never_drawn() -> None:
    rows = make_rows(400, 48)
    found = draw(rows, rate=0.5)
    labels = found.labels_RC[found.weights_RC > 0]
    assert not np.isin(labels, (SPECIAL.pad, SPECIAL.cls, SPECIAL.sep, SPECIAL.mask)).any()
    assert (labels == SPECIAL.unk).any(), "[UNK] is an ordinary token to ELECTRA"


def test_a_function_of_seed_and_row_number() -> None:
    rows = make_rows(12, 40)
    whole, part = draw(rows), draw(rows[5:9], 5)
    for name in ("ids_RL", "slots_RC", "labels_RC", "weights_RC"):
        np.testing.assert_array_equal(getattr(whole, name)[5:9], getattr(part, name))
    assert (draw(rows, seed=4).slots_RC != whole.slots_RC).mean() > 0.4
    assert (draw(rows, 12).slots_RC != whole.slots_RC).mean() > 0.4


def test_rows_with_nothing_to_mask() -> None:
    rows = np.array([[2, 4, 3, 0, 0, 0, 0, 0], [2, 3, 2, 3, 2, 3, 2, 3], [2, 9, 3, 0, 0, 0, 0, 0]])
    found = draw(rows)
    assert found.weights_RC.sum(1).tolist() == [0, 0, 1]
    np.testing.assert_array_equal(found.ids_RL[:2], rows[:2])
    assert found.slots_RC.tolist() == [[0], [0], [1]] and found.labels_RC[2, 0] == 9
