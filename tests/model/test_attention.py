"""Every kernel against a loop over sequences that a reader can check, in value and gradient."""

from __future__ import annotations

import inspect
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from malmoi.model import attention
from malmoi.model.attention import AttentionPlan
from malmoi.model.batch import Batch
from malmoi.model.dropout import dropout
from tests.tiny.batches import batch_of

L = 8
ROWS = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=2), min_size=1, max_size=3)


def oracle(q_THd: Tensor, k_THd: Tensor, v_THd: Tensor, cu_seqlens: Tensor) -> Tensor:
    """softmax(QKᵀ/√d)V, one sequence after the other."""
    out = []
    bounds = cu_seqlens.tolist()
    for start, end in pairwise(bounds):
        if start < end:
            q, k, v = (x[start:end].transpose(0, 1) for x in (q_THd, k_THd, v_THd))
            weights = torch.softmax(q @ k.transpose(1, 2) / q.shape[-1] ** 0.5, -1)
            out.append((weights @ v).transpose(0, 1))
    return torch.cat(out)


def random_qkv(tokens: int, heads: int, dtype: torch.dtype) -> list[Tensor]:
    torch.manual_seed(tokens + heads)
    # Views of one tensor, as the fused projection gives them.
    return [x.requires_grad_() for x in torch.randn(tokens, 3, heads, 16).to(dtype).unbind(1)]


def compare(batch: Batch, heads: int, dtype: torch.dtype, kernel: str, tolerance: float) -> None:
    plan = attention.plan(batch, head_dim=16, dtype=dtype)
    assert plan.kernel == kernel
    qkv = random_qkv(batch.ids_T.numel(), heads, dtype)
    out = attention.attend(*qkv, plan)
    assert out.dtype == dtype
    upstream = torch.randn_like(out)
    grads = torch.autograd.grad(out, qkv, upstream)
    exact = [x.detach().float().requires_grad_() for x in qkv]
    wanted = oracle(*exact, batch.cu_seqlens)
    wanted_grads = torch.autograd.grad(wanted, exact, upstream.float())
    torch.testing.assert_close(out.float(), wanted, rtol=0, atol=tolerance)
    for grad, wanted_grad in zip(grads, wanted_grads, strict=True):
        torch.testing.assert_close(grad.float(), wanted_grad, rtol=0, atol=tolerance)


@settings(max_examples=25, deadline=None)
@given(ROWS, st.sampled_from([1, 2]))
def test_fp32_agrees_with_the_oracle(lengths: list[list[int]], heads: int) -> None:
    batch = batch_of([[[1] * n for n in row] for row in lengths], L, sequences=12)
    compare(batch, heads, torch.float32, "sdpa", 2e-6)


@settings(max_examples=25, deadline=None)
@given(ROWS, st.sampled_from([1, 2]))
def test_bf16_agrees_with_the_oracle(lengths: list[list[int]], heads: int) -> None:
    batch = batch_of([[[1] * n for n in row] for row in lengths], L, sequences=12)
    # Values are within a bf16 step (2⁻⁸) of 4: products of weights, values and gradients of size ~1.
    compare(batch, heads, torch.bfloat16, "products", 0.03)


@pytest.mark.parametrize(("dtype", "kernel"), [(torch.float32, "sdpa"), (torch.bfloat16, "products")])
def test_rows_of_one_full_sequence_need_no_mask(dtype: torch.dtype, kernel: str) -> None:
    batch = batch_of([[[1] * L], [[2] * L]], L, sequences=5)
    assert attention.plan(batch, head_dim=16, dtype=dtype).mask_R1LL is None
    compare(batch, 2, dtype, kernel, 2e-6 if dtype == torch.float32 else 0.03)


def test_products_also_hold_in_fp32() -> None:
    """The same operator without bf16's rounding: its backward is exact, not merely close."""
    batch = batch_of([[[1] * 3, [1] * 4], [[1] * 8]], L)
    allowed = attention.row_mask(batch)
    assert allowed is not None
    bias = torch.zeros_like(allowed, dtype=torch.float32).masked_fill(~allowed, -torch.inf)
    qkv = random_qkv(16, 2, torch.float32)
    out = attention.attend(*qkv, AttentionPlan("products", L, bias))
    wanted = oracle(*qkv, batch.cu_seqlens)
    torch.testing.assert_close(out, wanted, rtol=0, atol=1e-6)
    upstream = torch.randn_like(out)
    for grad, wanted_grad in zip(
        torch.autograd.grad(out, qkv, upstream), torch.autograd.grad(wanted, qkv, upstream), strict=True
    ):
        torch.testing.assert_close(grad, wanted_grad, rtol=0, atol=2e-6)


def test_the_operator_keeps_torchs_rules() -> None:
    """Schema, shapes for the compiler, gradients registered: what torch.compile relies on."""
    qkv = random_qkv(2 * L, 2, torch.float32)
    torch.library.opcheck(torch.ops.malmoi.attend_products.default, (*qkv, None, L))


@pytest.mark.parametrize("lengths", [[[5, 2], [3]], [[L], [L]]])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 0.05)])
def test_dropout_of_the_weights_agrees_with_the_oracle(
    lengths: list[list[int]], dtype: torch.dtype, tolerance: float
) -> None:
    """The same draws applied to the weights of the whole row, one head after the other."""
    batch = batch_of([[[1] * n for n in row] for row in lengths], L)
    plan = attention.plan(batch, head_dim=16, dtype=dtype, dropout_p=0.4)
    assert plan.kernel == "products"
    qkv = random_qkv(2 * L, 2, dtype)
    torch.manual_seed(0)
    out = attention.attend(*qkv, plan, 0.4)
    torch.manual_seed(0)
    kept_RHLL = dropout(torch.ones(4, L, L), 0.4, True).view(2, 2, L, L)
    assert 0.4 < (kept_RHLL > 0).float().mean() < 0.8
    exact = [x.detach().float().requires_grad_() for x in qkv]
    wanted = torch.zeros(2 * L, 2, 16)
    for start, end in pairwise(batch.cu_seqlens.tolist()):
        row, first = divmod(start, L)
        for head in range(2):
            q, k, v = (x[start:end, head] for x in exact)
            weights = torch.softmax(q @ k.T / 4, -1)
            weights = weights * kept_RHLL[row, head, first : first + len(q), first : first + len(q)]
            wanted[start:end, head] = weights @ v
    torch.testing.assert_close(out.float(), wanted, rtol=0, atol=tolerance)
    upstream = torch.randn_like(out)
    grads = torch.autograd.grad(out, qkv, upstream)
    for grad, wanted_grad in zip(grads, torch.autograd.grad(wanted, exact, upstream.float()), strict=True):
        torch.testing.assert_close(grad.float(), wanted_grad, rtol=0, atol=2 * tolerance)


def test_dropped_weights_keep_their_mean() -> None:
    """A lone token sees itself only: its value times 1 / .7, or nothing, and 30 % of the time nothing."""
    batch = batch_of([[[1] * (L - 1)]] * 500, L)
    plan = attention.plan(batch, head_dim=16, dtype=torch.float32, dropout_p=0.3)
    value = torch.ones(500 * L, 2, 16)
    torch.manual_seed(1)
    last = attention.attend(value, value, value, plan, 0.3).view(500, L, 2, 16)[:, -1, :, 0]
    assert sorted(last.unique().tolist()) == pytest.approx([0.0, 1 / 0.7], rel=1e-4)
    assert abs((last == 0).float().mean().item() - 0.3) < 0.06  # four standard deviations of 1,000 lots


def test_the_gpu_kernel_is_called_by_names_it_has() -> None:
    """It cannot run here; what can be held is that the seven arguments still mean what we pass."""
    varlen = pytest.importorskip("torch.nn.attention.varlen")
    names = list(inspect.signature(varlen.varlen_attn).parameters)
    assert names[:7] == ["query", "key", "value", "cu_seq_q", "cu_seq_k", "max_q", "max_k"]
