"""What an optimizer is to the training loops: its settings, how it is made, what a checkpoint keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from malmoi.config import Section

if TYPE_CHECKING:  # recipes are read without torch
    import torch

ParameterGroup = dict[str, Any]
"""torch's parameter group: `params`, `weight_decay`, and `share`, what of the learning rate it learns at."""


class OptimizerConfig(Section):
    """The settings all optimizers have; `name` is the key in `OPTIMIZERS`."""

    name: str
    weight_decay: float = Field(
        0.01, ge=0, description="Decay of the matrices; none on biases and LayerNorm."
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float, step: int, config: Any) -> None:
    """Each group learns at its share of the rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group.get("share", 1.0)


def as_the_parameter(state: str, parameter: torch.Tensor) -> tuple[int, ...] | None:
    return tuple(parameter.shape)


@dataclass(frozen=True, slots=True)
class OptimizerKind:
    """One kind of optimizer.

    Attributes:
        config: the class of its settings.
        make: (parameter groups, settings) → optimizer. Its `step` leaves weights and state as they are where
            the attribute `found_inf`, a scalar on the device, is 1.
        prepare: (optimizer, learning rate, 0-based step, settings), called before each update.
        state: names of the tensors it keeps for each parameter; they are saved in checkpoints.
        shape: (name in `state`, parameter) → that tensor's shape; None where this parameter has none.
    """

    config: type[OptimizerConfig]
    make: Callable[[list[ParameterGroup], Any], torch.optim.Optimizer]
    prepare: Callable[[torch.optim.Optimizer, float, int, Any], None] = set_learning_rate
    state: tuple[str, ...] = ()
    shape: Callable[[str, torch.Tensor], tuple[int, ...] | None] = as_the_parameter
