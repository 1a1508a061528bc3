"""One step of training: losses of micro-batches backward, gradients clipped, weights moved.

A step asks the device for nothing. Whether its loss was finite decides on the device whether the weights
move; whoever wants to know reads `Done`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from malmoi.model.dropout import one_update
from malmoi.training.optimizer import Optimizer


@dataclass(frozen=True, slots=True)
class Loss:
    """One micro-batch's part of the loss.

    Attributes:
        total: scalar to send backwards, already divided by the counts of the whole global batch.
        sums: float64 scalars and histograms that add up over micro-batches and steps.
    """

    total: Tensor
    sums: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """What a step leaves on the device.

    Attributes:
        total: its loss, float64.
        norm: the gradient's, float64, before it was clipped.
        halted: 1.0 where this step's loss or gradient, or one's before it, is not finite. From that step on
            no step changes weights or moments.
    """

    sums: dict[str, Tensor]
    total: Tensor
    norm: Tensor
    halted: Tensor


def add(sums: dict[str, Tensor], more: dict[str, Tensor]) -> dict[str, Tensor]:
    """Sums of the same names, on the device of the newer ones (a checkpoint's are on the CPU)."""
    return {name: sums[name].to(part.device) + part if name in sums else part for name, part in more.items()}


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Matrix products in `dtype`; fp32 is plain torch."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


class TrainingStep:
    """Steps of `model`. `clip` is the largest gradient norm, 0 for none."""

    def __init__(
        self, model: nn.Module, optimizer: Optimizer, *, clip: float, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.clip = clip or math.inf
        self.device = device
        self.dtype = dtype
        self._parameters = list(model.parameters())
        self._halted = torch.zeros((), device=device)

    def __call__(self, losses: Iterable[Callable[[], Loss]], learning_rate: float, step: int) -> Done:
        """Step number `step` (0-based). `losses` compute the micro-batches one by one; their gradients stay
        until the next step. Seed torch for dropout before, or in each."""
        if not self.model.training:
            self.model.train()
        self.optimizer.zero_grad()
        sums: dict[str, Tensor] = {}
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        with one_update() as update:
            for loss_of in losses:
                update.begin()
                with autocast(self.device, self.dtype):
                    loss = loss_of()
                loss.total.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                sums = add(sums, loss.sums)
                total += loss.total.detach()
        norm = self._clip()
        self._halted = torch.maximum(self._halted, (~torch.isfinite(norm + total)).float())
        self.optimizer.step(learning_rate, step, halted=self._halted)
        return Done(sums, total, norm, self._halted)

    def _clip(self) -> Tensor:
        """Clip the gradients; their norm before."""
        norm = nn.utils.get_total_norm([p.grad for p in self._parameters if p.grad is not None])
        if not self._is_short(norm):
            nn.utils.clip_grads_with_norm_(self._parameters, self.clip, norm)
        return norm.double()

    def _is_short(self, norm: Tensor) -> bool:
        """Whether nothing need be clipped: multiplying all gradients by 1 would be 1 % of a step. A GPU
        multiplies, since asking it costs more."""
        return self.device.type == "cpu" and bool(norm <= self.clip)
