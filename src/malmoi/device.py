"""Which device and precision a run uses, how many threads, and how fast the machine multiplies matrices.

What is asked for and not there is an error, never a silent change; `auto` takes what is fastest here.
"""

from __future__ import annotations

import ctypes
import math
import os
import platform
import sys
import time
from functools import cache
from pathlib import Path

import torch

from malmoi.codes import Code
from malmoi.errors import MalmoiError

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}

# Dense bf16 tensor-core FLOP/s from NVIDIA's data sheets (half of the figure "with sparsity" where the sheet
# gives that one). The first name found in the device's name counts, so the longer come first.
PUBLISHED_BF16 = {
    "A100": 312e12,
    "A10": 125e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "H200": 989e12,
    "B200": 2250e12,
    "L40S": 362e12,
    "L4": 121e12,
}


def choose_device(name: str = "auto") -> torch.device:
    """`auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:1`. MM0020: not there, MM0022: unknown."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()) or (kind == "cpu" and number):
        raise MalmoiError(Code.UNKNOWN_DEVICE, name=name)
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise MalmoiError(
            Code.DEVICE_MISSING, name=name, count=torch.cuda.device_count(), torch=torch.__version__
        )
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The type matrix products run in: `fp32`, `bf16`, or `auto` (bf16 where the hardware has it).

    A CPU without bf16 instructions still computes in it when asked to, only slower than in fp32.
    Raises MM0021 (a GPU without bf16), MM0023 (no such precision).
    """
    if name == "auto":
        return torch.bfloat16 if _has_bf16(device) else torch.float32
    if name not in PRECISIONS:
        raise MalmoiError(Code.UNKNOWN_PRECISION, name=name, known=", ".join(["auto", *PRECISIONS]))
    if name == "bf16" and device.type == "cuda" and not _has_bf16(device):
        raise MalmoiError(Code.NO_BF16, device=torch.cuda.get_device_name(device))
    return PRECISIONS[name]


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # Without AVX512_BF16 or AMX, bf16 on a CPU is emulated and slower than fp32.
    return bool({"avx512_bf16", "amx_bf16"} & _cpu_flags())


@cache
def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def default_threads() -> int:
    """CPU threads worth starting: torch's own choice, but no more than scheduler and cgroup let us use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(torch.get_num_threads(), allowed, _cgroup_cpus() or allowed))


def _cgroup_cpus() -> int | None:
    """The container's CPU quota, rounded up; None where there is none."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else math.ceil(int(quota) / int(period))


def use_threads(threads: int = 0) -> int:
    """Run torch's CPU kernels on this many threads (0: `default_threads`); returns the number."""
    torch.set_num_threads(threads or default_threads())
    return torch.get_num_threads()


def published_rate(device: torch.device, dtype: torch.dtype) -> float | None:
    """The maker's dense matrix FLOP/s for this GPU in bf16/fp16; None where we know none."""
    if device.type != "cuda" or dtype not in (torch.bfloat16, torch.float16):
        return None
    name = torch.cuda.get_device_name(device)
    return next((rate for part, rate in PUBLISHED_BF16.items() if part in name), None)


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Matrix FLOP/s of the device, the denominator of the utilisation (MFU).

    The published peak where `published_rate` knows one (so ours compare with others' figures); otherwise the
    best of square products measured for 0.2 s here, with the current number of threads.
    """
    return published_rate(device, dtype) or measured_rate(device, dtype)


def measured_rate(device: torch.device, dtype: torch.dtype, seconds: float = 0.2) -> float:
    """The fastest of the square products that fit into `seconds`, in FLOP/s (2·n³ each)."""
    n = 8192 if device.type == "cuda" else 1024
    a = torch.ones(n, n, dtype=dtype, device=device)
    best, started = math.inf, time.perf_counter()
    while time.perf_counter() - started < seconds or best == math.inf:
        before = time.perf_counter()
        torch.mm(a, a)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - before)
    return 2 * n**3 / best


def keep_freed_memory() -> bool:
    """Make glibc keep freed memory instead of giving it back to the kernel; True where that was possible.

    A CPU step allocates and frees the same large blocks again and again, and by default each comes from a
    fresh mmap whose pages the kernel must zero. A step of the mini model (32 x 128 tokens, one Zen 4 core)
    went from 900 to 745 ms in bf16 and from 1,415 to 1,376 in fp32. The price is that the process never
    shrinks. Does nothing outside Linux with glibc.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # From malloc.h: M_TRIM_THRESHOLD -1, M_TOP_PAD -2, M_MMAP_THRESHOLD -3. Builds of glibc that refuse a
    # threshold above HEAP_MAX_SIZE / 2 still take 32 MiB.
    kept = mallopt(-3, 2**30) or mallopt(-3, 2**25)
    return bool(kept and mallopt(-1, 2**31 - 1) and mallopt(-2, 2**26))
