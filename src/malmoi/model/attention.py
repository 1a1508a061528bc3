"""Self-attention inside sequences, and the only file that knows versions of torch.

`plan` looks at a batch once, outside the layers; `attend` runs in every layer. On CUDA in bf16/fp16 from
Ampere on, without attention dropout, that is torch's variable-length flash kernel; elsewhere
`scaled_dot_product_attention` over rows with a block-diagonal mask. No sequence ever sees another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from malmoi.model.batch import Batch

# Shapes: T tokens, R rows, L tokens a row (T = R·L), H heads, d width of a head.


@dataclass(frozen=True)
class AttentionPlan:
    """How to attend in one batch, computed once for all layers.

    Attributes:
        row_len: L.
        mask_R1LL: True where a query may see a key; None where every row is one full sequence.
        cu_seqlens: for the variable-length kernel; None means attention over rows.
    """

    row_len: int
    mask_R1LL: Tensor | None = None
    cu_seqlens: Tensor | None = None


def plan(batch: Batch, dtype: torch.dtype, *, dropout_p: float = 0.0) -> AttentionPlan:
    """Choose the kernel for `batch` and prepare what it needs.

    Args:
        batch: on the device the encoder runs on.
        dtype: of queries, keys and values (autocast's, where it is on).
        dropout_p: attention dropout that will be asked for.
    """
    if _varlen_fits(batch.ids_T.device, dtype, dropout_p):
        return AttentionPlan(batch.row_len, cu_seqlens=batch.cu_seqlens)
    return AttentionPlan(batch.row_len, mask_R1LL=row_mask(batch))


def row_mask(batch: Batch) -> Tensor | None:
    """The block-diagonal mask (R, 1, L, L), True inside a sequence; None where no row needs one.

    Finding out whether one is needed would stall a GPU, so there a mask is always made.
    """
    R, L = batch.rows, batch.row_len
    cu = batch.cu_seqlens
    if cu.device.type == "cpu" and torch.equal(cu[: R + 1], torch.arange(0, R * L + 1, L, dtype=cu.dtype)):
        return None
    tokens_T = torch.arange(R * L, dtype=cu.dtype, device=cu.device)
    sequence_RL = torch.searchsorted(cu, tokens_T, right=True).view(R, L)
    return (sequence_RL[:, :, None] == sequence_RL[:, None, :]).unsqueeze(1)


def attend(
    q_THd: Tensor, k_THd: Tensor, v_THd: Tensor, plan: AttentionPlan, dropout_p: float = 0.0
) -> Tensor:
    """softmax(q·kᵀ/√d)·v inside each sequence; (T, H, d) in and out."""
    if plan.cu_seqlens is not None:
        return _varlen(q_THd, k_THd, v_THd, plan.cu_seqlens, plan.row_len)
    T, H, d = q_THd.shape
    L = plan.row_len
    q, k, v = (x.view(T // L, L, H, d).transpose(1, 2) for x in (q_THd, k_THd, v_THd))
    out_RHLd = scaled_dot_product_attention(q, k, v, attn_mask=plan.mask_R1LL, dropout_p=dropout_p)
    return out_RHLd.transpose(1, 2).reshape(T, H, d)


def _varlen_fits(device: torch.device, dtype: torch.dtype, dropout_p: float) -> bool:
    if device.type != "cuda" or dropout_p > 0 or dtype not in (torch.bfloat16, torch.float16):
        return False
    return torch.cuda.get_device_capability(device) >= (8, 0)


def _varlen(q_THd: Tensor, k_THd: Tensor, v_THd: Tensor, cu_seqlens: Tensor, row_len: int) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    out = varlen_attn(q_THd, k_THd, v_THd, cu_seqlens, cu_seqlens, row_len, row_len)
    return cast(Tensor, out)
