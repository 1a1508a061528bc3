"""Class probabilities of encoded texts: dev, test and `predict` all use this, so they cannot disagree."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray

from malmoi.finetune.batches import Encoded, lay_flat, within_budget
from malmoi.model.heads import Classifier
from malmoi.progress import Step

# Shapes: N rows, C classes, B rows of a batch.


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def uses_bf16(precision: str, device: torch.device) -> bool:
    """`auto` is bf16 where the hardware multiplies it: Ampere and later, CPUs with AVX512-BF16 or AMX."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    flags = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(flags.get("avx512_bf16") or flags.get("amx_bf16"))


def autocast(device: torch.device, bf16: bool) -> AbstractContextManager[object]:
    return torch.autocast(device.type, torch.bfloat16) if bf16 else nullcontext()


def probabilities(
    model: Classifier,
    encoded: Encoded,
    *,
    device: torch.device,
    tokens_per_batch: int,
    bf16: bool = False,
    step: Step | None = None,
) -> NDArray[np.float32]:
    """(N, C) softmax of the logits, without dropout. The model is left in evaluation mode."""
    model.eval()
    outputs = model.head.classifier.out_features
    answers_NC = np.zeros((len(encoded), outputs), np.float32)
    with torch.inference_mode():
        for rows_B in within_budget(np.arange(len(encoded)), encoded.lengths, tokens_per_batch):
            batch, firsts_B = lay_flat(encoded, rows_B)
            with autocast(device, bf16):
                logits_BC = model(batch.to(device), firsts_B.to(device))
            answers_NC[rows_B] = logits_BC.float().softmax(-1).cpu().numpy()
            if step is not None:
                step.advance(len(rows_B))
    return answers_NC
