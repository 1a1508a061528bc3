"""The flat layout: positions restart, tails are sequences, `cu_seqlens` has a constant length."""

from __future__ import annotations

import torch

from tests.tiny.batches import batch_of


def test_rows_are_laid_flat_with_their_tails_as_sequences() -> None:
    batch = batch_of([[[5, 6, 7], [8, 9]], [[1, 2, 3, 4, 5, 6]]], 6, sequences=6)
    assert batch.ids_T.tolist() == [5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6]
    assert batch.positions_T.tolist() == [0, 1, 2, 0, 1, 0, 0, 1, 2, 3, 4, 5]
    assert batch.cu_seqlens.tolist() == [0, 3, 5, 6, 12, 12, 12]
    assert (batch.rows, batch.row_len, batch.cu_seqlens.dtype) == (2, 6, torch.int32)


def test_to_moves_every_tensor() -> None:
    moved = batch_of([[[1, 2]]], 4).to("meta")
    assert {t.device.type for t in (moved.ids_T, moved.positions_T, moved.segments_T, moved.cu_seqlens)} == {
        "meta"
    }
    assert moved.rows == 1
