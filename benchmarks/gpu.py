"""Claims: pretraining on one GPU, in real tokens per second, beside transformers on the same GPU.

    python benchmarks/gpu.py [--quick] [--only check,ladder,base,electra] [--profile]

`check`: the variable-length kernel agrees with plain attention, forward and backward, before it is timed.
`ladder`: BERT-base at rows of 512 with everything taken away that we do, then given back one by one.
`base`, `electra`: BERT-base in rows of 512 and ELECTRA-small in rows of 128, beside Hugging Face's Trainer
and a plain transformers loop of the same rows. Ids are drawn by Zipf's law, documents as long as
Wikipedia's. Whole steps, contenders take turns, medians. About 9 minutes on one H200; where there is no GPU
nothing is measured, and where there is no transformers (and accelerate) the ratios are not.

Not yet run on hardware: every number here is still to come.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import torch
from against.rounds import Contender, Spec, alternate, best, claim, ratio
from against.text import make_shards
from torch import Tensor

from malmoi.device import matmul_rate
from malmoi.model.attention import AttentionPlan, attend
from malmoi.model.sizes import ModelConfig, flops_per_token

VOCABULARY = 32_000
BASE: dict[str, Any] = {"layers": 12, "hidden": 768, "row_len": 512, "rows": 64}
# 512 rows: ELECTRA-small's published batch of 128 rows leaves most of an H200 waiting for launches.
SMALL: dict[str, Any] = {"layers": 12, "hidden": 256, "embedding": 128, "row_len": 128, "rows": 512}
# From nothing to all: what is taken away, precision, compiled.
LADDER: list[tuple[str, list[str], str, bool]] = [
    ("plain fp32", ["varlen", "masked-only", "fused", "prefetch"], "fp32", False),
    ("+ bf16", ["varlen", "masked-only", "fused", "prefetch"], "bf16", False),
    ("+ varlen attention", ["masked-only", "fused", "prefetch"], "bf16", False),
    ("+ masked positions only", ["fused", "prefetch"], "bf16", False),
    ("+ fused AdamW", ["prefetch"], "bf16", False),
    ("+ prefetch thread", [], "bf16", False),
    ("+ torch.compile", [], "bf16", True),
]
CLAIMS = {  # name: (goal, aim)
    "bert-base-512-real-tokens-per-s": (500_000, 650_000),
    "electra-small-128-real-tokens-per-s": (1_500_000, 2_500_000),
    "bert-base-512-over-trainer": (2.0, 2.0),
    "electra-small-128-over-transformers-loop": (2.0, 2.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round each: does it run at all?")
    parser.add_argument("--only", default="check,ladder,base,electra")
    parser.add_argument(
        "--profile", action="store_true", help="where a step of ours spends its time, no claims"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one contender in one round")
    options = parser.parse_args()
    values: dict[str, float | None] = dict.fromkeys(CLAIMS)
    if torch.cuda.is_available():
        print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}", flush=True)
        with tempfile.TemporaryDirectory() as name:
            shards = make_shards(Path(name), VOCABULARY, zipf=True)
            measure(options, shards, Path(name), values)
    else:
        print("no GPU here")
    for name, (goal, aim) in CLAIMS.items():
        if values[name] is not None and aim != goal:
            print(f"{name}: aim {aim:,}, {values[name] / aim:.0%} of it")  # type: ignore[operator]
        claim(name, values[name], goal, ".2f" if goal < 100 else ".0f")


def measure(options: argparse.Namespace, shards: Path, work: Path, values: dict[str, float | None]) -> None:
    """Run the sections that were asked for and fill in the claims' values."""
    chosen = options.only.split(",")

    def spec(title: str, side: str, **fields: Any) -> Spec:
        place = work / f"{len(list(work.iterdir()))}-{title.replace(' ', '-')}"
        place.mkdir()
        return Spec(
            name=title, side=side, shards=shards, work=place, device="cuda", threads=4, warmup=5, **fields
        )

    def turns(specs: list[Spec]) -> dict[str, Contender]:
        found = alternate(
            specs,
            rounds=1 if options.quick else options.rounds,
            seconds=0.2 if options.quick else options.seconds,
            minutes=1.5,
        )
        for name, contender in found.items():
            if contender.rates:
                print(f"  {name:26} {median(contender.rates):12,.0f} real tokens/s")
        return found

    if options.profile:
        profile(spec("bert-base", "profile", precision="bf16", compile=True, **BASE))
        profile(spec("electra", "profile", objective="electra", precision="bf16", compile=True, **SMALL))
        return
    if "check" in chosen:
        check_varlen()
    if "ladder" in chosen:
        # Two groups that share a rung, so that seven models need not fit at once.
        rates: dict[str, float] = {}
        for rungs in (LADDER[:4], LADDER[3:]):
            print(f"\nladder, {rungs[0][0]} to {rungs[-1][0]}, half the rows", flush=True)
            found = turns(
                [
                    spec(
                        title,
                        "malmoi",
                        precision=precision,
                        compile=compiled,
                        options={"off": off},
                        **BASE | {"rows": 32},
                    )
                    for title, off, precision, compiled in rungs
                ]
            )
            before: float | None = None
            for title, *_ in rungs:
                rate = best(found, title)
                gain = ratio(rate, before)
                if gain is not None:
                    print(f"  gain of {title.removeprefix('+ '):26} {gain:5.2f}x")
                rates |= {title: rate} if rate is not None else {}
                before = rate
        if LADDER[0][0] in rates and LADDER[-1][0] in rates:
            print(f"  all together: {rates[LADDER[-1][0]] / rates[LADDER[0][0]]:.2f}x")
        print("  CUDA graphs: the product has none")
    transformers = all(importlib.util.find_spec(name) for name in ("transformers", "accelerate"))
    if "base" in chosen:
        print("\nBERT-base, 64 rows of 512, bf16", flush=True)
        specs = [spec(t, "malmoi", precision="bf16", compile=c, **BASE) for t, c in OURS]
        if transformers:
            workers = {"loader_workers": 4}  # one process cannot collate fast enough for a GPU
            specs += [
                spec(t, "trainer", precision="bf16", compile=c, options=workers, **BASE)
                for t, c in (("Trainer", False), ("Trainer compiled", True))
            ]
        found = turns(specs)
        ours = best(found, *dict(OURS))
        values["bert-base-512-real-tokens-per-s"] = ours
        values["bert-base-512-over-trainer"] = ratio(ours, best(found, "Trainer", "Trainer compiled"))
        show_mfu(ours)
    if "electra" in chosen:
        print("\nELECTRA-small, 512 rows of 128, bf16", flush=True)
        electra = SMALL | {"objective": "electra", "precision": "bf16"}
        specs = [spec(t, "malmoi", compile=c, **electra) for t, c in OURS]
        if transformers:
            specs += [
                spec(t, "electra-loop", compile=c, options={"loader_workers": 4}, **electra)
                for t, c in (("loop", False), ("loop compiled", True))
            ]
        found = turns(specs)
        ours = best(found, *dict(OURS))
        values["electra-small-128-real-tokens-per-s"] = ours
        values["electra-small-128-over-transformers-loop"] = ratio(ours, best(found, "loop", "loop compiled"))


OURS = (("malmoi", False), ("malmoi compiled", True))


def show_mfu(rate: float | None) -> None:
    config = ModelConfig(size="base").resolve(vocab_size=VOCABULARY, pad_id=0)
    peak = matmul_rate(torch.device("cuda"), torch.bfloat16)
    if rate is not None:
        share = rate * flops_per_token(config, BASE["row_len"], 0.15) / peak
        print(f"  MFU {share:.0%} of {peak / 1e12:.0f} TFLOP/s (rows computed in full; varlen computes less)")


def check_varlen() -> None:
    """Forward and backward of the kernel against softmax(q·kᵀ/√d)·v of each sequence in fp32."""
    torch.manual_seed(0)
    device, L, H, d = torch.device("cuda"), 128, 4, 64
    starts = [0, 40, 128, 129, 200, 256]
    cu = torch.tensor([*starts, *[256] * 10], dtype=torch.int32, device=device)  # empty sequences behind

    def run(dtype: torch.dtype, plan: AttentionPlan | None) -> list[Tensor]:
        generator = torch.Generator(device).manual_seed(1)
        qkv = [torch.randn(256, H, d, device=device, generator=generator) for _ in range(3)]
        q, k, v = (x.to(torch.bfloat16).to(dtype).requires_grad_() for x in qkv)
        if plan is not None:
            out = attend(q, k, v, plan)
        else:
            parts = []
            for a, b in pairwise(starts):
                scores = torch.einsum("qhd,khd->hqk", q[a:b], k[a:b]) / d**0.5
                parts.append(torch.einsum("hqk,khd->qhd", scores.softmax(-1), v[a:b]))
            out = torch.cat(parts)
        (out.float() * torch.linspace(-1, 1, d, device=device)).sum().backward()
        return [t.float() for t in (out, q.grad, k.grad, v.grad) if t is not None]

    found = run(torch.bfloat16, AttentionPlan("varlen", L, cu_seqlens=cu))
    wanted = run(torch.float32, None)
    for name, one, other in zip(("out", "dq", "dk", "dv"), found, wanted, strict=True):
        worst = ((one - other).abs().max() / other.abs().max()).item()
        print(f"varlen against fp32, {name}: largest difference {worst:.4f} of the largest value", flush=True)
        if not worst < 0.02:
            sys.exit("the variable-length kernel is wrong: timing it would prove nothing")


def profile(spec: Spec) -> None:
    print(f"\n{spec.name}: three steps by operator", flush=True)
    path = spec.work / "spec.json"
    path.write_text(spec.model_dump_json(), "utf-8")
    subprocess.run(
        [sys.executable, "-m", "against.worker", str(path)],
        cwd=Path(__file__).resolve().parent,
        env=dict(os.environ),
        check=True,
    )


if __name__ == "__main__":
    main()
