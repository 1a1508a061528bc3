"""What must be right before anything is timed: the kernels, the precision, resuming, compiling.

    python -m against.checks SHARDS WORK DEVICE

Each check prints a line, `check NAME ok …` or `check NAME FAILED …`, and the next begins. On a CPU the same
lines run with the kernels that are there.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts

import torch
from torch import Tensor

from malmoi.model.attention import AttentionPlan, attend
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.checkpoint import newest_checkpoint
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.data.batches import feed_of
from malmoi.pretrain.data.packing import RowTable
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.pretrain.objectives import ElectraConfig
from malmoi.pretrain.objectives.mlm.objective import Mlm
from malmoi.pretrain.objectives.protocol import add_counts
from malmoi.pretrain.run import pretrain
from malmoi.shards.format import Shards

MODEL = ModelConfig(layers=3, hidden=256, dropout=0.0)
TINY = ModelConfig(layers=2, hidden=64, dropout=0.0)


def model_for(device: str) -> ModelConfig:
    return TINY if device == "cpu" else MODEL


def config(device: str, **changes: Any) -> PretrainConfig:
    values = {"row_len": 128, "batch_size": 16, "steps": 6, "device": device, "precision": "bf16"}
    values |= {
        "log_every": 1,
        "heldout_every": 100,
        "checkpoint_every": 100,
        "warmup": 0.5,
        "heldout_rows": 8,
    }
    if device == "cpu":
        values |= {"row_len": 64, "batch_size": 4, "threads": 1}
    return PretrainConfig.model_validate(values | changes)


def check_varlen(shards: Path, work: Path, device: str) -> str:
    """Forward and backward of the kernel against softmax(q·kᵀ/√d)·v of each sequence in fp32."""
    L, H, d = 128, 4, 64
    starts = [0, 40, 128, 129, 200, 256]
    # Empty sequences behind, as the batches have.
    cu = torch.tensor([*starts, *[256] * 10], dtype=torch.int32, device=device)
    kernel = AttentionPlan("varlen", L, cu_seqlens=cu) if device == "cuda" else _row_plan(cu, L)

    def run(dtype: torch.dtype, plan: AttentionPlan | None) -> list[Tensor]:
        generator = torch.Generator().manual_seed(1)
        made = [torch.randn(256, H, d, generator=generator).to(device, torch.bfloat16) for _ in range(3)]
        q, k, v = (x.to(dtype).requires_grad_() for x in made)
        if plan is not None:
            out = attend(q, k, v, plan)
        else:
            parts = []
            for a, b in pairwise(starts):
                scores = torch.einsum("qhd,khd->hqk", q[a:b], k[a:b]) / d**0.5
                parts.append(torch.einsum("hqk,khd->qhd", scores.softmax(-1), v[a:b]))
            out = torch.cat(parts)
        (out.float() * torch.linspace(-1, 1, d, device=device)).sum().backward()
        return [t.detach().float() for t in (out, q.grad, k.grad, v.grad) if t is not None]

    pairs = zip(run(torch.bfloat16, kernel), run(torch.float32, None), strict=True)
    worst = max(((a - b).abs().max() / b.abs().max()).item() for a, b in pairs)
    return _within(worst, 0.02, f"{kernel.kernel}, out and gradients: {worst:.4f} of the largest value")


def _row_plan(cu: Tensor, L: int) -> AttentionPlan:
    places = torch.searchsorted(cu, torch.arange(2 * L, dtype=cu.dtype), right=True).view(2, L)
    return AttentionPlan("sdpa", L, (places[:, :, None] == places[:, None, :]).unsqueeze(1))


def check_precision(shards: Path, work: Path, device: str) -> str:
    """Loss and gradients of one batch: bf16 here against fp32 here and fp32 on the CPU."""
    settings = config(device)
    opened = Shards.open(shards)
    run = RunConfig(pretrain=settings, model=model_for(device))
    made_of = run, opened.special, opened.vocab_size
    table = RowTable.open(opened.train, settings.row_len, work / "rows")
    batches = feed_of(settings, table, Mlm.collator(*made_of), opened.special).batch(0)
    torch.manual_seed(0)
    model = Mlm(*made_of)
    begin = {name: value.clone() for name, value in model.state_dict().items()}

    def step(place: str, dtype: torch.dtype) -> tuple[float, Tensor]:
        model.load_state_dict(begin)
        model.to(place).zero_grad()
        with torch.autocast(place, dtype, enabled=dtype != torch.float32):
            loss = model(batches[0].to(torch.device(place)), add_counts(batches)).total
        loss.backward()  # type: ignore[no-untyped-call]
        grads = [p.grad.double().cpu().ravel() for p in model.parameters() if p.grad is not None]
        return loss.item(), torch.cat(grads)

    (right, grads), *others = (
        step("cpu", torch.float32),
        step(device, torch.float32),
        step(device, torch.bfloat16),
    )
    told, worst = [], 0.0
    for name, (loss, found), bound in zip(("fp32", "bf16"), others, (1e-3, 0.02), strict=True):
        away = abs(loss / right - 1)
        turned = 1 - torch.nn.functional.cosine_similarity(found, grads, dim=0).item()
        told.append(f"{name} loss {away:.1e}, gradient {turned:.1e} away from the CPU's fp32")
        worst = max(worst, away / bound, turned / bound)
    return _within(worst, 1.0, "; ".join(told))


def check_resume(shards: Path, work: Path, device: str) -> str:
    """Three steps and three more against six at once, and six again: all weights, bit for bit."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        saved = []
        for name, stops in (("whole", (6,)), ("again", (6,)), ("resumed", (3, 6))):
            for steps in stops:
                # A rate that does not know the number of steps: three are then a part of six.
                settings = config(
                    device, objective=ElectraConfig(), steps=steps, schedule="constant", warmup=0.0
                )
                pretrain(settings, model_for(device), shards, work / name)
            saved.append((newest_checkpoint(work / name) / "model.safetensors").read_bytes())
    finally:
        torch.use_deterministic_algorithms(False)
    if saved[0] != saved[1]:
        raise AssertionError("two runs alike differ even with deterministic algorithms")
    if saved[0] != saved[2]:
        raise AssertionError("the resumed run differs from the undisturbed one, which repeats itself")
    return "bitwise, with deterministic algorithms"


def check_compiled(shards: Path, work: Path, device: str) -> str:
    """The losses of six steps, compiled and not."""
    found = []
    for compiled in (False, True):
        run = work / f"compiled-{compiled}"
        pretrain(config(device, compile=compiled), model_for(device), shards, run)
        found.append([line["loss"] for line in read_journal(run) if "loss" in line])
    worst = max(abs(a / b - 1) for a, b in zip(*found, strict=True))
    return _within(worst, 5e-3, f"largest difference of a loss in six steps {worst:.1e}")


def _within(value: float, bound: float, told: str) -> str:
    if not value < bound:  # NaN too
        raise AssertionError(told)
    return told


CHECKS: dict[str, Callable[[Path, Path, str], str]] = {
    "varlen": check_varlen,
    "precision": check_precision,
    "resume": check_resume,
    "compiled": check_compiled,
}


def main(shards: Path, work: Path, device: str) -> None:
    for name, check in CHECKS.items():
        begun = time.perf_counter()
        try:
            verdict = f"ok {check(shards, work / name, device)}"
        except Exception as error:
            verdict = f"FAILED {type(error).__name__}: {error}".replace("\n", " | ")[:400]
        print(f"check {name} {verdict} ({time.perf_counter() - begun:.0f} s)", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
