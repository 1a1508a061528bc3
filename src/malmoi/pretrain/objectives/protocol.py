"""What an objective gives the training loop. One per file; OBJECTIVES in `run.py` names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from malmoi.errors import MalmoiError
from malmoi.model.batch import Batch
from malmoi.model.encoder import Encoder
from malmoi.model.heads import MaskedLM
from malmoi.model.sizes import EncoderConfig
from malmoi.pretrain.data.packing import RowBlock


@dataclass(frozen=True, slots=True)
class Loss:
    """One micro-batch's part of the loss.

    Attributes:
        total: scalar to send backwards, already divided by the counts of the whole global batch.
        sums: float64 scalars and histograms that add up over micro-batches and steps; `Objective.metrics`
            makes numbers to read of the totals.
    """

    total: Tensor
    sums: dict[str, Tensor]


class MicroBatch(Protocol):
    """Rows of one micro-batch, corrupted and ready for the device."""

    @property
    def rows_R(self) -> NDArray[np.int64]: ...
    @property
    def tokens(self) -> int: ...
    @property
    def counts(self) -> Mapping[str, float]:
        """What this micro-batch adds to the divisors of the losses: masked `slots`, real `tokens`."""
        ...

    @property
    def text(self) -> Batch:
        """What the saved model reads: for probes that ask nothing but its vectors."""
        ...

    def to(self, device: torch.device) -> MicroBatch: ...


B = TypeVar("B", bound=MicroBatch)


class Objective(Protocol[B]):
    """How text becomes a loss, and which files the model is saved as."""

    @property
    def encoder(self) -> EncoderConfig:
        """The shape of the encoder that is kept in the end."""
        ...

    def model(self) -> nn.Module:
        """A new model; seed torch for the same weights again."""
        ...

    def saved_encoder(self, model: nn.Module) -> Encoder:
        """The encoder inside `model` that is kept in the end."""
        ...

    def masked_lm(self, model: nn.Module) -> MaskedLM:
        """The masked LM inside `model`."""
        ...

    def tied_parameters(self, model: nn.Module) -> list[tuple[str, str]]:
        """Pairs of names of weights that must be one and the same."""
        ...

    def batch(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> B: ...
    def loss(self, model: nn.Module, batch: B, counts: Mapping[str, float]) -> Loss: ...

    def metrics(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        """Numbers to read, `loss` (what is minimised) among them."""
        ...

    def flops_per_token(self, row_len: int, rate: float) -> float: ...
    def write(self, folder: Path, model: nn.Module) -> None: ...
    def read(self, folder: Path) -> nn.Module: ...


def check_shape(folder: Path, found: EncoderConfig, wanted: EncoderConfig) -> None:
    """Raise MM0507 where a checkpoint's shape is not the one the recipe asks for."""
    a, b = found.model_dump(), wanted.model_dump()
    odd = [k for k in b if a[k] != b[k] and "dropout" not in k]
    if odd:
        raise MalmoiError("MM0507", folder, key=odd[0], found=a[odd[0]], wanted=b[odd[0]])


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
