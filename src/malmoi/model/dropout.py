"""Dropout that is not the slowest thing on a CPU.

torch draws one double per element from a serial generator: 7.8 ms for 4,096 x 256 values in bf16 on two Zen 4
cores, and a training step of the mini model has nine of these in 400 ms. Here 64 bits of SFC64, which torch's
generator seeds, serve four elements, and the mask is never a bool, whose conversion to bf16 alone takes
.5 ms: 0.8 ms in all.
"""

from __future__ import annotations

import numpy as np
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
    seed = int(torch.empty((), dtype=torch.int64).random_())
    draws = np.random.SFC64(seed).random_raw((x.numel() + 3) // 4).view(np.int16)[: x.numel()]
    quarters = torch.from_numpy(draws).view(x.shape)
    kept = torch.ge(quarters, dropped - 32768, out=torch.empty_like(quarters))
    return x * kept.to(x.dtype).mul_(65536 / (65536 - dropped))
