"""What an objective gives the training loop. One per file; OBJECTIVES in `run.py` names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from malmoi.model.sizes import EncoderConfig
from malmoi.pretrain.rows import RowBlock


@dataclass(frozen=True, slots=True)
class Loss:
    """One micro-batch's part of the loss.

    Attributes:
        total: scalar to send backwards, already divided by the count of the whole global batch.
        sums: what the metrics add up over micro-batches and divide by that count, as float64 scalars.
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
    def count(self) -> float:
        """What this micro-batch adds to the divisor of the loss (masked slots, real tokens, …)."""
        ...

    def to(self, device: torch.device) -> MicroBatch: ...


B = TypeVar("B", bound=MicroBatch)


class Objective(Protocol[B]):
    """How text becomes a loss, and which files the model is saved as."""

    def model(self, config: EncoderConfig) -> nn.Module: ...
    def batch(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> B: ...
    def loss(self, model: nn.Module, batch: B, count: float) -> Loss: ...
    def write(self, folder: Path, model: nn.Module) -> None: ...
    def read(self, folder: Path, config: EncoderConfig) -> nn.Module: ...
