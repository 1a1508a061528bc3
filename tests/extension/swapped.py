"""An objective of another kind: some neighbours have changed places, and every token is asked whether it is
where it belongs. It needs no masks and no vocabulary, only an encoder and one output for each token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from malmoi.model.encoder import Encoder
from malmoi.model.heads import Discriminator, RtdHead
from malmoi.model.hf.folder import read_discriminator, write_model
from malmoi.model.sizes import EncoderConfig, encoder_macs
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.data.random_bits import uniforms
from malmoi.pretrain.objectives import ObjectiveConfig, ObjectiveKind, PlottedMetric
from malmoi.pretrain.objectives.protocol import Explained, MicroBatch, Objective, check_shape, lay_flat
from malmoi.special import SpecialIds
from malmoi.training.step import Loss

# Shapes: R rows, L tokens a row, T = R·L.

SWAPS = 20  # a stream of random numbers that nothing else uses


class SwappedConfig(ObjectiveConfig):
    """Its settings."""

    name: str = "swapped"
    weight: float = Field(1.0, gt=0, description="Weight of a token that stands elsewhere.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwappedBatch(MicroBatch):
    """Rows with neighbours swapped; `moved_T` is 1 for a token that has moved, `real_T` 0 for padding."""

    moved_T: Tensor
    real_T: Tensor


@dataclass(frozen=True, slots=True)
class Swap:
    """Swaps `rate` of the neighbours, never a special token."""

    special: SpecialIds

    def __call__(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> SwappedBatch:
        ids_RL = block.ids_RL.copy()
        s = self.special
        words_RL = ~np.isin(ids_RL, (s.pad, s.cls, s.sep))
        places = np.arange(0, ids_RL.shape[1] - 1, 2)
        chosen = uniforms(seed, SWAPS, rows_R[:, None], places[None]) < rate
        r, p = np.nonzero(chosen & words_RL[:, places] & words_RL[:, places + 1])
        p = places[p]
        ids_RL[r, p], ids_RL[r, p + 1] = block.ids_RL[r, p + 1], block.ids_RL[r, p]
        real_RL = ids_RL != s.pad
        return SwappedBatch(
            text=lay_flat(block, ids_RL),
            moved_T=torch.from_numpy((ids_RL != block.ids_RL).astype(np.float32).ravel()),
            real_T=torch.from_numpy(real_RL.astype(np.float32).ravel()),
            rows_R=rows_R,
            tokens=int(block.lengths_R.sum()),
            counts={"tokens": float(real_RL.sum())},
        )


class Swapped(Objective[SwappedBatch]):
    """An encoder and ELECTRA's head."""

    def __init__(
        self, run: RunConfig, special: SpecialIds, vocab_size: int, network: Discriminator | None = None
    ) -> None:
        super().__init__(run, special, vocab_size)
        (self.shape,) = self.shapes(run, special, vocab_size)
        self.network = network or Discriminator(Encoder(self.shape), RtdHead(self.shape))
        settings = run.pretrain.objective
        assert isinstance(settings, SwappedConfig)
        self.weight = torch.tensor(settings.weight)

    @staticmethod
    def shapes(run: RunConfig, special: SpecialIds, vocab_size: int) -> tuple[EncoderConfig, ...]:
        return (run.model.resolve(vocab_size=vocab_size, pad_id=special.pad, arch="electra"),)

    @classmethod
    def collator(cls, run: RunConfig, special: SpecialIds, vocab_size: int) -> Swap:
        return Swap(special)

    @classmethod
    def read(cls, folder: Path, run: RunConfig, special: SpecialIds, vocab_size: int) -> Self:
        (shape,) = cls.shapes(run, special, vocab_size)
        network = read_discriminator(folder, dropout=shape.dropout)
        check_shape(folder, network.encoder.config, shape)
        return cls(run, special, vocab_size, network)

    def write(self, folder: Path) -> None:
        write_model(folder, self.network)

    def forward(self, batch: SwappedBatch, counts: Mapping[str, float]) -> Loss:
        logits_T = self.network(batch.text).float()
        loss_T = nn.functional.binary_cross_entropy_with_logits(
            logits_T, batch.moved_T, reduction="none", pos_weight=self.weight
        )
        summed = (loss_T * batch.real_T).sum()
        right_T = ((logits_T > 0) == (batch.moved_T > 0)) * batch.real_T
        sums = {"loss": summed, "accuracy": right_T.sum(), "tokens": batch.real_T.sum()}
        return Loss(summed / counts["tokens"], {name: one.detach().double() for name, one in sums.items()})

    def metrics(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        tokens = sums["tokens"].item()
        return {name: sums[name].item() / tokens for name in ("loss", "accuracy")}

    @property
    def saved_encoder(self) -> Encoder:
        return self.network.encoder

    def explain(self, batch: SwappedBatch) -> Explained:
        return Explained(replaced_T=self.network(batch.text).float().sigmoid())

    def flops_per_token(self, row_len: int, rate: float) -> float:
        D = self.shape.hidden
        return 6.0 * (encoder_macs(self.shape, row_len) + D * D + D)


SWAPPED = ObjectiveKind(
    title="swapped neighbours",
    config=SwappedConfig,
    load=lambda: Swapped,
    arch="electra",
    metrics=(PlottedMetric("loss"), PlottedMetric("accuracy", chance=0.5)),
    headline=("acc", "accuracy"),
    summary=("loss", "accuracy"),
)
