"""What objectives that predict masked tokens have in common: micro-batches with slots, and masked rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.masking import MASKINGS, Draw, Masked, MaskingConfig, MaskingKind
from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.objectives.kind import MaskedConfig
from malmoi.pretrain.objectives.protocol import MicroBatch, Objective, Slots
from malmoi.special import SpecialIds

# Shapes: R rows, L tokens a row, T = R·L, C slots a row, M = R·C.


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedBatch(MicroBatch):
    """A micro-batch with slots to predict: indices into T, the originals, and 0 for unused slots."""

    slots_M: Tensor
    labels_M: Tensor
    weights_M: Tensor

    @property
    def asked(self) -> Slots:
        return Slots(self.slots_M, self.labels_M, self.weights_M)


def slots_of(masked: Masked, row_len: int) -> dict[str, Tensor]:
    """The slots of R masked rows laid flat, as fields of a `MaskedBatch`."""
    offsets = np.arange(len(masked.slots_RC))[:, None] * row_len
    return {
        "slots_M": torch.from_numpy((masked.slots_RC + offsets).ravel()),
        "labels_M": torch.from_numpy(masked.labels_RC.ravel()),
        "weights_M": torch.from_numpy(masked.weights_RC.ravel()),
    }


@dataclass(frozen=True, slots=True)
class MaskingCollator:
    """Masks rows; a subclass makes its micro-batches of them."""

    masking: MaskingKind
    settings: MaskingConfig
    special: SpecialIds
    vocab_size: int

    def mask(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> Masked:
        draw = Draw(rows_R, seed, rate, self.special, self.vocab_size)
        return self.masking.mask(block, draw, self.settings)


B = TypeVar("B", bound=MaskedBatch)


class MaskedObjective(Objective[B]):
    """An objective whose rows are masked as its settings say."""

    collator_class: ClassVar[type[MaskingCollator]]

    @classmethod
    def collator(cls, run: RunConfig, special: SpecialIds, vocab_size: int) -> Any:
        settings = run.pretrain.objective
        assert isinstance(settings, MaskedConfig)
        return cls.collator_class(MASKINGS[settings.masking.name], settings.masking, special, vocab_size)
