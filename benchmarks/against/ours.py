"""malmoi's side: the product's own `pretrain`, whole; its reporter hears of each step and stops there."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from against.rounds import Rounds, Spec
from malmoi.context import Context
from malmoi.model import attention
from malmoi.model.batch import Batch
from malmoi.model.heads import MaskedLM
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.data.batches import Feed
from malmoi.pretrain.run import pretrain
from malmoi.progress import Reporter, Step

FAR = 1_000_000  # steps: scores, checkpoints and the end of the run stay out of sight


class Turns(Reporter):
    """`advance` in the training step is the end of a step. Tokens are the mean row's, times the rows: the
    product tells of tokens with each line of metrics only, and a line a step is not how it is used."""

    def __init__(self, rounds: Rounds, spec: Spec) -> None:
        self.rounds, self.spec, self.per_step = rounds, spec, 0

    @contextmanager
    def step(self, key: str, total: float | None, unit: str) -> Iterator[Step]:
        yield self

    def skip(self, amount: float) -> None:
        pass

    def advance(self, amount: float, detail: str = "") -> None:
        self.per_step = self.per_step or round(mean_row(self.spec.work / "run") * self.spec.rows)
        self.rounds.after_step(self.per_step)

    def warn(self, code: str, where: str | None = None, **values: Any) -> None:
        print(f"  {code}", flush=True)


def mean_row(run: Path) -> float:
    """Real tokens of a row, [CLS] and [SEP] included, from the tables that the run has made."""
    tokens = rows = 0
    for table in run.glob("rows/*/*/part-*"):
        lengths = np.load(table / "lengths.npy")
        tokens += int(lengths.sum()) + 2 * len(lengths)
        rows += len(np.load(table / "rows.npy")) - 1
    return tokens / rows


def configs(spec: Spec) -> tuple[PretrainConfig, ModelConfig]:
    """The product's defaults, and nothing but steps for as long as anybody asks."""
    training: dict[str, Any] = {
        "objective": spec.objective,
        "row_len": spec.row_len,
        "batch_size": spec.rows,
        "steps": FAR,
        "precision": spec.precision,
        "compile": spec.compile,
        "threads": spec.threads,
        "device": spec.device,
        "heldout_every": FAR,
        "checkpoint_every": FAR,
    }
    if "prefetch" in spec.options.get("off", []):
        training["feed"] = "thread"  # the one that `_without_prefetch` takes away
    model: dict[str, Any] = {"hidden": spec.hidden, "layers": spec.layers, "embedding": spec.embedding}
    model["ffn"] = spec.ffn
    for name, value in spec.options.items():
        section, dot, key = name.partition(".")
        if dot:
            (model if section == "model" else training)[key] = value
    model = {k: v for k, v in model.items() if v is not None}
    return PretrainConfig.model_validate(training), ModelConfig.model_validate(model)


def train(spec: Spec) -> None:
    wait = torch.cuda.synchronize if spec.device == "cuda" else (lambda: None)
    for name in spec.options.get("off", []):
        OFF[name]()
    pretrain(*configs(spec), spec.shards, spec.work / "run", Context(Turns(Rounds(spec.warmup, wait), spec)))


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
    pretrain(*configs(spec), spec.shards, spec.work / "run", Context(Turns(_Profiled(spec.warmup), spec)))


# What the product always does, taken away in this process alone, to show what each thing brings.


def _logits_everywhere() -> None:
    def forward(self: MaskedLM, batch: Batch, slots_M: Tensor) -> Tensor:
        logits_TV: Tensor = self.head(self.encoder(batch), self.encoder.embeddings.word.weight)
        return logits_TV.index_select(0, slots_M)

    MaskedLM.forward = forward  # type: ignore[method-assign]


def _without_varlen() -> None:
    attention._has_varlen = lambda device, head_dim: False


def _without_fused() -> None:
    fused = torch.optim.AdamW

    def plain(*groups: Any, **options: Any) -> torch.optim.AdamW:
        return fused(*groups, **options | {"fused": False})

    torch.optim.AdamW = plain  # type: ignore[assignment,misc]


def _without_prefetch() -> None:
    def stream(self: Feed[Any], first: int, last: int) -> Generator[Any]:
        for k in range(first, last):
            yield self.batch(k)

    Feed.stream = stream  # type: ignore[method-assign]


OFF = {
    "masked-only": _logits_everywhere,
    "varlen": _without_varlen,
    "fused": _without_fused,
    "prefetch": _without_prefetch,
}
