"""Electra with one thing wrong, one class each. The product's code is used as it is, with one method
changed."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from malmoi.model.encoder import Embeddings
from malmoi.model.heads import Discriminator
from malmoi.model.hf.folder import write_model
from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.data.random_bits import random_bits, uniforms
from malmoi.pretrain.objectives.electra import GENERATOR
from malmoi.pretrain.objectives.electra.objective import Electra, ElectraBatch, ElectraCollator
from malmoi.pretrain.objectives.electra.sampling import gumbel, sample
from malmoi.training.step import Loss

# Shapes: T tokens, M slots, V vocabulary.

LOT, TOKEN = 9, 10  # streams of random numbers that the product does not use


class Untied(Electra):
    """Separate embeddings for the two networks: the replaced tokens teach the generator nothing, and vice
    versa."""

    def __init__(self, *made_of: Any) -> None:
        super().__init__(*made_of)
        self.generator.encoder.embeddings = copy.deepcopy(self.generator.encoder.embeddings)


class HalfTied(Electra):
    """Only the word embeddings are shared; positions, types and LayerNorm are separate, as in most
    reimplementations."""

    def __init__(self, *made_of: Any) -> None:
        super().__init__(*made_of)
        shared = self.discriminator.encoder.embeddings
        own: Embeddings = copy.deepcopy(shared)
        own.word = shared.word
        self.generator.encoder.embeddings = own


class MaskLeft(Electra):
    """The discriminator reads the generator's input."""

    def corrupt(self, batch: ElectraBatch, samples_M: Tensor) -> tuple[Tensor, Tensor]:
        return batch.masked_ids_T, (batch.masked_ids_T != batch.text.ids_T).float()


class Labels(Electra):
    """Every masked token counts as replaced, even if the generator guessed the original."""

    def corrupt(self, batch: ElectraBatch, samples_M: Tensor) -> tuple[Tensor, Tensor]:
        corrupted_T, _ = super().corrupt(batch, samples_M)
        # Unused slots point at [CLS], which is never masked.
        return corrupted_T, torch.zeros_like(batch.real_T).scatter(0, batch.slots_M, batch.weights_M)


class RandomTokens(Electra):
    """Uniformly random tokens instead of the generator's."""

    def sample(self, logits_MV: Tensor, batch: ElectraBatch) -> Tensor:
        return (batch.keys_M.long() % logits_MV.shape[1])[batch.firsts_M]


class Argmax(Electra):
    """Always the likeliest token, without noise."""

    def sample(self, logits_MV: Tensor, batch: ElectraBatch) -> Tensor:
        return logits_MV.argmax(1)[batch.firsts_M]


class StuckNoise(Electra):
    """One draw of noise for all slots and steps: a random generator seeded again at each call."""

    def sample(self, logits_MV: Tensor, batch: ElectraBatch) -> Tensor:
        keys_M = torch.zeros_like(batch.keys_M)
        return sample(logits_MV, keys_M, self.settings.temperature)[batch.firsts_M]


class HalfPrecisionNoise(Electra):
    """Uniform numbers in fp16: those near 1 become 1, the noise there becomes infinite, and the first such
    entry wins."""

    def sample(self, logits_MV: Tensor, batch: ElectraBatch) -> Tensor:
        uniform_MV = (-(-gumbel(batch.keys_M, logits_MV.shape[1])).exp()).exp().half()
        noise_MV = -((-uniform_MV.log()).log())
        return (logits_MV.half() / self.settings.temperature + noise_MV).argmax(1)[batch.firsts_M]


class GeneratorOnly(Electra):
    """Only the generator's loss is back-propagated."""

    def __init__(self, *made_of: Any) -> None:
        super().__init__(*made_of)
        self.settings = self.settings.model_copy(update={"discriminator_weight": 0.0})


class PerMicroBatch(Electra):
    """Each loss is divided by the counts of its own micro-batch, then summed."""

    def forward(self, batch: ElectraBatch, counts: Mapping[str, float]) -> Loss:
        return super().forward(batch, batch.counts)


class _MaskedOnly(ElectraCollator):
    __slots__ = ()

    def __call__(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> ElectraBatch:
        batch = super().__call__(block, rows_R, seed, rate)
        asked_T = torch.zeros_like(batch.real_T).scatter(0, batch.slots_M, batch.weights_M)
        return replace(batch, real_T=asked_T, counts={**batch.counts, "tokens": float(asked_T.sum())})


class MaskedOnly(Electra):
    """The discriminator is asked about masked positions only; ELECTRA's gain is to learn from all."""

    collator_class = _MaskedOnly


class _RandomWords(ElectraCollator):
    __slots__ = ()

    def __call__(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> ElectraBatch:
        batch = super().__call__(block, rows_R, seed, rate)
        numbers, places = rows_R[:, None], np.arange(len(batch.slots_M) // len(rows_R))[None]
        lot_M = torch.from_numpy(uniforms(seed, LOT, numbers, places).ravel())
        drawn = random_bits(seed, TOKEN, numbers, places) % np.uint64(self.vocab_size)
        tokens_M = torch.from_numpy(drawn.astype(np.int64).ravel())
        before_M = batch.masked_ids_T[batch.slots_M]
        chosen_M = (lot_M < 0.1) & (before_M == self.special.mask)
        ids_T = batch.masked_ids_T.clone()
        ids_T[batch.slots_M[chosen_M]] = tokens_M[chosen_M]
        return replace(batch, masked_ids_T=ids_T)


class RandomWords(Electra):
    """BERT's masking for the generator: a tenth of the masked tokens are random words."""

    collator_class = _RandomWords


class WrongSave(Electra):
    """The generator's encoder is saved in place of the discriminator's."""

    def write(self, folder: Path) -> None:
        write_model(folder, Discriminator(self.generator.encoder, self.discriminator.head))
        write_model(folder / GENERATOR, self.generator)
