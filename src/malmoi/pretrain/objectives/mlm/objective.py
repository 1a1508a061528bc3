"""The masked LM as it is trained.

Logits are computed for the masked slots only; the number of slots is constant, unused ones weigh 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from malmoi.model.encoder import Encoder
from malmoi.model.heads import MaskedLM, MlmHead
from malmoi.model.hf.folder import read_masked_lm, write_model
from malmoi.model.sizes import EncoderConfig, flops_per_token
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.objectives.masked import MaskedBatch, MaskedObjective, MaskingCollator, slots_of
from malmoi.pretrain.objectives.protocol import Explained, check_shape, lay_flat
from malmoi.special import SpecialIds
from malmoi.training.step import Loss

# Shapes: R rows, L tokens a row, T = R·L, C slots a row, M = R·C, V vocabulary.


class MlmCollator(MaskingCollator):
    """Rows to a micro-batch whose text is the masked one."""

    def __call__(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> MaskedBatch:
        masked = self.mask(block, rows_R, seed, rate)
        return MaskedBatch(
            text=lay_flat(block, masked.ids_RL),
            rows_R=rows_R,
            tokens=int(block.lengths_R.sum()),
            counts={"slots": float(masked.weights_RC.sum())},
            **slots_of(masked, block.ids_RL.shape[1]),
        )


class Mlm(MaskedObjective[MaskedBatch]):
    """A masked LM; its output matrix is handed to the head at each call, so nothing is tied by name."""

    collator_class = MlmCollator

    def __init__(
        self, run: RunConfig, special: SpecialIds, vocab_size: int, network: MaskedLM | None = None
    ) -> None:
        super().__init__(run, special, vocab_size)
        (self.shape,) = self.shapes(run, special, vocab_size)
        self.network = network or MaskedLM(Encoder(self.shape), MlmHead(self.shape))

    @staticmethod
    def shapes(run: RunConfig, special: SpecialIds, vocab_size: int) -> tuple[EncoderConfig, ...]:
        return (run.model.resolve(vocab_size=vocab_size, pad_id=special.pad),)

    @classmethod
    def read(cls, folder: Path, run: RunConfig, special: SpecialIds, vocab_size: int) -> Self:
        (shape,) = cls.shapes(run, special, vocab_size)
        network = read_masked_lm(folder, dropout=shape.dropout)
        check_shape(folder, network.encoder.config, shape)
        return cls(run, special, vocab_size, network)

    def write(self, folder: Path) -> None:
        write_model(folder, self.network)

    def forward(self, batch: MaskedBatch, counts: Mapping[str, float]) -> Loss:
        """Cross-entropy summed over the used slots, divided by the slots of the whole global batch."""
        # fp32 also for the argmax: a CPU takes 36 ms for it in bf16 and 8 in fp32 (608 x 32,000).
        logits_MV = self.network(batch.text, batch.slots_M).float()
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

    @property
    def saved_encoder(self) -> Encoder:
        return self.network.encoder

    @property
    def masked_lm(self) -> MaskedLM:
        return self.network

    def explain(self, batch: MaskedBatch) -> Explained:
        return Explained(self.network(batch.text, batch.slots_M).float())

    def flops_per_token(self, row_len: int, rate: float) -> float:
        return flops_per_token(self.shape, row_len, rate)
