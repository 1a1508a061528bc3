"""The optimizer of a run, of whatever kind, and its state as named tensors: safetensors can hold those, and
no pickle is ever needed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.training.optimizers import OPTIMIZERS, OptimizerConfig, ParameterGroup


def parameter_groups(model: nn.Module, weight_decay: float) -> list[ParameterGroup]:
    """Matrices decay, biases and LayerNorm (the 1-D tensors) do not."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


class Optimizer:
    """The optimizer that `config` names, for the parameters in `groups`, which are `model`'s."""

    def __init__(self, model: nn.Module, config: OptimizerConfig, groups: list[ParameterGroup]) -> None:
        self.model = model
        self.config = config
        self.kind = OPTIMIZERS[config.name]
        self.torch: torch.optim.Optimizer = self.kind.make(groups, config)

    def step(self, learning_rate: float, step: int, *, halted: Tensor | None = None) -> None:
        """The update of `step` (0-based), which changes nothing where the scalar `halted` is 1."""
        self.kind.prepare(self.torch, learning_rate, step, self.config)
        if halted is not None:
            # The attribute that torch's fused kernels read (GradScaler sets it); its stubs do not know it.
            self.torch.found_inf = halted  # type: ignore[attr-defined]
        self.torch.step()

    def zero_grad(self) -> None:
        self.torch.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """STATE.NAME → tensor, for every parameter that has been updated."""
        return {
            f"{state}.{name}": self.torch.state[parameter][state]
            for name, parameter in self.model.named_parameters()
            if parameter in self.torch.state
            for state in self.kind.state
            if self.kind.shape(state, parameter) is not None
        }

    def restore(self, tensors: dict[str, Tensor], step: int) -> None:
        """Put saved tensors back. Raises MM0508 where they are not those of this model."""
        for name, parameter in self.model.named_parameters():
            found: dict[str, Tensor] = {"step": torch.tensor(float(step), device=parameter.device)}
            for state in self.kind.state:
                wanted = self.kind.shape(state, parameter)
                if wanted is None:
                    continue
                saved = tensors.get(f"{state}.{name}")
                if saved is None or tuple(saved.shape) != wanted:
                    shape = None if saved is None else list(saved.shape)
                    raise MalmoiError(
                        Code.OPTIMIZER_STATE_DOES_NOT_FIT,
                        name=f"{state}.{name}",
                        found=shape,
                        wanted=list(wanted),
                    )
                found[state] = saved.to(parameter.device)
            self.torch.state[parameter] = found
