"""Fifteen minutes of one GPU, in one command: is it right, how fast is it, and what does it learn.

    python benchmarks/gpu.py --minutes 8.5 [--shards DIR] --out DIR
    python benchmarks/gpu.py join DIR CHECKPOINT

Checks (kernels, precision, resuming, compiling), then claims in real tokens a second (BERT-base in rows of
512, ELECTRA-small in rows of 128, an encoder of 17M parameters), then an ELECTRA-small pretrained on the
shards for the time that is left, whose checkpoint lies in `--out` in bf16 pieces below 16 MB, with
`metrics.jsonl`. `join` makes a checkpoint folder of them. Without `--shards` ids are drawn by Zipf's law. A
section that fails is told and the next begins; everything is over within `--minutes`. `--only
ladder,peers,profile` asks for what each technique brings, for transformers on the same GPU, and for where a
step spends its time. `--rehearse` does the same at tiny sizes on a CPU, however long that takes. Where there
is no GPU nothing is measured.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType

import torch
from against.ladder import ladder, peers, profile, show_rates
from against.minutes import Minutes
from against.pieces import join, split
from against.real import Job
from against.rounds import Contender, alternate, best, claim
from against.shapes import GOALS, NAMES, SHAPES, Bench
from against.text import zipf_shards

from malmoi.device import matmul_rate
from malmoi.model.sizes import ModelConfig, flops_per_token
from malmoi.pretrain.checkpoint import newest_checkpoint

HERE = Path(__file__).resolve().parent
PACKING = 20.0  # seconds kept for the pieces, and for ending a run that does not end by itself
ENDING = 20.0  # seconds a run gets to save when its time is over


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=8.5)
    parser.add_argument("--shards", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", default="checks,claims,pretrain")
    parser.add_argument("--seconds", type=float, default=3.0, help="of one contender in one round")
    parser.add_argument("--rehearse", action="store_true", help="tiny, on a CPU")
    options = parser.parse_args()
    minutes = Minutes(options.minutes)
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # the processes run in another folder
    signal.signal(signal.SIGTERM, _end)
    if not torch.cuda.is_available() and not options.rehearse:
        print("no GPU here")
        for shape, (goal, _) in GOALS.items():
            claim(f"{NAMES[shape]}-real-tokens-per-s", None, goal, ".0f")
        return
    if options.rehearse:
        # What would be compiled runs as it is (compiling takes a minute), on one thread.
        os.environ |= {"TORCH_COMPILE_DISABLE": "1", "OMP_NUM_THREADS": "1"}
    else:
        print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        shards = options.shards.resolve() if options.shards else work / "shards"
        if not options.shards:
            small = {"vocab_size": 1_000, "tokens": 100_000}
            zipf_shards(shards, **(small if options.rehearse else {"vocab_size": 32_000}))
        (work / "bench").mkdir()
        programme(options, minutes, Bench(shards, work / "bench", options.rehearse), work)
    print(f"\nover, {minutes.left:.0f} s left", flush=True)


def programme(options: argparse.Namespace, minutes: Minutes, bench: Bench, work: Path) -> None:
    """The sections that were asked for, in their order."""
    chosen = options.only.split(",")
    seconds = 0.2 if bench.rehearse else options.seconds
    most = 1e4 if bench.rehearse else minutes.total  # a rehearsal on a busy machine is given its time
    checks = None
    compiled: dict[str, Contender] = {}
    eager: dict[str, Contender] = {}
    if "checks" in chosen:
        checks = _start("against.checks", str(bench.shards), str(work / "checks"), _device(bench))
    if "claims" in chosen:
        with minutes.section("claims, compiled (starting and compiling beside the checks)"):
            specs = [bench.spec(shape, f"{shape} compiled", compile=True) for shape in SHAPES]
            compiled = alternate(
                specs,
                rounds=1 if bench.rehearse else 3,
                seconds=seconds,
                patience=0.1 * most,
                ready=0.3 * most,
                meanwhile=lambda: _wait(checks, 0.25 * most),
            )
            show_rates(compiled)
        with minutes.section("claims, eager"):
            shapes = ["electra"] if bench.rehearse else list(SHAPES)
            specs = [bench.spec(shape, f"{shape} eager") for shape in shapes]
            eager = alternate(
                specs,
                rounds=1 if bench.rehearse else 2,
                seconds=seconds,
                patience=0.1 * most,
                ready=0.2 * most,
            )
            show_rates(eager)
        with minutes.section("claims"):
            for shape in SHAPES:
                tell(bench, shape, best(compiled | eager, f"{shape} compiled", f"{shape} eager"))
    _wait(checks, 0.25 * most)
    if checks is not None:
        checks.kill()
    for word, extra in (("ladder", ladder), ("peers", peers)):
        if word in chosen:
            with minutes.section(word):
                extra(bench, seconds)
    if "profile" in chosen:
        with minutes.section("profile"):
            profile(bench)
    if "pretrain" in chosen:
        with minutes.section("pretrain an ELECTRA-small"):
            slow, fast = best(eager, "electra eager"), best(compiled, "electra compiled")
            use_compile = fast is not None and fast > 1.05 * (slow or 0.0)
            print(f"  {'compiled' if use_compile else 'eager'}", flush=True)
            pretrain_for_real(options.out, minutes, bench, work, use_compile)


def tell(bench: Bench, shape: str, rate: float | None) -> None:
    """A claim, with its aim and the utilisation it means."""
    goal, aim = GOALS[shape]
    if bench.rehearse and rate is not None:
        print(f"  rehearsed: {shape} {rate:,.0f} tokens/s of its tiny double")
        rate = None
    claim(f"{NAMES[shape]}-real-tokens-per-s", rate, goal, ".0f")
    if rate is None:
        return
    told = f"  aim {aim:,}, {rate / aim:.0%} of it"
    sizes = SHAPES[shape]
    if "objective" not in sizes:
        model = ModelConfig(hidden=sizes["hidden"], layers=sizes["layers"], ffn=sizes.get("ffn"))
        cost = flops_per_token(model.resolve(vocab_size=32_000, pad_id=0), sizes["row_len"], 0.15)
        peak = matmul_rate(torch.device("cuda"), torch.bfloat16)
        told += f"; MFU {rate * cost / peak:.0%} of {peak / 1e12:.0f} TFLOP/s (rows in full, 32,000 words)"
    print(told, flush=True)


def pretrain_for_real(out: Path | None, minutes: Minutes, bench: Bench, work: Path, compiled: bool) -> None:
    """Train in a process of its own until the time is over, and leave what it saved in `out`."""
    left = 1e4 if bench.rehearse else minutes.left - PACKING
    job = Job(shards=bench.shards, work=work, seconds=left - ENDING, device=_device(bench), compile=compiled)
    if bench.rehearse:
        sizes = {"layers": 2, "hidden": 64, "embedding": 32, "generator_width": 0.5, "max_positions": 128}
        job = job.model_copy(update={"rows": 8, "trial": 4, "seconds": 3.0, "sizes": sizes})
    process = _start("against.real", job.model_dump_json())
    run = work / "run"
    try:
        _wait(process, left - ENDING)
    finally:
        process.terminate()  # it saves
        _wait(process, ENDING)
        process.kill()
        if out is not None:
            pack(run, out)
    if process.returncode not in (0, 143):
        raise RuntimeError(f"the run ended with {process.returncode}")


def pack(run: Path, out: Path) -> None:
    """The newest checkpoint of `run` in pieces, and its journal."""
    newest = newest_checkpoint(run)
    out.mkdir(parents=True, exist_ok=True)
    pieces = split(newest, out)
    shutil.copyfile(run / "metrics.jsonl", out / "metrics.jsonl")
    told = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in pieces)
    print(f"  {newest.name} in {out}: {told}", flush=True)


def _device(bench: Bench) -> str:
    return "cpu" if bench.rehearse else "cuda"


def _start(module: str, *words: str) -> subprocess.Popen[bytes]:
    """A process of its own: a kernel that fails takes the GPU's context of its process with it."""
    return subprocess.Popen([sys.executable, "-m", module, *words], cwd=HERE)


def _wait(process: subprocess.Popen[bytes] | None, seconds: float) -> None:
    if process is None:
        return
    try:
        process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        print(f"  not over after {seconds:.0f} s", flush=True)


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # sections end, and what was saved is packed


if __name__ == "__main__":
    if sys.argv[1:2] == ["join"] and len(sys.argv) == 4:
        join(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
