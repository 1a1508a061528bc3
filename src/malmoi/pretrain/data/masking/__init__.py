"""Maskings: which tokens a model must predict and what replaces them. A new one is a file of its own
and an entry of `MASKINGS`."""

from malmoi.pretrain.data.masking.bert import PLAIN, PUBLISHED
from malmoi.pretrain.data.masking.electra import ELECTRA
from malmoi.pretrain.data.masking.protocol import Draw, Masked, MaskingConfig, MaskingKind

__all__ = [
    "MASKINGS",
    "Draw",
    "Masked",
    "MaskingConfig",
    "MaskingKind",
]

MASKINGS: dict[str, MaskingKind] = {"plain": PLAIN, "published": PUBLISHED, "electra": ELECTRA}
