"""Optimizers: a new one is a file of its own and an entry of `OPTIMIZERS`."""

from malmoi.training.optimizers.adamw import ADAMW, AdamWConfig
from malmoi.training.optimizers.protocol import OptimizerConfig, OptimizerKind, ParameterGroup

__all__ = ["OPTIMIZERS", "AdamWConfig", "OptimizerConfig", "OptimizerKind", "ParameterGroup"]

OPTIMIZERS: dict[str, OptimizerKind] = {"adamw": ADAMW}
