"""The flat layout: positions restart, tails are sequences, `cu_seqlens` has a constant length."""

from __future__ import annotations

import pytest
import torch

from malmoi.model.batch import Batch


def test_rows_are_laid_flat_with_their_tails_as_sequences() -> None:
    batch = Batch.from_rows([[[5, 6, 7], [8, 9]], [[1, 2, 3, 4, 5, 6]]], 6, pad_id=0, sequences=6)
    assert batch.ids_T.tolist() == [5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6]
    assert batch.positions_T.tolist() == [0, 1, 2, 0, 1, 0, 0, 1, 2, 3, 4, 5]
    assert batch.cu_seqlens.tolist() == [0, 3, 5, 6, 12, 12, 12]
    assert (batch.rows, batch.row_len, batch.cu_seqlens.dtype) == (2, 6, torch.int32)


def test_too_much_for_a_row_or_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="7 tokens does not fit into 6"):
        Batch.from_rows([[[1] * 7]], 6)
    with pytest.raises(ValueError, match="3 sequences do not fit into 2"):
        Batch.from_rows([[[1], [2]]], 6, sequences=2)


def test_to_moves_every_tensor() -> None:
    moved = Batch.from_rows([[[1, 2]]], 4).to("meta")
    assert {t.device.type for t in (moved.ids_T, moved.positions_T, moved.segments_T, moved.cu_seqlens)} == {
        "meta"
    }
    assert moved.rows == 1
