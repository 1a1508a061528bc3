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
    batch = Batch.from_rows([[[1] * n for n in row] for row in lengths], L, sequences=12)
    compare(batch, heads, torch.float32, "sdpa", 2e-6)


@settings(max_examples=25, deadline=None)
@given(ROWS, st.sampled_from([1, 2]))
def test_bf16_agrees_with_the_oracle(lengths: list[list[int]], heads: int) -> None:
    batch = Batch.from_rows([[[1] * n for n in row] for row in lengths], L, sequences=12)
    # Values are within a bf16 step (2⁻⁸) of 4: products of weights, values and gradients of size ~1.
    compare(batch, heads, torch.bfloat16, "products", 0.03)


@pytest.mark.parametrize(("dtype", "kernel"), [(torch.float32, "sdpa"), (torch.bfloat16, "products")])
def test_rows_of_one_full_sequence_need_no_mask(dtype: torch.dtype, kernel: str) -> None:
    batch = Batch.from_rows([[[1] * L], [[2] * L]], L, sequences=5)
    assert attention.plan(batch, head_dim=16, dtype=dtype).mask_R1LL is None
    compare(batch, 2, dtype, kernel, 2e-6 if dtype == torch.float32 else 0.03)


def test_products_also_hold_in_fp32() -> None:
    """The same operator without bf16's rounding: its backward is exact, not merely close."""
    batch = Batch.from_rows([[[1] * 3, [1] * 4], [[1] * 8]], L)
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


def test_attention_dropout_takes_sdpa() -> None:
    batch = Batch.from_rows([[[1] * 5, [1] * 2]], L)
    plan = attention.plan(batch, head_dim=16, dtype=torch.bfloat16, dropout_p=0.5)
    assert plan.kernel == "sdpa"
    qkv = random_qkv(L, 2, torch.bfloat16)
    torch.manual_seed(0)
    dropped = attention.attend(*qkv, plan, 0.5)
    assert not torch.equal(dropped, attention.attend(*qkv, plan, 0.0))
    # A row's lone last token sees itself only: its value doubled, or nothing, in each head.
    value_Hd, out_Hd = 2 * qkv[2][7], dropped[7]
    for value_d, out_d in zip(value_Hd, out_Hd, strict=True):
        assert torch.equal(out_d, value_d) or not out_d.any()


def test_the_gpu_kernel_is_called_by_names_it_has() -> None:
    """It cannot run here; what can be held is that the seven arguments still mean what we pass."""
    varlen = pytest.importorskip("torch.nn.attention.varlen")
    names = list(inspect.signature(varlen.varlen_attn).parameters)
    assert names[:7] == ["query", "key", "value", "cu_seq_q", "cu_seq_k", "max_q", "max_k"]
