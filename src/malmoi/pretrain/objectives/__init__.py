"""Objectives: what is learned from a batch. A new one is a file or folder of its own and an entry of
`OBJECTIVES`; recipes, training, checkpoints and reports ask its record for what they need to know."""

from malmoi.pretrain.objectives.electra import ELECTRA, ElectraConfig
from malmoi.pretrain.objectives.kind import ObjectiveConfig, ObjectiveKind, PlottedMetric
from malmoi.pretrain.objectives.mlm import MLM, MlmConfig

__all__ = [
    "OBJECTIVES",
    "ElectraConfig",
    "MlmConfig",
    "ObjectiveConfig",
    "ObjectiveKind",
    "PlottedMetric",
]

OBJECTIVES: dict[str, ObjectiveKind] = {"mlm": MLM, "electra": ELECTRA}
