"""What a masking is to the objectives: its settings, and how rows become masked ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.config import Section
from malmoi.pretrain.data.packing import RowBlock
from malmoi.special import SpecialIds

I64 = NDArray[np.int64]


class MaskingConfig(Section):
    """The settings of a masking; `name` is its key in `MASKINGS`."""

    name: str


@dataclass(frozen=True, slots=True)
class Masked:
    """R rows after masking; C = slots per row (a cap, so that shapes never change).

    Attributes:
        ids_RL: the rows as the network reads them.
        slots_RC: positions to predict; unused slots point at position 0.
        labels_RC: the original tokens there.
        weights_RC: 1 for a slot that is used, else 0.
    """

    ids_RL: I64
    slots_RC: I64
    labels_RC: I64
    weights_RC: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Draw:
    """What a masking may ask besides the rows.

    Attributes:
        rows_R: the rows' numbers in the endless order; with `seed` they decide everything.
        rate: share of a row's tokens to predict.
    """

    rows_R: I64
    seed: int
    rate: float
    special: SpecialIds
    vocab_size: int


@dataclass(frozen=True, slots=True)
class MaskingKind:
    """One kind of masking.

    Attributes:
        mask: (rows, what they are drawn by, settings) → masked rows; a pure function. `RowBlock.flags_RL`
            says where words and morphemes start.
        config: the class of its settings, if it has any but its name.
    """

    mask: Callable[[RowBlock, Draw, Any], Masked]
    config: type[MaskingConfig] = MaskingConfig
