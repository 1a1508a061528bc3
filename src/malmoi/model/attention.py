"""Self-attention inside sequences, and the only file that depends on versions of torch.

`plan` prepares a batch once, outside the layers; `attend` runs in every layer. CUDA in bf16/fp16 from Ampere
on takes torch's variable-length flash kernel; a CPU in bf16/fp16, or with dropout of weights, plain matrix
products; everything else `scaled_dot_product_attention` over rows with a block-diagonal mask. No sequence
ever sees another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from malmoi.model.batch import Batch
from malmoi.model.dropout import dropout

# Shapes: T tokens, R rows, L tokens per row (T = R·L), H heads, d width of a head, N = R·H.

LOW_PRECISION = (torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class AttentionPlan:
    """How to attend in one batch, computed once for all layers.

    Attributes:
        kernel: `varlen` (flash, CUDA), `products` (CPU in low precision or with dropout) or `sdpa`.
        row_len: L.
        mask_R1LL: for `sdpa` True where a query may see a key, for `products` 0 there and -inf elsewhere;
            None if every row is one full sequence, and for `varlen`.
        cu_seqlens: for `varlen`, where sequences begin.
    """

    kernel: Literal["varlen", "products", "sdpa"]
    row_len: int
    mask_R1LL: Tensor | None = None
    cu_seqlens: Tensor | None = None


def plan(batch: Batch, *, head_dim: int, dtype: torch.dtype, dropout_p: float = 0.0) -> AttentionPlan:
    """Choose the kernel for `batch` and prepare what it needs.

    Args:
        batch: on the device the encoder runs on.
        head_dim: d.
        dtype: of queries, keys and values (autocast's, if it is on).
        dropout_p: the attention dropout `attend` will be asked for.
    """
    device = batch.ids_T.device
    low = dtype in LOW_PRECISION
    if low and dropout_p == 0 and device.type == "cuda" and _has_varlen(device, head_dim):
        return AttentionPlan("varlen", batch.row_len, cu_seqlens=batch.cu_seqlens)
    mask_R1LL = row_mask(batch)
    if device.type == "cpu" and (low or dropout_p > 0):
        # bf16, 4,096 tokens, 4 heads of 64, forward + backward, two Zen 4 cores: 9 ms against 30 ms of the
        # CPU flash kernel at L = 128, 31 against 54 at L = 512. In fp32 the two are equal to 128 and the
        # flash kernel wins beyond. With dropout the draws must be `dropout.py`'s.
        if mask_R1LL is not None:
            mask_R1LL = torch.zeros_like(mask_R1LL, dtype=dtype).masked_fill_(~mask_R1LL, -torch.inf)
        return AttentionPlan("products", batch.row_len, mask_R1LL)
    return AttentionPlan("sdpa", batch.row_len, mask_R1LL)


def row_mask(batch: Batch) -> Tensor | None:
    """The block-diagonal mask (R, 1, L, L), True inside a sequence; None if no row needs one. Finding out
    would stall a GPU, so there a mask is always made.
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
    """dropout(softmax(q·kᵀ/√d))·v inside each sequence; (T, H, d) in and out."""
    if plan.kernel == "varlen":
        assert plan.cu_seqlens is not None
        return _varlen(q_THd, k_THd, v_THd, plan.cu_seqlens, plan.row_len)
    if plan.kernel == "products" and dropout_p > 0:
        return _dropped_products(q_THd, k_THd, v_THd, plan, dropout_p)
    if plan.kernel == "products":
        out_THd, _ = _products(q_THd, k_THd, v_THd, plan.mask_R1LL, plan.row_len)
        return cast(Tensor, out_THd)
    T, H, d = q_THd.shape
    q, k, v = (x.view(T // plan.row_len, plan.row_len, H, d).transpose(1, 2) for x in (q_THd, k_THd, v_THd))
    out_RHLd = scaled_dot_product_attention(q, k, v, attn_mask=plan.mask_R1LL, dropout_p=dropout_p)
    return out_RHLd.transpose(1, 2).reshape(T, H, d)


def _has_varlen(device: torch.device, head_dim: int) -> bool:
    # The flash kernel: Ampere and later, widths that are multiples of 8 up to 256.
    return torch.cuda.get_device_capability(device) >= (8, 0) and head_dim % 8 == 0 and head_dim <= 256


def _varlen(q_THd: Tensor, k_THd: Tensor, v_THd: Tensor, cu_seqlens: Tensor, row_len: int) -> Tensor:
    """Not yet verified on hardware: written from torch's documentation and source.

    The seven positional arguments mean the same from torch 2.10 to 2.15; everything after them moved
    (`is_causal` was positional in 2.10; `window_size`, `enable_gqa`, … are keyword-only since 2.11).
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.attention.varlen import varlen_attn

    # Releases after 2.13 prefer cuDNN where it is eligible, which cost an encoder 280k → 60k tokens/s
    # (pytorch#187770) and obey this since pytorch#193631; for 2.11-2.13 it changes nothing.
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        out = varlen_attn(q_THd, k_THd, v_THd, cu_seqlens, cu_seqlens, row_len, row_len)
    return cast(Tensor, out)


def _dropped_products(
    q_THd: Tensor, k_THd: Tensor, v_THd: Tensor, plan: AttentionPlan, dropout_p: float
) -> Tensor:
    T, H, d = q_THd.shape
    L = plan.row_len
    q, k, v = (_by_head(x, L) for x in (q_THd, k_THd, v_THd))
    scores_NLL = torch.bmm(q * d**-0.5, k.transpose(1, 2))
    if plan.mask_R1LL is not None:
        scores_NLL = (scores_NLL.view(T // L, H, L, L) + plan.mask_R1LL).view(-1, L, L)
    weights_NLL = dropout(torch.softmax(scores_NLL, -1), dropout_p, training=True)
    return _by_token(torch.bmm(weights_NLL, v), H)


# One opaque operator, so that a compiler does not recognise attention in it and put the flash kernel back.
@torch.library.custom_op("malmoi::attend_products", mutates_args=())
def _products(
    q_THd: Tensor, k_THd: Tensor, v_THd: Tensor, mask_R1LL: Tensor | None, row_len: int
) -> tuple[Tensor, Tensor]:
    T, H, d = q_THd.shape
    q, k, v = (_by_head(x, row_len) for x in (q_THd, k_THd, v_THd))
    scores_NLL = torch.bmm(q * d**-0.5, k.transpose(1, 2))
    if mask_R1LL is not None:
        scores_NLL.view(T // row_len, H, row_len, row_len).add_(mask_R1LL)
    weights_NLL = torch.softmax(scores_NLL, -1)
    return _by_token(torch.bmm(weights_NLL, v), H), weights_NLL


@_products.register_fake
def _products_shapes(
    q_THd: Tensor, k_THd: Tensor, v_THd: Tensor, mask_R1LL: Tensor | None, row_len: int
) -> tuple[Tensor, Tensor]:
    T, H, _ = q_THd.shape
    weights_NLL = q_THd.new_empty(T // row_len * H, row_len, row_len)
    return torch.empty_like(q_THd, memory_format=torch.contiguous_format), weights_NLL


@torch.library.custom_op("malmoi::attend_products_backward", mutates_args=())
def _products_backward(
    grad_THd: Tensor, q_THd: Tensor, k_THd: Tensor, v_THd: Tensor, weights_NLL: Tensor, row_len: int
) -> tuple[Tensor, Tensor, Tensor]:
    H, d = q_THd.shape[1:]
    grad, q, k, v = (_by_head(x, row_len) for x in (grad_THd, q_THd, k_THd, v_THd))
    grad_v = torch.bmm(weights_NLL.transpose(1, 2), grad)
    grad_weights_NLL = torch.bmm(grad, v.transpose(1, 2))
    grad_scores_NLL = torch.ops.aten._softmax_backward_data(grad_weights_NLL, weights_NLL, -1, q.dtype)
    grad_q = torch.bmm(grad_scores_NLL, k).mul_(d**-0.5)
    grad_k = torch.bmm(grad_scores_NLL.transpose(1, 2), q * d**-0.5)
    return _by_token(grad_q, H), _by_token(grad_k, H), _by_token(grad_v, H)


@_products_backward.register_fake
def _products_backward_shapes(
    grad_THd: Tensor, q_THd: Tensor, k_THd: Tensor, v_THd: Tensor, weights_NLL: Tensor, row_len: int
) -> tuple[Tensor, Tensor, Tensor]:
    shape = q_THd.shape
    return q_THd.new_empty(shape), q_THd.new_empty(shape), q_THd.new_empty(shape)


def _remember(ctx: torch.autograd.function.FunctionCtx, inputs: tuple[object, ...], output: object) -> None:
    q_THd, k_THd, v_THd, _, row_len = inputs
    _, weights_NLL = cast(tuple[Tensor, Tensor], output)
    ctx.save_for_backward(cast(Tensor, q_THd), cast(Tensor, k_THd), cast(Tensor, v_THd), weights_NLL)
    ctx.row_len = row_len  # type: ignore[attr-defined]


def _grads(
    ctx: torch.autograd.function.FunctionCtx, grad_THd: Tensor, _: Tensor | None
) -> tuple[object, ...]:
    q_THd, k_THd, v_THd, weights_NLL = ctx.saved_tensors  # type: ignore[attr-defined]
    grads = _products_backward(grad_THd, q_THd, k_THd, v_THd, weights_NLL, ctx.row_len)  # type: ignore[attr-defined]
    return (*grads, None, None)


_products.register_autograd(_grads, setup_context=_remember)


def _by_head(x_THd: Tensor, row_len: int) -> Tensor:
    """Laid out (N, L, d), so that one batched product serves all rows and heads."""
    T, H, d = x_THd.shape
    return x_THd.reshape(T // row_len, row_len, H, d).transpose(1, 2).reshape(-1, row_len, d)


def _by_token(x_NLd: Tensor, heads: int) -> Tensor:
    """Back to (T, H, d)."""
    N, L, d = x_NLd.shape
    return x_NLd.view(N // heads, heads, L, d).transpose(1, 2).reshape(-1, heads, d)
