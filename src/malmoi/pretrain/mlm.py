"""Masked language modelling (Devlin et al. 2019): predict the chosen tokens from what was left of the row.

Logits are computed for the masked slots only; the number of slots is constant, unused ones weigh 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from malmoi.errors import MalmoiError
from malmoi.model.batch import Batch
from malmoi.model.encoder import Encoder
from malmoi.model.heads import MaskedLM, MlmHead
from malmoi.model.hf import read_masked_lm, write_model
from malmoi.model.sizes import EncoderConfig
from malmoi.pretrain.masking import mask_rows
from malmoi.pretrain.objective import Loss
from malmoi.pretrain.rows import RowBlock
from malmoi.special import SpecialIds

# Shapes: R rows, L tokens a row, T = R·L, C slots a row, M = R·C, V vocabulary.


@dataclass(frozen=True, slots=True)
class MlmBatch:
    """A micro-batch: the corrupted rows, the slots to predict (indices into T), their labels and weights."""

    inputs: Batch
    slots_M: Tensor
    labels_M: Tensor
    weights_M: Tensor
    rows_R: NDArray[np.int64]
    tokens: int
    count: float

    def to(self, device: torch.device) -> MlmBatch:
        return replace(
            self,
            inputs=self.inputs.to(device, non_blocking=True),
            slots_M=self.slots_M.to(device, non_blocking=True),
            labels_M=self.labels_M.to(device, non_blocking=True),
            weights_M=self.weights_M.to(device, non_blocking=True),
        )


class Mlm:
    """The objective; `special` and `vocab_size` come from the shards."""

    def __init__(self, special: SpecialIds, vocab_size: int) -> None:
        self.special = special
        self.vocab_size = vocab_size

    def model(self, config: EncoderConfig) -> MaskedLM:
        """A new model; seed torch for the same weights again."""
        return MaskedLM(Encoder(config), MlmHead(config))

    def batch(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> MlmBatch:
        """Mask the rows; `rows_R` are their numbers in the endless order, which with `seed` fix the masks."""
        masked = mask_rows(
            block.ids_RL, rows_R, seed, rate=rate, special=self.special, vocab_size=self.vocab_size
        )
        row_len = block.ids_RL.shape[1]
        offsets = np.arange(len(rows_R))[:, None] * row_len
        return MlmBatch(
            inputs=lay_flat(block, masked.ids_RL),
            slots_M=torch.from_numpy((masked.slots_RC + offsets).ravel()),
            labels_M=torch.from_numpy(masked.labels_RC.ravel()),
            weights_M=torch.from_numpy(masked.weights_RC.ravel()),
            rows_R=rows_R,
            tokens=int(block.lengths_R.sum()),
            count=float(masked.weights_RC.sum()),
        )

    def loss(self, model: nn.Module, batch: MlmBatch, count: float) -> Loss:
        """Cross-entropy summed over the used slots, divided by `count`, those of the whole global batch."""
        logits_MV = model(batch.inputs, batch.slots_M)
        loss_M = nn.functional.cross_entropy(logits_MV.float(), batch.labels_M, reduction="none")
        total = (loss_M * batch.weights_M).sum() / count
        with torch.no_grad():
            right_M = (logits_MV.argmax(1) == batch.labels_M) * batch.weights_M
        sums = {"loss": total.detach().double() * count, "accuracy": right_M.sum().double()}
        return Loss(total, sums)

    def write(self, folder: Path, model: nn.Module) -> None:
        assert isinstance(model, MaskedLM)
        write_model(folder, model)

    def read(self, folder: Path, config: EncoderConfig) -> MaskedLM:
        """The model in a checkpoint. Raises MM0507 where its shape is not the one the recipe asks for."""
        model = read_masked_lm(folder, dropout=config.dropout)
        found, wanted = model.encoder.config.model_dump(), config.model_dump()
        odd = [k for k in wanted if found[k] != wanted[k] and "dropout" not in k]
        if odd:
            raise MalmoiError("MM0507", folder, key=odd[0], found=found[odd[0]], wanted=wanted[odd[0]])
        return model


def lay_flat(block: RowBlock, ids_RL: NDArray[np.int64]) -> Batch:
    """R rows as one flat batch. `cu_seqlens` has room for the most sequences R rows can hold (one token and
    two specials each, and a tail), so its length is constant."""
    count, row_len = ids_RL.shape
    cu_seqlens = np.full(count * (row_len // 3 + 1) + 1, count * row_len, np.int32)
    starts: list[int] = []
    for r, lengths in enumerate(block.sequences):
        at = r * row_len
        for length in lengths:
            starts.append(at)
            at += length
        if at < (r + 1) * row_len:
            starts.append(at)
    cu_seqlens[: len(starts)] = starts
    return Batch(
        ids_T=torch.from_numpy(ids_RL.ravel()),
        positions_T=torch.from_numpy(block.positions_RL.ravel()),
        segments_T=torch.zeros(count * row_len, dtype=torch.int64),
        cu_seqlens=torch.from_numpy(cu_seqlens),
        row_len=row_len,
    )
