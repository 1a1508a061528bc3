"""Batches of a few rows, written down in the test."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from malmoi.model.batch import Batch


def batch_of(rows: Sequence[Sequence[Sequence[int]]], row_len: int, *, sequences: int | None = None) -> Batch:
    """Rows of sequences of ids laid flat, their tails 0; segments are all 0. `cu_seqlens` has room for
    `sequences`, by default as many as there are."""
    ids_T: list[int] = []
    positions_T: list[int] = []
    starts: list[int] = []
    for row in rows:
        tail = [0] * (row_len - sum(map(len, row)))
        for sequence in (*row, tail):
            if sequence:
                starts.append(len(ids_T))
                ids_T += sequence
                positions_T += range(len(sequence))
    assert len(ids_T) == len(rows) * row_len, "a row is too long"
    room = len(starts) if sequences is None else sequences
    assert len(starts) <= room, "there are more sequences"
    return Batch(
        ids_T=torch.tensor(ids_T, dtype=torch.int64),
        positions_T=torch.tensor(positions_T, dtype=torch.int64),
        segments_T=torch.zeros(len(ids_T), dtype=torch.int64),
        cu_seqlens=torch.tensor(starts + [len(ids_T)] * (room + 1 - len(starts)), dtype=torch.int32),
        row_len=row_len,
    )
