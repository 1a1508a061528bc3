"""malmoi's side: the product's own `pretrain`, whole; its reporter hears of each step and stops there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from against.rounds import Rounds, Spec
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.run import pretrain
from malmoi.progress import Reporter, Step

FAR = 1_000_000  # steps: scores, checkpoints and the end of the run stay out of sight


class Turns(Reporter):
    """`record` brings the tokens so far, `advance` follows it: the end of a step."""

    def __init__(self, rounds: Rounds) -> None:
        self.rounds, self.tokens, self.before = rounds, 0, 0

    @contextmanager
    def step(self, key: str, total: float | None, unit: str) -> Iterator[Step]:
        yield self

    def advance(self, amount: float, detail: str = "") -> None:
        if amount:
            self.rounds.after_step(self.tokens - self.before)
            self.before = self.tokens

    def record(self, event: str, **values: Any) -> None:
        if event == "train":
            self.tokens = int(values["tokens"])

    def warn(self, code: str, where: str | None = None, **values: Any) -> None:
        print(f"  {code}", flush=True)


def configs(spec: Spec) -> tuple[PretrainConfig, ModelConfig]:
    """A metrics line every step, or the reporter would not hear of tokens: more than the product writes."""
    training: dict[str, Any] = {
        "objective": spec.objective,
        "row_len": spec.row_len,
        "batch_rows": spec.rows,
        "steps": FAR,
        "precision": spec.precision,
        "compile": spec.compile,
        "threads": spec.threads,
        "device": spec.device,
        "log_every": 1,
        "heldout_every": FAR,
        "checkpoint_every": FAR,
    }
    model: dict[str, Any] = {"hidden": spec.hidden, "layers": spec.layers, "embedding": spec.embedding}
    for name, value in spec.options.items():
        section, _, key = name.partition(".")
        (model if section == "model" else training)[key] = value
    model = {k: v for k, v in model.items() if v is not None}
    return PretrainConfig.model_validate(training), ModelConfig.model_validate(model)


def train(spec: Spec) -> None:
    wait = torch.cuda.synchronize if spec.device == "cuda" else (lambda: None)
    pretrain(*configs(spec), spec.shards, spec.work / "run", reporter=Turns(Rounds(spec.warmup, wait)))


class _Profiled(Rounds):
    """Three steps under torch's profiler, a table by operator, and the end."""

    def after_step(self, tokens: int) -> None:
        self.left -= 1
        if self.left == 0:
            self.profiler = torch.profiler.profile(record_shapes=False)
            self.profiler.__enter__()
        if self.left == -3:
            self.profiler.__exit__(None, None, None)
            by = "self_cuda_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
            print(self.profiler.key_averages().table(sort_by=by, row_limit=15, max_name_column_width=48))
            os._exit(0)


def profile(spec: Spec) -> None:
    pretrain(*configs(spec), spec.shards, spec.work / "run", reporter=Turns(_Profiled(spec.warmup)))
