"""AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), with the correction of young moments or without."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from malmoi.training.optimizers.protocol import OptimizerConfig, OptimizerKind, ParameterGroup

if TYPE_CHECKING:  # recipes are read without torch
    import torch


class AdamWConfig(OptimizerConfig):
    """AdamW's settings."""

    name: str = "adamw"
    beta1: float = Field(0.9, ge=0, lt=1, description="Decay of the first moment.")
    beta2: float = Field(0.98, ge=0, lt=1, description="Decay of the second moment.")
    eps: float = Field(1e-6, gt=0, description="Added to the root of the second moment.")
    bias_correction: bool = Field(
        True, description="Correct young moments; google-research/bert and electra do not."
    )


def make(groups: list[ParameterGroup], config: AdamWConfig) -> torch.optim.AdamW:
    import torch

    return torch.optim.AdamW(groups, lr=0.0, betas=(config.beta1, config.beta2), eps=config.eps, fused=True)


def prepare(optimizer: torch.optim.Optimizer, learning_rate: float, step: int, config: AdamWConfig) -> None:
    """Set what the update of `step` (0-based) needs in every group.

    A group may learn at a `share` of the rate; its weight decay is the one it came with.

    Without bias correction google-research/bert and electra (AdamWeightDecayOptimizer) have
    p -= lr · (m / (√v + eps) + wd · p). torch's AdamW is undone to that exactly: with c1 = 1 - b1^t and
    c2 = √(1 - b2^t) it computes p -= lr' / c1 · m / (√v / c2 + eps') + lr' · wd' · p, so lr' = lr · c1 / c2,
    eps' = eps / c2 and wd' = wd · lr / lr'. One fused kernel serves both.
    """
    for group in optimizer.param_groups:
        factor, c2 = 1.0, 1.0
        if not config.bias_correction:
            c2 = math.sqrt(1 - config.beta2 ** (step + 1))
            factor = (1 - config.beta1 ** (step + 1)) / c2
        group["lr"] = learning_rate * group.get("share", 1.0) * factor
        group["eps"] = config.eps / c2
        group["weight_decay"] = group.setdefault("asked_decay", group["weight_decay"]) / factor


ADAMW = OptimizerKind(AdamWConfig, make, prepare, state=("exp_avg", "exp_avg_sq"))
