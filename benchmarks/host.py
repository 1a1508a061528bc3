"""Claims: the host's side of a GPU step, measured without a GPU on two quiet cores.

    python benchmarks/host.py [--quick]

A main thread launches small operators as long as a step of a fast GPU takes, takes over the next batch, and
so on: alone, beside a thread that makes the batches, beside the process that the product takes for a GPU, and
beside a process that only spins. `host-launches-kept` is the share of its operators a second that is left
beside the process; what is lost beside one that spins is lost to the machine, whose cores share caches, a
clock or a core of the host. `feed-tokens-per-s` is what the process delivers meanwhile. Short turns
alternate, medians are told. Then a step's launches and waits for the device are counted by cause, on a small
model, between two lines of metrics. Under 4 minutes.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from itertools import repeat
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch

import torch
from against.launches import CPU_ONLY, counted
from against.rounds import claim
from against.text import zipf_shards

from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.data import feeder
from malmoi.pretrain.data.batches import Feed, feed_of
from malmoi.pretrain.data.packing import RowTable
from malmoi.pretrain.loop import AHEAD
from malmoi.pretrain.objectives import OBJECTIVES
from malmoi.pretrain.run import pretrain
from malmoi.shards.format import Shards

CPU = torch.device("cpu")
VOCABULARY = 32_000
PACE = 3_300_000  # tokens a second that the imagined GPU reads: a tenth above the goal
GOAL, KEPT = 3_000_000, 0.90
REST = 0.2  # seconds
SHAPES = {128: ("electra", 512), 512: ("mlm", 64)}  # row length: objective, rows of a batch


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="does it run at all?")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zipf_shards(folder / "shards", VOCABULARY)
        for row_len in SHAPES:
            beside(folder, row_len, rounds=1 if quick else 15, seconds=0.5 if quick else 1.0)
        count_steps(folder)


def make_feed(folder: Path, row_len: int) -> Feed[Any]:
    objective, rows = SHAPES[row_len]
    kind = OBJECTIVES[objective]
    config = PretrainConfig(objective=kind.config(), row_len=row_len, batch_size=rows)
    shards = Shards.open(folder / "shards")
    model = ModelConfig(size="electra-small" if objective == "electra" else "base")
    run = RunConfig(pretrain=config, model=model)
    made = kind.load().collator(run, shards.special, VOCABULARY)
    table = RowTable.open(shards.train, row_len, folder / "rows" / str(row_len))
    return feed_of(config, table, made, shards.special)


def beside(folder: Path, row_len: int, rounds: int, seconds: float) -> None:
    """Operators a second and tokens a second: alone, beside a thread, beside the process, beside one that
    only spins. All are there all the time, and rest while it is not their turn."""
    feed = make_feed(folder, row_len)
    whole = feed.batch(0)
    print(f"\n{feed.batch_size} rows of {row_len}, {SHAPES[row_len][0]}", flush=True)
    last = 1_000_000
    found: dict[str, list[tuple[float, float]]] = {}
    with (
        closing(feed.stream(0, last)) as thread,
        closing(feeder.stream(feed, 0, last, CPU, warn=print)) as process,
        Spinning() as spinning,
    ):
        lying: Iterator[Any] = repeat(whole)
        sides = {"alone": lying, "thread": thread, "process": process, "spinning": lying}
        step_seconds = sum(batch.tokens for batch in whole) / PACE
        for number in range(rounds):
            for name, batches in sides.items():
                time.sleep(REST)  # who has just been left makes a few batches ahead
                with spinning.awake() if name == "spinning" else nullcontext():
                    launch(batches, step_seconds, 10 * step_seconds)  # what lies ready does not count
                    found.setdefault(name, []).append(launch(batches, step_seconds, seconds))
            shown = ", ".join(
                f"{n} {f[-1][0] / 1e3:.0f}k ops {f[-1][1] / 1e6:.2f}M" for n, f in found.items()
            )
            print(f"  round {number + 1}: {shown} tokens/s", flush=True)
    kept = {name: [a[0] / b[0] for a, b in zip(f, found["alone"], strict=True)] for name, f in found.items()}
    for name in ("thread", "spinning", "process"):
        low, middle, high = quantiles(kept[name], n=4) if rounds > 1 else kept[name] * 3
        print(f"  launches kept beside {name:8} {middle:.1%} (quartiles {low:.1%} to {high:.1%})")
    claim(f"host-launches-kept-{row_len}", median(kept["process"]), KEPT)
    of_spinning = [a / b for a, b in zip(kept["process"], kept["spinning"], strict=True)]
    claim(f"host-launches-kept-{row_len}-of-those-beside-a-spinning-process", median(of_spinning), KEPT)
    claim(f"feed-tokens-per-s-{row_len}", median(rate for _, rate in found["process"]), GOAL, ".0f")


class Spinning:
    """The control: a process that needs nothing but its core, asleep but for `awake`."""

    def __enter__(self) -> Spinning:
        self.process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        self.process.send_signal(signal.SIGSTOP)
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()

    @contextmanager
    def awake(self) -> Iterator[None]:
        self.process.send_signal(signal.SIGCONT)
        yield
        self.process.send_signal(signal.SIGSTOP)


def launch(batches: Iterator[Any], step_seconds: float, seconds: float) -> tuple[float, float]:
    """Launch small operators for a step's time, take a batch, and so on; operators and tokens a second."""
    small = torch.zeros(8)
    launches = tokens = 0
    begun = now = time.perf_counter()
    due = begun + step_seconds
    while now - begun < seconds:
        while now < due:
            for _ in range(20):
                small.add_(1)
            launches += 20
            now = time.perf_counter()
        tokens += sum(batch.tokens for batch in next(batches))
        now = time.perf_counter()
        due = max(due + step_seconds, now)  # a GPU that has waited does not catch up
    return launches / (now - begun), tokens / (now - begun)


def count_steps(folder: Path) -> None:
    """Launches and waits of the steps between two lines of metrics, as on a GPU."""
    shape = ModelConfig(layers=2, hidden=64, heads=1)
    worst = 0.0
    for objective in ("mlm", "electra"):
        config = PretrainConfig(
            objective=OBJECTIVES[objective].config(),
            batch_size=8,
            steps=10,
            log_every=10,
            heldout_every=10,
            checkpoint_every=10,
            precision="bf16",
            device="cpu",
        )
        with (
            patch("malmoi.pretrain.build.steps_ahead", lambda device: AHEAD),
            counted(lambda step: 1 < step < 10) as found,
        ):
            pretrain(config, shape, folder / "shards", folder / objective)
        print(f"\n{objective}, two blocks, one micro-batch: operators a step, by cause")
        for cause, count in found.launched.most_common():
            print(f"  {cause:16} {count / found.steps:7.1f}   waits {found.waited[cause] / found.steps:.1f}")
        waits = sum(count for cause, count in found.waited.items() if cause != CPU_ONLY)
        worst = max(worst, waits / found.steps)
    verdict = "ok" if worst == 0 else "short"  # here less is better
    print(f"claim syncs-per-step {worst:.2f} goal 0 {verdict}", flush=True)


if __name__ == "__main__":
    main()
