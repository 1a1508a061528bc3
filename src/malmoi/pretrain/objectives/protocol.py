"""What an objective is to the training loop: a module whose `forward` is the loss, and how its batches are
made. Its record for everybody else is an `ObjectiveKind`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.model.batch import Batch
from malmoi.model.encoder import Encoder
from malmoi.model.heads import MaskedLM
from malmoi.model.sizes import EncoderConfig
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.packing import RowBlock
from malmoi.special import SpecialIds
from malmoi.training.step import Loss

# Shapes: R rows, L tokens a row, T = R·L, M slots, V vocabulary.


class Slots(NamedTuple):
    """Tokens that a masked LM is asked for: indices into T, the originals, 0 for unused slots."""

    slots_M: Tensor
    labels_M: Tensor
    weights_M: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    """Rows of one micro-batch, corrupted and ready for the device; an objective adds fields of its own.

    Attributes:
        text: what the saved model reads, for probes that ask nothing but its vectors.
        rows_R: numbers of the rows in the endless order.
        tokens: those that are not padding.
        counts: what it adds to the divisors of the losses: masked `slots`, real `tokens`.
    """

    text: Batch
    rows_R: NDArray[np.int64]
    tokens: int
    counts: Mapping[str, float]

    @property
    def shown_T(self) -> Tensor:
        """Ids as the first network reads them."""
        return self.text.ids_T

    @property
    def asked(self) -> Slots | None:
        """The slots of a masked LM; None without one."""
        return None

    def to(self, device: torch.device) -> Self:
        moved: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor | Batch):
                moved[field.name] = value.to(device, non_blocking=True)
        return replace(self, **moved)


B = TypeVar("B", bound=MicroBatch)
Made = TypeVar("Made", bound=MicroBatch, covariant=True)


class Collator(Protocol[Made]):
    """Rows to a micro-batch: a pure function, and small, since other processes are sent it."""

    def __call__(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> Made:
        """`rows_R` are the rows' numbers in the endless order, which with `seed` fix masks and noise; `rate`
        is the share of a row's tokens to predict."""
        ...


@dataclass(frozen=True, slots=True)
class Explained:
    """What the networks make of a micro-batch, for the eye.

    Attributes:
        logits_MV: the masked LM's, at `asked`.
        rewritten_T: the ids that a second network reads.
        replaced_T: its probability that a token was replaced.
    """

    logits_MV: Tensor | None = None
    rewritten_T: Tensor | None = None
    replaced_T: Tensor | None = None


class Objective(nn.Module, ABC, Generic[B]):
    """The networks of a run and what they learn; `Objective(run, special, vocab_size)` has new ones (seed
    torch for the same weights again), `read` those of a checkpoint.

    Attributes:
        shape: of the encoder that is kept in the end.
    """

    shape: EncoderConfig

    def __init__(self, run: RunConfig, special: SpecialIds, vocab_size: int) -> None:
        super().__init__()
        self.made_of = run, special, vocab_size

    @staticmethod
    @abstractmethod
    def shapes(run: RunConfig, special: SpecialIds, vocab_size: int) -> tuple[EncoderConfig, ...]:
        """Of all encoders, the one that is kept first. Raises MM0401 and MM0411."""

    @classmethod
    @abstractmethod
    def collator(cls, run: RunConfig, special: SpecialIds, vocab_size: int) -> Collator[B]: ...

    @classmethod
    @abstractmethod
    def read(cls, folder: Path, run: RunConfig, special: SpecialIds, vocab_size: int) -> Self:
        """With the networks of a checkpoint. Raises MM0507 where their shape is not the one asked for."""

    @abstractmethod
    def write(self, folder: Path) -> None: ...

    @abstractmethod
    def forward(self, batch: B, counts: Mapping[str, float]) -> Loss:
        """One micro-batch's part of the loss, divided by the counts of the whole global batch."""

    @abstractmethod
    def metrics(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        """Numbers to read, of `Loss.sums` added up: `loss` (what is minimised) among them."""

    @property
    @abstractmethod
    def saved_encoder(self) -> Encoder:
        """The encoder that is kept in the end."""

    @property
    def masked_lm(self) -> MaskedLM | None:
        """The masked LM among the networks."""
        return None

    @property
    def tied_parameters(self) -> list[tuple[str, str]]:
        """Pairs of names of weights that must be one and the same."""
        return []

    def start_from_masked_lm(self, metrics: Mapping[str, float]) -> None:
        """Start the other networks from the masked LM, into which co-occurrence counts have been written, and
        from what the objective's metrics are then."""
        return

    @abstractmethod
    def explain(self, batch: B) -> Explained: ...

    @abstractmethod
    def flops_per_token(self, row_len: int, rate: float) -> float: ...


def add_counts(batches: Sequence[MicroBatch]) -> dict[str, float]:
    """The counts of a whole global batch."""
    return {name: sum(batch.counts[name] for batch in batches) for name in batches[0].counts}


def check_shape(folder: Path, found: EncoderConfig, wanted: EncoderConfig) -> None:
    """Raise MM0507 where a checkpoint's shape is not the one the recipe asks for."""
    a, b = found.model_dump(), wanted.model_dump()
    odd = [k for k in b if a[k] != b[k] and "dropout" not in k]
    if odd:
        raise MalmoiError(Code.OTHER_MODEL_SIZE, folder, key=odd[0], found=a[odd[0]], wanted=b[odd[0]])


def lay_flat(block: RowBlock, ids_RL: NDArray[np.int64]) -> Batch:
    """R rows as one flat batch. `cu_seqlens` has room for the most sequences that rows of this table hold,
    and a tail each, so its length is constant. (Room for all that could be, 171 a row of 512, would make
    flash attention allocate gigabytes for sequences that are not there.)"""
    count, row_len = ids_RL.shape
    cu_seqlens = np.full(count * (block.most + 1) + 1, count * row_len, np.int32)
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
        segments_T=torch.from_numpy(block.segments_RL.ravel()),
        cu_seqlens=torch.from_numpy(cu_seqlens),
        row_len=row_len,
    )
