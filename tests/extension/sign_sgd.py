"""An optimizer of another kind: every weight moves by the learning rate, against the sign of its gradient's
mean (signSGD with momentum; Bernstein et al. 2018, arXiv 1802.04434)."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field

from malmoi.training.optimizers import OptimizerConfig, OptimizerKind, ParameterGroup


class SignConfig(OptimizerConfig):
    """Its settings."""

    name: str = "sign-sgd"
    momentum: float = Field(0.9, ge=0, lt=1, description="Decay of the mean.")


class SignSGD(torch.optim.Optimizer):
    """`found_inf` of 1 leaves everything as it is."""

    found_inf: torch.Tensor | None = None

    def __init__(self, groups: list[ParameterGroup], momentum: float) -> None:
        super().__init__(groups, {"lr": 0.0, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                mean = state.setdefault("mean", torch.zeros_like(weight))
                if self.found_inf is not None and bool(self.found_inf):
                    continue
                mean.lerp_(weight.grad, 1 - group["momentum"])
                weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * mean.sign())


def make(groups: list[ParameterGroup], config: SignConfig) -> SignSGD:
    return SignSGD(groups, config.momentum)


SIGN_SGD = OptimizerKind(SignConfig, make, state=("mean",))
