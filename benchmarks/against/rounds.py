"""How contenders take turns: each is a process of its own that stands still between its rounds.

A contender calls `Rounds.after_step` after each of its training steps; the parent asks one contender after
the other for a few steps and takes the median, so that a change of the machine's mood meets all of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import BaseModel

PREFIX = "round "


class Spec(BaseModel):
    """One contender."""

    name: str
    side: str
    """A key of `worker.SIDES`."""
    shards: Path
    work: Path
    """A folder of its own."""
    objective: str = "mlm"
    layers: int = 4
    hidden: int = 256
    embedding: int | None = None
    ffn: int | None = None
    rows: int = 32
    row_len: int = 128
    precision: str = "fp32"
    compile: bool = False
    threads: int = 0
    device: str = "cpu"
    warmup: int = 2
    options: dict[str, Any] = {}


class Rounds:
    """The contender's side. `wait` makes a GPU finish what it was given."""

    def __init__(self, warmup: int, wait: Callable[[], object] = lambda: None) -> None:
        self.left, self.count, self.tokens, self.begun = warmup, warmup, 0, time.perf_counter()
        self.wait = wait

    def after_step(self, tokens: int) -> None:
        """Count a step of `tokens` real tokens; at the end of a round report it and wait for the next one."""
        self.left -= 1
        self.tokens += tokens
        if self.left == self.count:  # the step before a round is not timed: the data of it lay ready
            self._begin()
        if self.left > 0:
            return
        self.wait()
        found = {"seconds": time.perf_counter() - self.begun, "tokens": self.tokens, "steps": self.count}
        print(PREFIX + json.dumps(found), flush=True)
        line = sys.stdin.readline()
        if not line:
            os._exit(0)
        self.count = int(line)
        self.left = self.count + 1

    def _begin(self) -> None:
        self.wait()
        self.begun, self.tokens = time.perf_counter(), 0


@dataclass
class Contender:
    """The parent's side of one contender; `rates` are real tokens per second, one for each round."""

    spec: Spec
    rates: list[float] = field(default_factory=list)
    step_seconds: float = 0.0
    failed: str = ""

    def launch(self) -> None:
        """Start the process; it warms up (and compiles) by itself."""
        self.begun = time.perf_counter()
        self.spec.work.mkdir(parents=True, exist_ok=True)
        (self.spec.work / "spec.json").write_text(self.spec.model_dump_json(), "utf-8")
        self.errors = (self.spec.work / "stderr.txt").open("w+")
        environment = os.environ | {"TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore"}
        if self.spec.threads:
            environment["OMP_NUM_THREADS"] = str(self.spec.threads)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "against.worker", str(self.spec.work / "spec.json")],
            cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment,
        )

    def warm_up(self, seconds: float = 3600) -> None:
        """Wait until it stands still behind its first steps; it is ended if that takes over `seconds`."""
        if self._answer(seconds) is not None:
            print(f"  {self.spec.name}: ready after {time.perf_counter() - self.begun:.0f} s", flush=True)

    def round(self, steps: int, patience: float, keep: bool = True) -> float:
        """Some steps; seconds for one."""
        if self.failed:
            return 0.0
        assert self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        found = self._answer(patience)
        if found is None:
            return 0.0
        if keep:
            self.rates.append(found["tokens"] / found["seconds"])
        return float(found["seconds"] / found["steps"])

    def _answer(self, seconds: float) -> dict[str, Any] | None:
        """The next answer; a contender that takes longer than this is ended and has failed."""
        assert self.process.stdout is not None
        timer = threading.Timer(max(0.0, seconds), self.process.kill)
        timer.start()
        try:
            for line in self.process.stdout:
                if line.startswith(PREFIX):
                    answer: dict[str, Any] = json.loads(line.removeprefix(PREFIX))
                    return answer
                print(line, end="", flush=True)
        finally:
            timer.cancel()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        self.failed = " | ".join(lines[-3:])[-400:] if lines else f"ended with {self.process.wait()}"
        print(f"  {self.spec.name}: FAILED {self.failed}", flush=True)
        return None

    def stop(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    @property
    def rate(self) -> float | None:
        """Median real tokens per second; None where nothing was measured."""
        return median(self.rates) if self.rates and not self.failed else None


def alternate(
    specs: list[Spec],
    *,
    rounds: int,
    seconds: float,
    minutes: float = 60,
    ready: float = 3600,
    patience: float = 600,
    between: Callable[[], object] = lambda: None,
    meanwhile: Callable[[], object] = lambda: None,
) -> dict[str, Contender]:
    """Let the contenders take turns: `rounds` times about `seconds` each, two when `minutes` are over.

    Who is not ready (started, compiled, warm) after `ready` seconds, or needs more than `patience` for a
    round, does not take part; `meanwhile` is done while they start.
    """
    contenders = [Contender(spec) for spec in specs]
    started = time.perf_counter()
    for contender in contenders:
        contender.launch()  # all at once: compiling keeps one core busy at best
    meanwhile()
    for contender in contenders:
        contender.warm_up(ready - (time.perf_counter() - started))
    for contender in contenders:
        contender.step_seconds = contender.round(1, patience, keep=False)
    begun = time.perf_counter()
    for number in range(rounds):
        if number >= 2 and time.perf_counter() - begun > minutes * 60:
            print(f"  time is over after {number} of {rounds} rounds")
            break
        between()
        for contender in contenders:
            contender.round(max(1, round(seconds / max(contender.step_seconds, 1e-3))), patience)
        shown = ", ".join(f"{c.spec.name} {c.rates[-1]:,.0f}" for c in contenders if c.rates)
        print(f"  round {number + 1}: {shown} tokens/s", flush=True)
    for contender in contenders:
        contender.stop()
    return {contender.spec.name: contender for contender in contenders}


def best(found: dict[str, Contender], *names: str) -> float | None:
    """The fastest of some contenders' medians."""
    rates = [found[n].rate for n in names if n in found]
    known = [rate for rate in rates if rate is not None]
    return max(known) if known else None


def ratio(ours: float | None, peer: float | None) -> float | None:
    return None if ours is None or peer is None else ours / peer


def claim(name: str, value: float | None, goal: float, form: str = ".2f") -> None:
    """The line a benchmark ends with. Larger is better."""
    if value is None:
        print(f"claim {name} - goal {goal:{form}} not-measured", flush=True)
    else:
        verdict = "ok" if value >= goal else "short"
        print(f"claim {name} {value:{form}} goal {goal:{form}} {verdict}", flush=True)
