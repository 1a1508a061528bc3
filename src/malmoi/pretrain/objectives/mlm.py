"""Masked language modelling (Devlin et al. 2019): predict the chosen tokens from what was left of the row.

Logits are computed for the masked slots only; the number of slots is constant, unused ones weigh 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from malmoi.model.batch import Batch
from malmoi.model.encoder import Encoder
from malmoi.model.heads import MaskedLM, MlmHead
from malmoi.model.hf.folder import read_masked_lm, write_model
from malmoi.model.sizes import flops_per_token
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.masking import mask_rows
from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.objectives.protocol import Loss, check_shape, lay_flat
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
    counts: Mapping[str, float]

    @property
    def text(self) -> Batch:
        return self.inputs

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

    def __init__(self, run: RunConfig, special: SpecialIds, vocab_size: int) -> None:
        self.special = special
        self.vocab_size = vocab_size
        self.published = run.pretrain.masking == "published"
        self.encoder = run.model.resolve(vocab_size=vocab_size, pad_id=special.pad)

    def model(self) -> MaskedLM:
        return MaskedLM(Encoder(self.encoder), MlmHead(self.encoder))

    def saved_encoder(self, model: nn.Module) -> Encoder:
        assert isinstance(model, MaskedLM)
        return model.encoder

    def masked_lm(self, model: nn.Module) -> MaskedLM:
        assert isinstance(model, MaskedLM)
        return model

    def tied_parameters(self, model: nn.Module) -> list[tuple[str, str]]:
        return []  # the output matrix is handed to the head at each call, never stored

    def batch(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> MlmBatch:
        """Mask the rows; `rows_R` are their numbers in the endless order, which with `seed` fix the masks."""
        masked = mask_rows(
            block.ids_RL,
            rows_R,
            seed,
            rate=rate,
            special=self.special,
            vocab_size=self.vocab_size,
            published=self.published,
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
            counts={"slots": float(masked.weights_RC.sum())},
        )

    def loss(self, model: nn.Module, batch: MlmBatch, counts: Mapping[str, float]) -> Loss:
        """Cross-entropy summed over the used slots, divided by the slots of the whole global batch."""
        # fp32 also for the argmax: a CPU takes 36 ms for it in bf16 and 8 in fp32 (608 x 32,000).
        logits_MV = model(batch.inputs, batch.slots_M).float()
        loss_M = nn.functional.cross_entropy(logits_MV, batch.labels_M, reduction="none")
        summed = (loss_M * batch.weights_M).sum()
        with torch.no_grad():
            right_M = (logits_MV.argmax(1) == batch.labels_M) * batch.weights_M
        sums = {
            "loss": summed.detach().double(),
            "accuracy": right_M.sum().double(),
            "slots": batch.weights_M.sum().double(),
        }
        return Loss(summed / counts["slots"], sums)

    def metrics(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        slots = sums["slots"].item()
        loss = sums["loss"].item() / slots
        return {"loss": loss, "accuracy": sums["accuracy"].item() / slots}

    def flops_per_token(self, row_len: int, rate: float) -> float:
        return flops_per_token(self.encoder, row_len, rate)

    def write(self, folder: Path, model: nn.Module) -> None:
        assert isinstance(model, MaskedLM)
        write_model(folder, model)

    def read(self, folder: Path) -> MaskedLM:
        """The model in a checkpoint. Raises MM0507 where its shape is not the one the recipe asks for."""
        model = read_masked_lm(folder, dropout=self.encoder.dropout)
        check_shape(folder, model.encoder.config, self.encoder)
        return model
