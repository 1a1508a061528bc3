"""Devices, precisions and threads: what is asked for and not there is an error, never a silent change."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from malmoi import device
from malmoi.errors import MalmoiError

CPU = torch.device("cpu")


def test_devices() -> None:
    assert device.choose_device("cpu") == CPU
    assert device.choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("gpu", "cuda:x", "cpu:1"):
        with pytest.raises(MalmoiError, match=f"there is no device called '{name}'"):
            device.choose_device(name)


def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(MalmoiError) as raised:
        device.choose_device("cuda:99")
    assert raised.value.code == "MM0020"
    assert f"finds {torch.cuda.device_count()} GPUs" in str(raised.value)


def test_precisions() -> None:
    assert device.choose_precision("fp32", CPU) == torch.float32
    assert device.choose_precision("bf16", CPU) == torch.bfloat16
    has_bf16 = bool({"avx512_bf16", "amx_bf16"} & device._cpu_flags())
    assert (device.choose_precision("auto", CPU) == torch.bfloat16) == has_bf16
    with pytest.raises(MalmoiError, match="there are: auto, fp32, bf16"):
        device.choose_precision("fp8", CPU)


def test_threads() -> None:
    before = torch.get_num_threads()
    try:
        assert device.use_threads(1) == 1 == torch.get_num_threads() == device.default_threads()
    finally:
        torch.set_num_threads(before)
    assert 1 <= device.default_threads() <= before


def test_rates_are_plausible_and_the_published_ones_only_for_gpus() -> None:
    assert device.published_rate(CPU, torch.bfloat16) is None
    rate = device.matmul_rate(CPU, torch.float32)
    assert 1e9 < rate < 1e14


def test_longer_names_win() -> None:
    """`A10` is part of `A100`, `H100` of `H100 PCIe`: the first that fits counts, so order matters."""
    names = list(device.PUBLISHED_BF16)
    for i, name in enumerate(names):
        assert not any(other in name for other in names[:i])


def test_freed_memory_is_kept() -> None:
    """In a process of its own: the setting lasts. Freed blocks stay resident and are handed out again."""
    code = """
import resource, torch
from malmoi.device import keep_freed_memory
print(keep_freed_memory())
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.empty(10 << 20).fill_(1)  # 40 MiB, beyond what glibc ever keeps by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
torch.set_num_threads(1)
print(min(faults() for _ in range(4)))
"""
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    if out[0] == "False":
        pytest.skip("only glibc has mallopt")
    # Without it: 5 x 10,240 pages.
    assert int(out[1]) < 1000
