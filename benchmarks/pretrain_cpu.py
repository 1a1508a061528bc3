"""Claims: pretraining on a CPU, beside Hugging Face's Trainer and beside plain transformers loops.

    python benchmarks/pretrain_cpu.py [--quick] [--only mini,12x256,base,electra] [--profile]

Real tokens per second of whole steps (data, masking, forward, backward, clipping, AdamW), the median of
rounds in which the contenders take turns. Ours is the product's `pretrain` itself, including its setting
that keeps freed memory (`device.keep_freed_memory`; the peers run as their users run them) and a metrics
line a step; each contender is a process of its own. Of eager and compiled the faster counts, on both sides.
MFU is real tokens/s · FLOPs per token (`model.sizes.flops_per_token`) / the bf16 matrix rate measured
between the rounds. The Trainer needs `accelerate`; without it its claims are not measured.
About 12 minutes on two cores.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from against.ours import configs
from against.rounds import Contender, Spec, alternate, best, claim, ratio
from against.text import make_shards

from malmoi.device import choose_precision, measured_rate, use_threads
from malmoi.model.sizes import flops_per_token

VOCABULARY = 32_000
MASK_RATE = 0.15


@dataclass(frozen=True)
class Section:
    """One size: who runs at it (side, compiled) and what is claimed."""

    layers: int
    hidden: int
    rows: int
    minutes: float
    """After these no third round begins."""
    contenders: dict[str, tuple[str, bool]]
    precisions: tuple[str, ...] = ("bf16",)
    objective: str = "mlm"
    embedding: int | None = None


OURS = {"malmoi": ("malmoi", False), "malmoi compiled": ("malmoi", True)}
TRAINER = {"Trainer": ("trainer", False), "Trainer compiled": ("trainer", True)}
MASKED = {"masked only": ("masked-only", False), "masked only compiled": ("masked-only", True)}
LOOP = {"loop": ("electra-loop", False), "loop compiled": ("electra-loop", True)}
ONLY_BF16 = ("malmoi compiled", "masked only compiled")  # where the claims are tight, to save minutes
SECTIONS = {
    "mini": Section(4, 256, 32, 2.0, OURS | TRAINER | MASKED, precisions=("fp32", "bf16")),
    "12x256": Section(
        12, 256, 32, 2.5, {"malmoi": OURS["malmoi"]} | TRAINER | {"masked only": MASKED["masked only"]}
    ),
    # 16 rows: a step of 32 takes both sides more than ten seconds. The optimizer weighs twice as much.
    "base": Section(12, 768, 16, 3.0, {"malmoi": OURS["malmoi"]} | TRAINER),
    "electra": Section(
        12, 256, 32, 2.5, {"malmoi": OURS["malmoi"]} | LOOP, objective="electra", embedding=128
    ),
}
TRAINER_GOALS = {"mini": 3.0, "12x256": 1.8, "base": 1.3}
MFU_GOALS = {"mini": 0.40, "base": 0.50}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round each: does it run at all?")
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument(
        "--profile", action="store_true", help="where a step of ours spends its time, no claims"
    )
    parser.add_argument("--zipf", action="store_true", help="random ids, also where there is real text")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument(
        "--peer-attention-dropout", type=float, default=0.0, help="0: as ours; 0.1: BertConfig's default"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one contender in one round")
    options = parser.parse_args()
    threads = use_threads(options.threads)
    chosen = options.only.split(",")
    if odd := set(chosen) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(odd)}; there are {', '.join(SECTIONS)}")
    bf16 = choose_precision("auto", torch.device("cpu")) == torch.bfloat16
    print(f"torch {torch.__version__}, {threads} threads, bf16 {'in hardware' if bf16 else 'EMULATED'}")
    claims: list[tuple[str, float | None, float]] = []
    with tempfile.TemporaryDirectory() as name:
        shards = make_shards(Path(name), VOCABULARY, zipf=options.zipf)
        for title in chosen:
            section = SECTIONS[title]
            for precision in section.precisions:
                place = Path(name) / f"{title}-{precision}"
                specs = make_specs(section, precision, shards, place, threads)
                for spec in specs:
                    spec.options["attention_dropout"] = options.peer_attention_dropout
                if options.profile:
                    run_profile(title, precision, specs[0])
                else:
                    claims += run_section(title, precision, specs, options)
    for line in claims:
        claim(*line)


def make_specs(section: Section, precision: str, shards: Path, place: Path, threads: int) -> list[Spec]:
    return [
        Spec(
            name=name,
            side=side,
            shards=shards,
            work=place / name.replace(" ", "-"),
            objective=section.objective,
            layers=section.layers,
            hidden=section.hidden,
            embedding=section.embedding,
            rows=section.rows,
            precision=precision,
            compile=compiled,
            threads=threads,
        )
        for name, (side, compiled) in section.contenders.items()
        if precision == "bf16" or name not in ONLY_BF16
        if side != "trainer" or importlib.util.find_spec("accelerate")
    ]


def run_section(
    title: str, precision: str, specs: list[Spec], options: argparse.Namespace
) -> list[tuple[str, float | None, float]]:
    """Measure one size in one precision; its claims."""
    section = SECTIONS[title]
    begun = time.perf_counter()
    print(
        f"\n{title} ({section.layers}x{section.hidden}, {section.rows} rows of 128), {precision}", flush=True
    )
    matrix: list[float] = []
    found = alternate(
        specs,
        rounds=1 if options.quick else options.rounds,
        seconds=0 if options.quick else options.seconds,
        minutes=section.minutes,
        between=lambda: matrix.append(measured_rate(torch.device("cpu"), torch.bfloat16, 1.0)),
    )
    ours = best(found, "malmoi", "malmoi compiled")
    for contender in found.values():
        show(contender)
    print(f"  {time.perf_counter() - begun:.0f} s in all")
    label = f"{title}-{precision}"
    if section.objective == "electra":
        return [(f"{label}-over-transformers-loop", ratio(ours, best(found, *LOOP)), 2.0)]
    claims = [(f"{label}-over-trainer", ratio(ours, best(found, *TRAINER)), TRAINER_GOALS[title])]
    if MASKED.keys() & section.contenders.keys():
        claims.append((f"{label}-over-masked-only-loop", ratio(ours, best(found, *MASKED)), 1.15))
    if title in MFU_GOALS and precision == "bf16":
        _, model = configs(specs[0])
        encoder = model.resolve(vocab_size=VOCABULARY, pad_id=0)
        cost, peak = flops_per_token(encoder, 128, MASK_RATE), median(matrix)
        print(f"  {cost / 1e6:.1f} MFLOP a token; matrix rate {peak / 1e9:.0f} GFLOP/s in bf16")
        claims.append((f"{label}-mfu", None if ours is None else ours * cost / peak, MFU_GOALS[title]))
    return claims


def show(contender: Contender) -> None:
    rates = contender.rates
    if contender.failed:
        print(f"  {contender.spec.name:22} failed: {contender.failed}")
    elif rates:
        span = f"{min(rates):,.0f}-{max(rates):,.0f}"
        print(f"  {contender.spec.name:22} {median(rates):9,.0f} real tokens/s ({span})")


def run_profile(title: str, precision: str, spec: Spec) -> None:
    print(f"\n{title} {precision}: three steps by operator", flush=True)
    spec = spec.model_copy(update={"side": "profile"})
    spec.work.mkdir(parents=True)
    path = spec.work / "spec.json"
    path.write_text(spec.model_dump_json(), "utf-8")
    subprocess.run(
        [sys.executable, "-m", "against.worker", str(path)],
        cwd=Path(__file__).resolve().parent,
        env=os.environ | ({"OMP_NUM_THREADS": str(spec.threads)} if spec.threads else {}),
        check=True,
    )


if __name__ == "__main__":
    main()
