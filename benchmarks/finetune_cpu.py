"""Claims: fine-tuning on a CPU, in examples per second, beside Hugging Face's Trainer.

    python benchmarks/finetune_cpu.py [--quick] [--precision bf16]

NSMC (the published rows where they are, else the embedded sample), BERT 4x256, 32 rows an update, at most
128 tokens a row. Ours is the product's `finetune` itself; the Trainer runs once with every row padded to 128
(eager and compiled, the faster counts) and once with its dynamic padding (DataCollatorWithPadding). Whole
updates, the median of rounds in which the contenders take turns, each in a process of its own; longer rounds
than in pretraining, for rows differ in length. Needs `accelerate` for the Trainer. About 4 minutes.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import torch
from against.rounds import Spec, alternate, best, claim, ratio
from against.text import SHARED, make_shards

from malmoi.device import choose_precision, use_threads

CONTENDERS = {
    "malmoi": ("finetune", False, ""),
    "padded to 128": ("finetune-trainer", False, "max_length"),
    "padded to 128, compiled": ("finetune-trainer", True, "max_length"),
    "dynamic padding": ("finetune-trainer", False, "longest"),
}


def inputs(folder: Path, vocab_size: int) -> tuple[Path, Path]:
    """The folder with NSMC's files and the tokenizer's."""
    nsmc = SHARED / "tasks" / "nsmc"
    if nsmc.is_dir():
        make_shards(folder, vocab_size)
        print("rows: NSMC as published")
        return nsmc, folder / "tokenizer"
    malmoi = [sys.executable, "-m", "malmoi", "--quiet"]
    for words in (
        ["sample", f"{folder}/sample"],
        ["corpus", "build", f"{folder}/sample/corpus", "--out", f"{folder}/corpus"],
        ["tokenizer", "train", f"{folder}/corpus", "--out", f"{folder}/tokenizer", "--vocab-size", "4000"],
    ):
        subprocess.run([*malmoi, *words], check=True, stdout=subprocess.DEVNULL)
    print("rows: the embedded sample (NSMC is not here)")
    return folder / "sample" / "nsmc", folder / "tokenizer"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round each: does it run at all?")
    parser.add_argument("--precision", default="", help="fp32 or bf16; by default what is fast here")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument(
        "--peer-attention-dropout", type=float, default=0.0, help="0: as ours; 0.1: BertConfig's default"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of one contender in one round")
    options = parser.parse_args()
    threads = use_threads(options.threads)
    fast = choose_precision("auto", torch.device("cpu")) == torch.bfloat16
    precision = options.precision or ("bf16" if fast else "fp32")
    print(f"torch {torch.__version__}, {threads} threads, {precision}", flush=True)
    has_trainer = importlib.util.find_spec("accelerate") is not None
    with tempfile.TemporaryDirectory() as name:
        data, tokenizer = inputs(Path(name), 600 if options.quick else 32_000)
        specs = [
            Spec(
                name=title,
                side=side,
                shards=Path(name),
                work=Path(name) / title.replace(" ", "-"),
                precision=precision,
                compile=compiled,
                threads=threads,
                warmup=5,
                options={
                    "data": str(data),
                    "tokenizer": str(tokenizer),
                    "padding": padding,
                    "attention_dropout": options.peer_attention_dropout,
                },
            )
            for title, (side, compiled, padding) in CONTENDERS.items()
            if has_trainer or side == "finetune"
        ]
        found = alternate(
            specs,
            rounds=1 if options.quick else options.rounds,
            seconds=0 if options.quick else options.seconds,
            minutes=3.5,
        )
    for title, contender in found.items():
        if contender.rates:
            span = f"{min(contender.rates):,.0f}-{max(contender.rates):,.0f}"
            print(f"  {title:24} {median(contender.rates):7,.0f} examples/s ({span})")
    ours = best(found, "malmoi")
    padded = best(found, "padded to 128", "padded to 128, compiled")
    claim(f"nsmc-4x256-{precision}-over-trainer-padded-128", ratio(ours, padded), 3.0)
    claim(f"nsmc-4x256-{precision}-over-trainer-dynamic", ratio(ours, best(found, "dynamic padding")), 1.3)


if __name__ == "__main__":
    main()
