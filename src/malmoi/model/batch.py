"""What the encoder reads: R rows of L tokens laid flat (T = R·L), and where each sequence begins.

Shapes are constant from batch to batch, so a compiler sees one graph; what differs (lengths, documents in a
row) is data in `cu_seqlens`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

# Shapes: T tokens of the batch, R rows, L tokens per row, S sequences (padding tails count as sequences).


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows laid flat. A sequence lies inside one row; the padding at the end of a row is a sequence of its
    own.

    Attributes:
        ids_T: int64 token ids.
        positions_T: int64, restart at 0 in each sequence.
        segments_T: int64 token types (0: first text, 1: second).
        cu_seqlens: int32 (S_max + 1,), ascending starts of the sequences from 0, padded with T to a constant
            length, so that attention never meets an empty row and never attends to padding from text.
        row_len: L; T is a multiple of it.
    """

    ids_T: Tensor
    positions_T: Tensor
    segments_T: Tensor
    cu_seqlens: Tensor
    row_len: int

    @property
    def rows(self) -> int:
        """R, the number of rows."""
        return self.ids_T.numel() // self.row_len

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """The same batch on `device` (itself if it is already there)."""
        return replace(
            self,
            ids_T=self.ids_T.to(device, non_blocking=non_blocking),
            positions_T=self.positions_T.to(device, non_blocking=non_blocking),
            segments_T=self.segments_T.to(device, non_blocking=non_blocking),
            cu_seqlens=self.cu_seqlens.to(device, non_blocking=non_blocking),
        )
