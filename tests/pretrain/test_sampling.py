"""The generator's samples are softmax's, in fp32, and the same wherever a slot stands."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from malmoi.pretrain.data.random_bits import random_bits
from malmoi.pretrain.objectives.electra.sampling import _mix, gumbel, sample


def keys(count: int, seed: int = 0) -> torch.Tensor:
    """Keys as `Electra.batch` makes them."""
    bits = random_bits(seed, 4, np.arange(count)) >> np.uint64(32)
    return torch.from_numpy(bits.astype(np.uint32).view(np.int32))


def mix_in_python(x: int) -> int:
    """Wellons' lowbias32 on unsigned Python integers."""
    x ^= x >> 16
    x = x * 0x7FEB352D % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    return x ^ x >> 16


def test_the_hash_is_the_published_one() -> None:
    values = [0, 1, 2, 12345, 2**31 - 1, 2**31, 2**32 - 1]
    given = torch.from_numpy(np.array(values, np.uint32).view(np.int32))
    assert _mix(given).numpy().view(np.uint32).tolist() == [mix_in_python(v) for v in values]


def test_gumbel_moments_and_shape() -> None:
    """Mean γ, variance π²/6, and the whole distribution function, over slots and over entries."""
    noise = gumbel(keys(500), 1000).double()
    assert noise.mean().item() == pytest.approx(0.5772157, abs=0.006)
    assert noise.var().item() == pytest.approx(math.pi**2 / 6, abs=0.02)
    assert stats.kstest(noise.flatten().numpy()[::7], stats.gumbel_r.cdf).pvalue > 1e-3
    for one in (noise[0], noise[:, 0], noise[:, 999]):
        assert stats.kstest(one.numpy(), stats.gumbel_r.cdf).pvalue > 1e-3
    corners = np.corrcoef(noise[:200].numpy())
    assert np.abs(corners - np.eye(200)).max() < 0.2, "slots are independent; 5 sd are .16"


def test_the_largest_noise_is_finite() -> None:
    """The key that makes all 24 bits 1 for entry 0, found by inverting the hash."""
    unmix = {_mix_back(0xFFFFFF00 + low) for low in range(256)}
    bits = torch.from_numpy(np.array(sorted(unmix), np.uint32).view(np.int32))
    noise = gumbel(bits, 1)  # entry 0 hashes to 0, so the key itself is hashed
    assert noise.isfinite().all() and noise.unique().numel() == 1
    assert noise[0, 0].item() == pytest.approx(24 * math.log(2), abs=0.01)


def _mix_back(x: int) -> int:
    x ^= x >> 16
    x = x * pow(0x846CA68B, -1, 2**32) % 2**32
    x ^= x >> 15 ^ x >> 30
    x = x * pow(0x7FEB352D, -1, 2**32) % 2**32
    return x ^ x >> 16


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_samples_are_softmax_s(temperature: float, dtype: torch.dtype) -> None:
    logits_V = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -2.5, 1.5], dtype=dtype)
    drawn = sample(logits_V.expand(20_000, 7), keys(20_000, seed=9), temperature)
    seen = np.bincount(drawn.numpy(), minlength=7)
    expected = 20_000 * torch.softmax(logits_V.double() / temperature, 0).numpy()
    assert stats.chisquare(seen, expected).pvalue > 1e-3


def test_a_slot_s_noise_does_not_depend_on_where_it_stands() -> None:
    k, logits = keys(30), torch.randn(30, 50, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    assert torch.equal(gumbel(k, 50)[order], gumbel(k[order], 50))
    assert torch.equal(gumbel(k, 80)[:, :50], gumbel(k, 50))
    assert torch.equal(sample(logits, k)[order], sample(logits[order], k[order]))
    assert torch.equal(sample(logits[7:8], k[7:8]), sample(logits, k)[7:8])


def test_the_temperature_divides_in_fp32() -> None:
    """bf16 logits over .7 would be rounded to eight bits, .06 at 15."""
    logits = (15 * torch.randn(300, 200, generator=torch.Generator().manual_seed(2))).bfloat16()
    wanted = (logits.float() * (1 / 0.7) + gumbel(keys(300), 200)).argmax(1)
    assert torch.equal(sample(logits, keys(300), 0.7), wanted)


def test_no_gradient() -> None:
    logits = torch.randn(4, 9, requires_grad=True)
    drawn = sample(logits, keys(4))
    assert not drawn.requires_grad and drawn.dtype == torch.int64


def test_why_fp32_bf16_has_ties() -> None:
    """4,000 equal logits of 16, where bf16 steps by 1/8: in bf16 a slot in twenty has two largest entries
    (and argmax takes the lower id); in fp32, also of bf16 logits, hardly one."""
    noise = gumbel(keys(400), 4000)
    logits = torch.full((400, 4000), 16.0, dtype=torch.bfloat16)
    half, full = logits + noise.bfloat16(), logits.float() + noise
    ties = [(sums == sums.max(1, keepdim=True).values).sum(1) > 1 for sums in (half, full)]
    assert ties[0].float().mean() > 0.03 and ties[1].float().mean() < 0.005
    assert torch.equal(sample(logits, keys(400)), full.argmax(1))


def test_a_vocabulary_larger_than_what_is_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One slot at a time at least, and by itself the temperature is 1."""
    logits = torch.randn(30, 50, generator=torch.Generator().manual_seed(3))
    whole = sample(logits, keys(30))
    assert torch.equal(whole, (logits + gumbel(keys(30), 50)).argmax(1))
    for at_once in (1, 49, 120):
        monkeypatch.setattr("malmoi.pretrain.objectives.electra.sampling.IN_CACHE", at_once)
        assert torch.equal(sample(logits, keys(30)), whole)
