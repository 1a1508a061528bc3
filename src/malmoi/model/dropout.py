"""Dropout that is not the slowest thing on a CPU.

torch draws one double per element from a serial generator: 6.4 ms for 4,096 x 256 values on a Zen 4 core,
12 % of a training step of the mini model. Here one 64-bit draw of the same generator serves four elements
(1.9 ms).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Zero each element with probability `p` and scale the rest by 1 / (1 - p); `x` itself outside training.

    On a CPU `p` is rounded to a multiple of 1/65,536. Compilers and GPUs fuse torch's own, so they get that.
    """
    if not training or p == 0:
        return x
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return nn.functional.dropout(x, p)
    dropped = round(p * 65536)
    # From the lowest int64 with no upper end: the one call that fills all 64 bits (plain random_() leaves
    # the sign bit 0, and every fourth element would never be dropped).
    draws = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    quarters = draws.view(torch.int16)[: x.numel()].view(x.shape)
    scale = (quarters >= dropped - 32768).to(x.dtype).mul_(65536 / (65536 - dropped))
    return x * scale
