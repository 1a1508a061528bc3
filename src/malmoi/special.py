"""The five special tokens every encoder of ours has, as ids.

A root file: model and shards need them without the tokenizer's libraries.
"""

from __future__ import annotations

from dataclasses import dataclass

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Token ids of [PAD] [UNK] [CLS] [SEP] [MASK]. Ours are 0-4; peers put them elsewhere."""

    pad: int = 0
    unk: int = 1
    cls: int = 2
    sep: int = 3
    mask: int = 4
