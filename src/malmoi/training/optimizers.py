"""The optimizer, and its state as named tensors: safetensors can hold those, and no pickle is ever needed."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from malmoi.errors import MalmoiError

MOMENTS = ("exp_avg", "exp_avg_sq")


def adamw(
    model: nn.Module, *, lr: float, betas: tuple[float, float], eps: float, weight_decay: float
) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019); no decay on biases and LayerNorm, which are the 1-D tensors."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr, betas=betas, eps=eps, fused=True)


def set_rate(
    optimizer: torch.optim.AdamW, rate: float, step: int, *, eps: float, bias_correction: bool = True
) -> None:
    """Prepare every group for update `step` (0-based) at learning rate `rate`.

    A group may learn at a `share` of the rate; its weight decay is the one it came with.

    Without bias correction google-research/bert and electra (AdamWeightDecayOptimizer) have
    p -= lr · (m / (√v + eps) + wd · p). torch's AdamW is undone to that exactly: with c1 = 1 - b1^t and
    c2 = √(1 - b2^t) it computes p -= lr' / c1 · m / (√v / c2 + eps') + lr' · wd' · p, so lr' = lr · c1 / c2,
    eps' = eps / c2 and wd' = wd · lr / lr'. One fused kernel serves both.
    """
    for group in optimizer.param_groups:
        factor, c2 = 1.0, 1.0
        if not bias_correction:
            beta1, beta2 = group["betas"]
            c2 = math.sqrt(1 - beta2 ** (step + 1))
            factor = (1 - beta1 ** (step + 1)) / c2
        group["lr"] = rate * group.get("share", 1.0) * factor
        group["eps"] = eps / c2
        group["weight_decay"] = group.setdefault("asked_decay", group["weight_decay"]) / factor


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """`exp_avg.NAME` and `exp_avg_sq.NAME` for every parameter that has been updated."""
    return {
        f"{moment}.{name}": optimizer.state[parameter][moment]
        for name, parameter in model.named_parameters()
        if parameter in optimizer.state
        for moment in MOMENTS
    }


def restore_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], step: int
) -> None:
    """Put saved moments back. Raises MM0508 where they are not those of this model."""
    for name, parameter in model.named_parameters():
        state: dict[str, Tensor] = {"step": torch.tensor(float(step), device=parameter.device)}
        for moment in MOMENTS:
            saved = tensors.get(f"{moment}.{name}")
            if saved is None or saved.shape != parameter.shape:
                shape = None if saved is None else list(saved.shape)
                raise MalmoiError(
                    "MM0508", name=f"{moment}.{name}", found=shape, wanted=list(parameter.shape)
                )
            state[moment] = saved.to(parameter.device)
        optimizer.state[parameter] = state
