"""ELECTRA's two networks as they are trained.

As in google-research/electra: masking 85/15/0 with replacement, samples by Gumbel in fp32 without a gradient,
all embeddings and their LayerNorm shared, the discriminator's loss over all real tokens, weights 1 and 50.
Each loss is divided by its own count over the whole global batch. recipes/electra-*.toml have the published
settings; docs/pretrain.md lists what differs all the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.model.encoder import Encoder, glorot
from malmoi.model.heads import Discriminator, MaskedLM, MlmHead, RtdHead
from malmoi.model.hf.folder import read_discriminator, read_masked_lm, write_model
from malmoi.model.sizes import EncoderConfig, encoder_macs, mlm_head_macs
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.data.random_bits import Stream, random_bits
from malmoi.pretrain.objectives.electra import GENERATOR, ElectraConfig
from malmoi.pretrain.objectives.electra.detection import detection_metrics, histogram
from malmoi.pretrain.objectives.electra.sampling import sample
from malmoi.pretrain.objectives.masked import MaskedBatch, MaskedObjective, MaskingCollator, slots_of
from malmoi.pretrain.objectives.protocol import Explained, check_shape, lay_flat
from malmoi.special import SpecialIds
from malmoi.training.step import Loss

# Shapes: R rows, L tokens a row, T = R·L, C slots a row, M = R·C, V vocabulary.

PROBED = 64  # slots of a micro-batch whose samples are compared with the generator's entropy


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectraBatch(MaskedBatch):
    """A micro-batch; its text is the original one.

    Attributes:
        masked_ids_T: the ids as the generator reads them.
        firsts_M: the first slot that drew the same position; its sample is the position's.
        keys_M: int32 keys of the noise.
        real_T: 1 for tokens, 0 for padding.
    """

    masked_ids_T: Tensor
    firsts_M: Tensor
    keys_M: Tensor
    real_T: Tensor

    @property
    def shown_T(self) -> Tensor:
        return self.masked_ids_T


class ElectraCollator(MaskingCollator):
    """Masks rows for the generator and gives each slot a key of its noise."""

    def __call__(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> ElectraBatch:
        masked = self.mask(block, rows_R, seed, rate)
        count, cap = masked.slots_RC.shape
        firsts_RC = first_draws(masked.slots_RC) + np.arange(count)[:, None] * cap
        keys = random_bits(seed, Stream.SAMPLE, rows_R[:, None], np.arange(cap)[None]) >> np.uint64(32)
        return ElectraBatch(
            text=lay_flat(block, block.ids_RL),
            masked_ids_T=torch.from_numpy(masked.ids_RL.ravel()),
            firsts_M=torch.from_numpy(firsts_RC.ravel()),
            keys_M=torch.from_numpy(keys.astype(np.uint32).view(np.int32).ravel()),
            real_T=torch.from_numpy((block.ids_RL != self.special.pad).astype(np.float32).ravel()),
            rows_R=rows_R,
            tokens=int(block.lengths_R.sum()),
            counts={"slots": float(masked.weights_RC.sum()), "tokens": float(block.lengths_R.sum())},
            **slots_of(masked, block.ids_RL.shape[1]),
        )


def first_draws(slots_RC: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first slot of the row at the same position. Where the original averages what was sampled for a
    position drawn twice, its first draw counts here."""
    found: NDArray[np.int64] = (slots_RC[:, :, None] == slots_RC[:, None, :]).argmax(2)
    return found


class Electra(MaskedObjective[ElectraBatch]):
    """Both networks. The generator holds the discriminator's `embeddings` module itself: word, position and
    type embeddings and their LayerNorm are one set of parameters."""

    collator_class = ElectraCollator

    def __init__(
        self,
        run: RunConfig,
        special: SpecialIds,
        vocab_size: int,
        networks: tuple[Discriminator, MaskedLM] | None = None,
    ) -> None:
        super().__init__(run, special, vocab_size)
        settings = run.pretrain.objective
        assert isinstance(settings, ElectraConfig)
        self.settings = settings
        self.shape, self.generator_shape = self.shapes(run, special, vocab_size)
        self.discriminator, self.generator = networks or self._new()
        self.generator.encoder.embeddings = self.discriminator.encoder.embeddings

    def _new(self) -> tuple[Discriminator, MaskedLM]:
        discriminator = Discriminator(Encoder(self.shape), RtdHead(self.shape))
        generator = MaskedLM(Encoder(self.generator_shape), MlmHead(self.generator_shape))
        if self.settings.glorot:
            glorot(discriminator.encoder.project, generator.encoder.project, discriminator.head.prediction)
        return discriminator, generator

    @staticmethod
    def shapes(run: RunConfig, special: SpecialIds, vocab_size: int) -> tuple[EncoderConfig, ...]:
        shape = run.model.resolve(vocab_size=vocab_size, pad_id=special.pad, arch="electra")
        return shape, run.model.resolve_generator(shape)

    @classmethod
    def read(cls, folder: Path, run: RunConfig, special: SpecialIds, vocab_size: int) -> Self:
        """Their embeddings shared again. Raises MM0507 (another shape), MM0413 (embeddings that are not the
        same in both)."""
        shape, generator_shape = cls.shapes(run, special, vocab_size)
        discriminator = read_discriminator(folder, dropout=shape.dropout)
        generator = read_masked_lm(folder / GENERATOR, dropout=generator_shape.dropout)
        check_shape(folder, discriminator.encoder.config, shape)
        check_shape(folder / GENERATOR, generator.encoder.config, generator_shape)
        ours, theirs = discriminator.encoder.embeddings, generator.encoder.embeddings
        for name, value in ours.state_dict().items():
            if not torch.equal(value, theirs.state_dict()[name]):
                raise MalmoiError(Code.EMBEDDINGS_DIFFER, folder, name=f"embeddings.{name}")
        return cls(run, special, vocab_size, (discriminator, generator))

    def write(self, folder: Path) -> None:
        """The discriminator in `folder` (it is the model one keeps), the generator in `folder/generator`."""
        write_model(folder, self.discriminator)
        write_model(folder / GENERATOR, self.generator)

    @property
    def saved_encoder(self) -> Encoder:
        return self.discriminator.encoder

    @property
    def masked_lm(self) -> MaskedLM:
        return self.generator

    @property
    def tied_parameters(self) -> list[tuple[str, str]]:
        inside = ("word.weight", "position.weight", "token_type.weight", "norm.weight", "norm.bias")
        return [
            (f"generator.encoder.embeddings.{name}", f"discriminator.encoder.embeddings.{name}")
            for name in inside
        ]

    @torch.no_grad()
    def start_from_masked_lm(self, metrics: Mapping[str, float]) -> None:
        """The discriminator gets the start of the generator's encoder; they have one shape.

        Its first answer is the rate of replaced tokens (as Lin et al. 2017, arXiv 1708.02002, section 4.1,
        start a detector of rare things): otherwise all it learns at first is that rate, by making all texts
        look the same (mean cosine of [CLS] vectors 1.00 after 50 updates).
        """
        self.discriminator.encoder.load_state_dict(self.generator.encoder.state_dict())
        share = min(max(metrics["replaced_rate"], 1e-3), 1 - 1e-3)  # of few tokens all, or none, may be
        self.discriminator.head.prediction.bias.fill_(math.log(share / (1 - share)))

    def forward(self, batch: ElectraBatch, counts: Mapping[str, float]) -> Loss:
        """λg · Σ cross-entropy / slots + λd · Σ binary cross-entropy / tokens, counts of the global batch."""
        logits_MV = self.generator(replace(batch.text, ids_T=batch.masked_ids_T), batch.slots_M)
        logs_MV = logits_MV.float().log_softmax(1)
        generator_M = -logs_MV.gather(1, batch.labels_M[:, None]).squeeze(1)
        generator_sum = (generator_M * batch.weights_M).sum()
        samples_M = self.sample(logits_MV, batch)
        corrupted_T, replaced_T = self.corrupt(batch, samples_M)
        logits_T = self.discriminator(replace(batch.text, ids_T=corrupted_T)).float()
        discriminator_T = nn.functional.binary_cross_entropy_with_logits(
            logits_T, replaced_T, reduction="none"
        )
        discriminator_sum = (discriminator_T * batch.real_T).sum()
        total = (
            self.settings.generator_weight * generator_sum / counts["slots"]
            + self.settings.discriminator_weight * discriminator_sum / counts["tokens"]
        )
        sums = self._sums(batch, logs_MV.detach(), samples_M) | histogram(logits_T, replaced_T, batch.real_T)
        sums["generator_loss"] = generator_sum.detach().double()
        sums["discriminator_loss"] = discriminator_sum.detach().double()
        return Loss(total, sums)

    def sample(self, logits_MV: Tensor, batch: ElectraBatch) -> Tensor:
        """The generator's token for every slot, (M,); a position drawn twice gets one."""
        return sample(logits_MV, batch.keys_M, self.settings.temperature)[batch.firsts_M]

    def corrupt(self, batch: ElectraBatch, samples_M: Tensor) -> tuple[Tensor, Tensor]:
        """The text with the samples in place of the originals, and 1.0 where a token is another one now."""
        new_M = torch.where(batch.weights_M > 0, samples_M, batch.labels_M)
        corrupted_T = batch.text.ids_T.scatter(0, batch.slots_M, new_M)
        return corrupted_T, (corrupted_T != batch.text.ids_T).float()

    @torch.no_grad()
    def _sums(self, batch: ElectraBatch, logs_MV: Tensor, samples_M: Tensor) -> dict[str, Tensor]:
        weights_M = batch.weights_M
        probed_PV = (logs_MV[:PROBED] / self.settings.temperature).log_softmax(1)
        entropy_P = -(probed_PV.exp() * probed_PV).sum(1)
        surprise_P = -probed_PV.gather(1, samples_M[:PROBED, None]).squeeze(1) - entropy_P
        changed_M = (samples_M != batch.labels_M) * weights_M
        first_M = batch.firsts_M == torch.arange(len(batch.firsts_M), device=samples_M.device)
        parts = {
            "generator_accuracy": ((logs_MV.argmax(1) == batch.labels_M) * weights_M).sum(),
            "sample_accuracy": ((samples_M == batch.labels_M) * weights_M).sum(),
            "sampled": (changed_M * first_M).sum(),
            "sample_surprise": (surprise_P * weights_M[:PROBED]).sum(),
            "probed": weights_M[:PROBED].sum(),
            "slots": weights_M.sum(),
            "tokens": batch.real_T.sum(),
        }
        return {name: value.double() for name, value in parts.items()}

    def metrics(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        """`sample_accuracy`: samples that are the original token; `sampled_rate`: share of the tokens whose
        sample is another one, which `replaced_rate` must equal; `sample_surprise`: nats by which samples are
        less likely than the generator's own entropy (0 on average if they are its samples); the rest in
        `detection.py`."""
        slots, tokens = sums["slots"].item(), sums["tokens"].item()
        means = {
            name: sums[name].item() / slots
            for name in ("generator_loss", "generator_accuracy", "sample_accuracy")
        }
        means["sampled_rate"] = sums["sampled"].item() / tokens
        means["sample_surprise"] = sums["sample_surprise"].item() / max(1.0, sums["probed"].item())
        detector = sums["discriminator_loss"].item() / tokens
        loss = (
            self.settings.generator_weight * means["generator_loss"]
            + self.settings.discriminator_weight * detector
        )
        return {"loss": loss, "discriminator_loss": detector} | means | detection_metrics(sums, tokens)

    def explain(self, batch: ElectraBatch) -> Explained:
        logits_MV = self.generator(replace(batch.text, ids_T=batch.masked_ids_T), batch.slots_M).float()
        corrupted_T, _ = self.corrupt(batch, self.sample(logits_MV, batch))
        logits_T = self.discriminator(replace(batch.text, ids_T=corrupted_T)).float()
        return Explained(logits_MV, corrupted_T, logits_T.sigmoid())

    def flops_per_token(self, row_len: int, rate: float) -> float:
        """As `model.sizes.flops_per_token`, for both encoders and both heads (the discriminator's D² + D)."""
        D = self.shape.hidden
        both = encoder_macs(self.shape, row_len) + encoder_macs(self.generator_shape, row_len, rate)
        return 6.0 * (both + rate * mlm_head_macs(self.generator_shape) + D * D + D)
