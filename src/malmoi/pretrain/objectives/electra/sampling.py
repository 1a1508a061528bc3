"""Samples from the generator: argmax of logits plus Gumbel noise, in fp32, without a gradient.

The noise is a pure function of (key of the slot, vocabulary entry), computed where the logits are: no
generator state, the same numbers for a row whoever computes it, and nothing to copy to a GPU.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Shapes: M slots, V vocabulary.

# Values a CPU makes noise for at once: 608 slots x 32,000 entries on two Zen 4 cores take 52 ms by 2^19, 104
# by 2^16, 212 all at once.
IN_CACHE = 2**19


def gumbel(keys_M: Tensor, entries: int) -> Tensor:
    """Standard Gumbel noise (M, V) in fp32: -log(-log(u)), u from 24 bits of a hash of (key, entry).

    Args:
        keys_M: int32, random bits, one key per slot.
        entries: V.
    """
    places_V = _mix(torch.arange(entries, dtype=torch.int32, device=keys_M.device))
    bits_MV = _mix(keys_M[:, None] ^ places_V[None])
    # .49 and not .5: in fp32 the largest of 2^24 would round to u = 1, whose noise is infinite, and at
    # V = 8,000 one slot in 2,000 would get a random token whatever the logits.
    uniform_MV = bits_MV.bitwise_right_shift_(8).bitwise_and_(0xFFFFFF).float().add_(0.49).mul_(2.0**-24)
    return uniform_MV.log_().neg_().log_().neg_()


def _mix(x: Tensor) -> Tensor:
    """A bijection of 32-bit words with little bias (Wellons, hash-prospector, "lowbias32"). int32 products
    wrap; the shifts of int32 copy the sign, so the copied bits are masked away. `x` itself is overwritten."""
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    x *= 0x7FEB352D
    x ^= (x >> 15).bitwise_and_(0x1FFFF)
    x *= 0x846CA68B - 2**32
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    return x


@torch.no_grad()
def sample(logits_MV: Tensor, keys_M: Tensor, temperature: float = 1.0) -> Tensor:
    """One entry per slot, drawn from softmax(logits / temperature); (M,) int64.

    The Gumbel-max trick in fp32: in half precision the noise of a large vocabulary has ties and its tail is
    cut (electra_pytorch names it among the reasons for failed replications).
    """
    entries = logits_MV.shape[1]
    at_once = max(1, IN_CACHE // entries) if logits_MV.device.type == "cpu" else max(1, len(keys_M))
    parts = zip(torch.split(logits_MV, at_once), torch.split(keys_M, at_once), strict=True)
    noisy = (gumbel(k, entries).add_(part.float(), alpha=1 / temperature) for part, k in parts)
    return torch.cat([noisy_MV.argmax(1) for noisy_MV in noisy])
