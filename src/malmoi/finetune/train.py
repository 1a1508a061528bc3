"""The training loop: a classifier and encoded rows in, the weights of the best dev score out.

AdamW, linear warm-up and decay, clipped gradients. Everything random is a function of (seed, epoch) or
(seed, update), so the same command gives the same bits on a CPU with the same number of threads.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from malmoi.device import choose_precision
from malmoi.errors import MalmoiError
from malmoi.finetune.answer import autocast, probabilities
from malmoi.finetune.batches import Encoded, encode, epoch_batches, lay_flat, within_budget
from malmoi.finetune.config import FinetuneConfig
from malmoi.model.heads import Classifier
from malmoi.pretrain.schedule import rate_at
from malmoi.progress import SILENT, Reporter
from malmoi.tasks.data import TaskData
from malmoi.tasks.examples import Examples
from malmoi.tasks.metrics import Scores, classification_scores
from malmoi.tasks.table import some_lines
from malmoi.tokenizer.base import Tokenizer

# Shapes: N rows of a data set, B rows of a batch, C classes.


@dataclass(frozen=True, slots=True)
class Rows:
    """One split, encoded: what the loop needs of it."""

    encoded: Encoded
    gold_N: NDArray[np.int64]
    examples: Examples


def encode_rows(examples: Examples, labels: tuple[str, ...], tokenizer: Tokenizer, max_len: int) -> Rows:
    place = {label: i for i, label in enumerate(labels)}
    gold_N = np.array([place[label] for label in examples.labels], np.int64)
    return Rows(encode(tokenizer, examples.texts, max_len), gold_N, examples)


@dataclass(frozen=True, slots=True)
class Best:
    """The weights that scored best on dev, on the CPU; ties go to the lower dev loss."""

    step: int
    scores: Scores
    loss: float
    weights: dict[str, Tensor]


def score(answers_NC: NDArray[np.float32], rows: Rows, labels: tuple[str, ...]) -> tuple[Scores, float]:
    """Scores, and the mean negative log-likelihood of the gold labels (natural logarithm)."""
    likely_N = answers_NC[np.arange(len(rows.gold_N)), rows.gold_N]
    loss = float(-np.log(np.maximum(likely_N, 1e-12)).mean())
    return classification_scores(rows.gold_N, answers_NC.argmax(1), labels), loss


def train(
    model: Classifier,
    train_rows: Rows,
    dev_rows: Rows,
    data: TaskData,
    config: FinetuneConfig,
    *,
    device: torch.device,
    log: Path,
    reporter: Reporter = SILENT,
) -> Best:
    """Train for `config.epochs` and keep the weights with the best dev score.

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
    optimizer = torch.optim.AdamW(_groups(model, config.weight_decay), lr=config.lr, fused=True)
    best: Best | None = None
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
            for rows_B in epoch_batches(lengths, config.batch_size, config.seed, epoch):
                rate = rate_at(done, updates, peak=config.lr, warmup=config.warmup, decay="linear")
                for group in optimizer.param_groups:
                    group["lr"] = rate
                torch.manual_seed(_stream_seed(config.seed, done))  # dropout
                loss, norm = _update(model, optimizer, train_rows, rows_B, config, device, dtype)
                if not math.isfinite(loss + norm):
                    raise _not_a_number(train_rows.examples, rows_B, done + 1, rate)
                done += 1
                if done % 10 == 0 or done == updates:
                    seconds = time.monotonic() - started
                    write(
                        "finetune",
                        step=done,
                        epoch=epoch,
                        loss=loss,
                        lr=rate,
                        norm=norm,
                        seconds=round(seconds, 2),
                    )
                if done in evaluate_at:
                    answers_NC = probabilities(
                        model,
                        dev_rows.encoded,
                        device=device,
                        tokens_per_batch=config.tokens_per_batch,
                        dtype=dtype,
                    )
                    scores, dev_loss = score(answers_NC, dev_rows, data.labels)
                    write(
                        "finetune_dev",
                        step=done,
                        dev_accuracy=scores.accuracy,
                        dev_macro_f1=scores.macro_f1,
                        dev_loss=dev_loss,
                    )
                    if best is None or _rank(scores, dev_loss, data) > _rank(best.scores, best.loss, data):
                        best = Best(done, scores, dev_loss, _copy(model))
                shown = f"loss {loss:.3f}" + (
                    f" dev {best.scores.metric(data.task.metric):.4f}" if best else ""
                )
                step.advance(len(rows_B), shown)
    assert best is not None  # the last update is always evaluated
    return best


def _update(
    model: Classifier,
    optimizer: torch.optim.Optimizer,
    train_rows: Rows,
    rows_B: NDArray[np.int64],
    config: FinetuneConfig,
    device: torch.device,
    dtype: torch.dtype,
) -> tuple[float, float]:
    """One update over B rows in as many pieces as the token budget asks for; (mean loss, gradient norm)."""
    model.train()
    optimizer.zero_grad(set_to_none=True)
    loss = torch.zeros((), device=device)
    for part in within_budget(rows_B, train_rows.encoded.lengths, config.tokens_per_batch):
        batch, firsts_B = lay_flat(train_rows.encoded, part)
        gold_B = torch.from_numpy(train_rows.gold_N[part]).to(device)
        with autocast(device, dtype):
            logits_BC = model(batch.to(device), firsts_B.to(device))
        part_loss = nn.functional.cross_entropy(logits_BC.float(), gold_B, reduction="sum") / len(rows_B)
        part_loss.backward()  # type: ignore[no-untyped-call]
        loss += part_loss.detach()
    norm = nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    if torch.isfinite(loss + norm):  # never step into weights that are not numbers
        optimizer.step()
    return float(loss), float(norm)


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


def _stream_seed(seed: int, update: int) -> int:
    return int(np.random.SeedSequence([seed, update]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _rank(scores: Scores, loss: float, data: TaskData) -> tuple[float, float]:
    return scores.metric(data.task.metric), -loss


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in model.state_dict().items()}


def _not_a_number(examples: Examples, rows_B: NDArray[np.int64], update: int, rate: float) -> MalmoiError:
    lines = sorted(examples.lines[i] for i in rows_B)
    return MalmoiError(
        "MM0615",
        f"{examples.path}:{lines[0]}",
        update=update,
        rate=f"{rate:.2g}",
        lines=some_lines(lines, 40),
    )
