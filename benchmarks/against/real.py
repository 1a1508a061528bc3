"""A real ELECTRA-small in the minutes that are left: measures its own rate, plans its steps, trains, saves.

The recipe: the published shape (12 x 256, embeddings 128, generator a quarter as wide), rows of 128. 256 rows
a step and not the published 128, for a step of 128 is too short to fill a large GPU; the rate 5e-4 grows with
the root of that. Random initialization: co-occurrence needs embeddings as wide as the blocks. A tenth of the
sequences become copies and three tenths segment pairs, so that segment 1 is known. All else is the product's
default; the rate falls to 0 at the last planned step. SIGTERM saves and ends.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from malmoi.context import Context
from malmoi.errors import Interrupted
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.pretrain.run import pretrain
from malmoi.progress import Reporter

MARGIN = 0.95  # of the time, and of the measured rate, that is planned for
SAVING = 3.0  # seconds


class Job(BaseModel):
    """`seconds` from the start of the process to the last step. `sizes`: of the model, where it rehearses."""

    shards: Path
    work: Path
    seconds: float
    device: str = "cuda"
    compile: bool = False
    rows: int = 256
    trial: int = 80
    sizes: dict[str, Any] = {}


class Lines(Reporter):
    """A line for each held-out score and each warning."""

    def record(self, event: str, **values: Any) -> None:
        if event == "heldout":
            names = ("heldout_loss", "heldout_generator_loss", "heldout_discriminator_auc")
            shown = ", ".join(f"{name} {values[name]:.3f}" for name in names if name in values)
            print(f"  step {values['step']}: {shown}", flush=True)

    def warn(self, code: str, where: str | None = None, **values: Any) -> None:
        print(f"  {code} {values}", flush=True)


def recipe(job: Job, steps: int) -> PretrainConfig:
    return PretrainConfig.model_validate(
        {
            "objective": "electra",
            "row_len": 128,
            "batch_size": job.rows,
            "lr": 5e-4 * (job.rows / 128) ** 0.5,
            "segment_pair_rate": 0.3,
            "copy_rate": 0.1,
            "precision": "bf16",
            "device": job.device,
            "threads": 1 if job.device == "cpu" else 0,
            "compile": job.compile,
            "feed": "process",
            "steps": steps,
            "log_every": max(1, steps // 200),
            "heldout_every": max(1, steps // 10),
            "heldout_rows": 512,
            "checkpoint_every": max(1, steps // 4),
        }
    )


def train(job: Job) -> None:
    begun = time.monotonic()
    model = ModelConfig.model_validate({"size": "electra-small"} | job.sizes)
    trial = recipe(job, job.trial).model_copy(update={"log_every": job.trial // 4})
    pretrain(trial, model, job.shards, job.work / "trial", Context(Lines()))
    last = [line for line in read_journal(job.work / "trial") if "clock" in line][-1]
    per_step = last["tokens"] / job.trial
    rate, elapsed = last["clock"]["tokens_per_s"], time.monotonic() - begun
    # Opening the shards and starting comes once more; what was compiled, most of it, lies there.
    starting = (elapsed - last["tokens"] / rate) / 4
    left = max(0.0, job.seconds - elapsed - starting - 2 * SAVING)
    steps = max(10, int(left * MARGIN * rate / per_step))
    print(
        f"  planned: {steps:,} steps of {job.rows} rows, {steps * per_step / 1e6:,.0f} M real tokens in "
        f"{left:.0f} s at {rate:,.0f} a second; lr {recipe(job, 1).lr:.1e}",
        flush=True,
    )
    manifest = pretrain(recipe(job, steps), model, job.shards, job.work / "run", Context(Lines()))
    print(
        f"  trained: {manifest.counts['tokens']:,} tokens in {manifest.timings['total_s']:.0f} s", flush=True
    )


if __name__ == "__main__":
    try:
        train(Job.model_validate_json(sys.argv[1]))
    except Interrupted as stop:
        print("  stopped by the clock; saved", flush=True)
        sys.stdout.flush()
        os._exit(stop.exit_code)
