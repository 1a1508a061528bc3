"""The training loop: a classifier and encoded rows in, the weights that do best on dev out.

AdamW, warm-up and decay of the rate, clipped gradients. Everything random is a function of (seed, epoch) or
(seed, update), so the same command gives the same bits on a CPU with the same number of threads.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from malmoi.codes import Code
from malmoi.device import choose_precision
from malmoi.errors import MalmoiError
from malmoi.finetune.answer import model_outputs
from malmoi.finetune.batches import Encoded, encode, epoch_batches, in_pieces
from malmoi.finetune.choice import Checkpoint, Choice
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.judged import judged
from malmoi.finetune.layer_decay import layer_groups
from malmoi.model.batch import Batch
from malmoi.model.heads import Classifier
from malmoi.progress import SILENT, Reporter
from malmoi.tasks.examples import Examples
from malmoi.tasks.kinds import TaskKind
from malmoi.tasks.suites import Task
from malmoi.tasks.table import some_lines
from malmoi.tokenizer.base import Tokenizer
from malmoi.training.optimizer import Optimizer
from malmoi.training.schedules import learning_rate
from malmoi.training.step import Loss, TrainingStep

# Shapes: N rows of a data set, B rows of a batch, C outputs.

LOG_EVERY = 10  # updates


@dataclass(frozen=True, slots=True)
class Rows:
    """One split, encoded: what the loop needs of it. `gold_N` are class indices or scores."""

    encoded: Encoded
    gold_N: NDArray[Any]
    examples: Examples


def encode_rows(examples: Examples, kind: TaskKind, tokenizer: Tokenizer, max_len: int, types: int) -> Rows:
    return Rows(encode(tokenizer, examples.texts, max_len, types=types), kind.gold(examples), examples)


def train(
    model: Classifier,
    train_rows: Rows,
    dev_rows: Rows,
    task: Task,
    kind: TaskKind,
    config: FinetuneConfig,
    *,
    device: torch.device,
    log: Path,
    reporter: Reporter = SILENT,
) -> Checkpoint:
    """Train for `config.epochs`; returns the checkpoint that `Choice` keeps of those scored on dev.

    Args:
        config: with every field filled in (`resolve`).
        log: JSON lines with the loss of updates and the scores on dev.

    Raises MM0615 where the loss or the gradient stops being a number.
    """
    assert config.epochs and config.lr and config.batch_size
    dtype = choose_precision(config.precision, device)
    lengths = train_rows.encoded.lengths
    updates = config.epochs * math.ceil(len(lengths) / config.batch_size)
    evaluate_at = {round(updates * k / config.evals) for k in range(1, config.evals + 1)} - {0}
    groups = layer_groups(
        model,
        blocks=model.encoder.config.layers,
        weight_decay=config.optimizer.weight_decay,
        decay=config.layer_decay,
        depth=config.layer_decay_depth,
    )
    optimizer = Optimizer(model, config.optimizer, groups)
    training_step = TrainingStep(model, optimizer, clip=config.clip, device=device, dtype=dtype)
    choice, dev = Choice(), ""
    done = 0
    started = time.monotonic()
    with (
        log.open("w", encoding="utf-8") as stream,
        reporter.step("finetune.training", total=config.epochs * len(lengths), unit="row") as step,
    ):

        def write(event: str, **values: Any) -> None:
            stream.write(json.dumps(values) + "\n")
            stream.flush()
            reporter.record(event, **values)

        for epoch in range(config.epochs):
            for rows_B in epoch_batches(len(lengths), config.batch_size, config.seed, epoch):
                rate = learning_rate(
                    done, updates, peak=config.lr, schedule=config.schedule, warmup=config.warmup
                )
                torch.manual_seed(_stream_seed(config.seed, done))  # dropout
                losses = _losses(model, train_rows, rows_B, kind, config, device)
                outcome = training_step(losses, rate, done)
                # The one place where a GPU is waited for. What is not finite has not touched the weights.
                loss, norm = torch.stack([outcome.total, outcome.norm]).tolist()
                if not math.isfinite(loss + norm):
                    raise _not_a_number(train_rows.examples, rows_B, done + 1, rate)
                done += 1
                if done % LOG_EVERY == 0 or done == updates:
                    seconds = round(time.monotonic() - started, 2)
                    write("finetune", step=done, epoch=epoch, loss=loss, lr=rate, norm=norm, seconds=seconds)
                if done in evaluate_at:
                    outputs_NC = model_outputs(
                        model,
                        dev_rows.encoded,
                        device=device,
                        tokens_per_batch=config.tokens_per_batch,
                        dtype=dtype,
                    )
                    found = judged(kind, task.metric, kind.decode(outputs_NC), dev_rows.gold_N)
                    scores = {f"dev_{name}": value for name, value in found.metrics.items()}
                    write("finetune_dev", step=done, **scores, dev_loss=found.loss)
                    choice.offer(done, found, lambda: _copy(model))
                    dev = f" dev {choice.best.dev.score:.4f}"
                shown = f"loss {loss:.3f}{dev}"
                step.advance(len(rows_B), shown)
    return choice.best  # the last update is always scored


def _losses(
    model: Classifier,
    train_rows: Rows,
    rows_B: NDArray[np.int64],
    kind: TaskKind,
    config: FinetuneConfig,
    device: torch.device,
) -> Iterator[Callable[[], Loss]]:
    """The loss of B rows, in as many pieces as the token budget asks for."""

    def loss_of(texts_B: NDArray[np.int64], batch: Batch, firsts_B: Tensor) -> Loss:
        gold_B = torch.from_numpy(train_rows.gold_N[texts_B]).to(device)
        outputs_BC = model(batch.to(device), firsts_B.to(device))
        return Loss(kind.loss(outputs_BC, gold_B) / len(rows_B))

    assert config.tokens_per_batch
    for piece in in_pieces(train_rows.encoded, rows_B, config.tokens_per_batch):
        yield partial(loss_of, *piece)


def _stream_seed(seed: int, update: int) -> int:
    return int(np.random.SeedSequence([seed, update]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in model.state_dict().items()}


def _not_a_number(examples: Examples, rows_B: NDArray[np.int64], update: int, rate: float) -> MalmoiError:
    lines = sorted(examples.lines[i] for i in rows_B)
    return MalmoiError(
        Code.NONFINITE_FINETUNE_LOSS,
        f"{examples.path}:{lines[0]}",
        update=update,
        rate=f"{rate:.2g}",
        lines=some_lines(lines, 40),
    )
