"""What `gpu.py` measures when it is asked to: the ladder of techniques, the peers, profiles."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from against.rounds import Contender, alternate, best, claim, ratio
from against.shapes import Bench

# From nothing to all: what is taken away, precision, compiled.
LADDER: list[tuple[str, list[str], str, bool]] = [
    ("plain fp32", ["varlen", "masked-only", "fused", "prefetch"], "fp32", False),
    ("+ bf16", ["varlen", "masked-only", "fused", "prefetch"], "bf16", False),
    ("+ varlen attention", ["masked-only", "fused", "prefetch"], "bf16", False),
    ("+ masked positions only", ["fused", "prefetch"], "bf16", False),
    ("+ fused AdamW", ["prefetch"], "bf16", False),
    ("+ batches from processes", [], "bf16", False),
    ("+ torch.compile", [], "bf16", True),
]


def show_rates(found: dict[str, Contender]) -> None:
    for name, contender in found.items():
        if contender.rates:
            print(f"  {name:34} {median(contender.rates):12,.0f} real tokens/s", flush=True)


def ladder(bench: Bench, seconds: float) -> None:
    """BERT-base at rows of 512 with everything taken away that we do, then given back one by one."""
    # Two groups that share a rung, so that seven models need not fit at once.
    rates: dict[str, float] = {}
    for rungs in (LADDER[:4], LADDER[3:]):
        print(f"ladder, {rungs[0][0]} to {rungs[-1][0]}, half the rows", flush=True)
        specs = [
            bench.spec("base", title, precision=precision, compile=compiled, options={"off": off}, rows=32)
            for title, off, precision, compiled in rungs
        ]
        found = alternate(specs, rounds=3, seconds=seconds, minutes=1.5)
        show_rates(found)
        before: float | None = None
        for title, *_ in rungs:
            rate = best(found, title)
            gain = ratio(rate, before)
            if gain is not None:
                print(f"  gain of {title.removeprefix('+ '):26} {gain:5.2f}x")
            rates |= {title: rate} if rate is not None else {}
            before = rate
    if LADDER[0][0] in rates and LADDER[-1][0] in rates:
        print(f"  all together: {rates[LADDER[-1][0]] / rates[LADDER[0][0]]:.2f}x", flush=True)


def peers(bench: Bench, seconds: float) -> None:
    """The better of eager and compiled beside Hugging Face's Trainer and a plain transformers loop."""
    if not all(importlib.util.find_spec(name) for name in ("transformers", "accelerate")):
        print("  no transformers and accelerate here", flush=True)
        return
    workers = {"loader_workers": 4}  # one process cannot collate fast enough for a GPU
    for shape, side, goal in (
        ("base", "trainer", "trainer"),
        ("electra", "electra-loop", "transformers-loop"),
    ):
        specs = [bench.spec(shape, f"malmoi {word}", compile=c) for word, c in COMPILED]
        specs += [
            bench.spec(shape, f"{side} {word}", side=side, compile=c, options=workers) for word, c in COMPILED
        ]
        found = alternate(specs, rounds=3, seconds=seconds, minutes=1.5)
        show_rates(found)
        ours = best(found, *(f"malmoi {word}" for word, _ in COMPILED))
        theirs = best(found, *(f"{side} {word}" for word, _ in COMPILED))
        claim(f"{bench.names[shape]}-over-{goal}", ratio(ours, theirs), 2.0)


COMPILED = (("eager", False), ("compiled", True))


def profile(bench: Bench) -> None:
    """Where a step of ours spends its time."""
    for shape in ("base", "electra"):
        spec = bench.spec(shape, f"profile {shape}", side="profile", compile=True)
        print(f"{spec.name}: three steps by operator", flush=True)
        path = spec.work / "spec.json"
        path.write_text(spec.model_dump_json(), "utf-8")
        subprocess.run(
            [sys.executable, "-m", "against.worker", str(path)],
            cwd=Path(__file__).resolve().parents[1],
            env=dict(os.environ),
            check=True,
            timeout=180,
        )
