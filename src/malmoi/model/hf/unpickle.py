"""Run as a child process: `python -m malmoi.model.hf.unpickle pytorch_model.bin model.safetensors`.

A pickle can name any function to be called. torch's weights_only reader accepts tensors and dictionaries and
stops at anything else; if it has a flaw, or the file was made to fill the memory, this process has nothing to
lose and cannot exceed its limits. Prints one JSON line: {"fault": …} or {}.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

SECONDS = 900  # of CPU; a gigabyte takes about ten
SPARE = 2_000_000_000  # bytes beyond what is already loaded and three times the file


def limit(size: int) -> None:
    """Limit memory, CPU and file size to what weights of `size` bytes need, if the system has such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    statm = Path("/proc/self/statm")
    if statm.is_file():
        used = int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + 3 * size + SPARE,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * size + SPARE,) * 2)


def convert(source: Path, target: Path) -> str:
    """Write the weights as safetensors; returns what is wrong with them, or ""."""
    try:
        state: Any = torch.load(source, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, AttributeError, KeyError) as error:
        return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    if not isinstance(state, dict):
        return type(state).__name__
    odd = [name for name, value in state.items() if not isinstance(value, torch.Tensor)]
    if odd or not state:
        return ", ".join(str(name) for name in odd[:5]) or "{}"
    # Tied weights share memory, which safetensors does not write.
    save_file({str(name): value.detach().clone().contiguous() for name, value in state.items()}, target)
    return ""


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    limit(source.stat().st_size)
    fault = convert(source, target)
    print(json.dumps({"fault": fault} if fault else {}))
