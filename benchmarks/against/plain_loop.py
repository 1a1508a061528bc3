"""Fine-tuning as a tutorial has it: transformers' model, random batches padded to their longest text, torch's
AdamW, linear warm-up and decay. Rows, ids, scores and the choice of the checkpoint are the product's."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, get_linear_schedule_with_warmup

from malmoi.finetune.batches import Encoded
from malmoi.finetune.choice import Checkpoint, Choice
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.judged import Judged, judged
from malmoi.finetune.start import Start
from malmoi.finetune.train import Rows
from malmoi.tasks.kinds import TaskKind

UNDECAYED = ("bias", "LayerNorm.weight")


def plain_loop(
    start: Start, rows: dict[str, Rows], metric: str, kind: TaskKind, config: FinetuneConfig
) -> tuple[Checkpoint, torch.nn.Module]:
    """The checkpoint that `Choice` keeps, and the model with its weights."""
    assert config.epochs and config.lr and config.batch_size
    torch.manual_seed(config.seed)
    model = AutoModelForSequenceClassification.from_pretrained(start.weights, num_labels=kind.outputs)
    named = list(model.named_parameters())
    groups = [
        {
            "params": [p for name, p in named if not any(part in name for part in UNDECAYED)],
            "weight_decay": 0.01,
        },
        {"params": [p for name, p in named if any(part in name for part in UNDECAYED)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=config.lr)
    count = len(rows["train"].gold_N)
    updates = config.epochs * math.ceil(count / config.batch_size)
    schedule = get_linear_schedule_with_warmup(optimizer, round(config.warmup * updates), updates)
    looks = {round(updates * k / config.evals) for k in range(1, config.evals + 1)}
    generator = np.random.default_rng(config.seed)
    choice, done = Choice(), 0
    for _ in range(config.epochs):
        order = generator.permutation(count)
        for at in range(0, count, config.batch_size):
            texts_B = order[at : at + config.batch_size]
            model.train()
            outputs_BC = model(**padded(rows["train"].encoded, texts_B)).logits
            gold_B = torch.from_numpy(rows["train"].gold_N[texts_B])
            (kind.loss(outputs_BC, gold_B) / len(texts_B)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            done += 1
            if done in looks:
                found = scored(model, rows["dev"], metric, kind)
                choice.offer(done, found, lambda: {k: v.clone() for k, v in model.state_dict().items()})
    model.load_state_dict(choice.best.weights)
    return choice.best, model


def scored(model: torch.nn.Module, rows: Rows, metric: str, kind: TaskKind) -> Judged:
    """All rows of a split, without dropout."""
    model.eval()
    outputs_NC = np.zeros((len(rows.gold_N), kind.outputs), np.float32)
    with torch.inference_mode():
        for texts_B in _by_length(rows.encoded):
            outputs_NC[texts_B] = model(**padded(rows.encoded, texts_B)).logits.numpy()
    return judged(kind, metric, kind.decode(outputs_NC), rows.gold_N)


def padded(encoded: Encoded, texts_B: NDArray[np.int64]) -> dict[str, torch.Tensor]:
    """(B, L): every text padded to the longest of them."""
    starts_B, lengths_B = encoded.starts[texts_B], encoded.lengths[texts_B]
    column_L = np.arange(lengths_B.max())
    real_BL = column_L < lengths_B[:, None]
    places_BL = np.minimum(starts_B[:, None] + column_L, len(encoded.ids) - 1)
    found = {
        "input_ids": np.where(real_BL, encoded.ids[places_BL], encoded.pad_id),
        "token_type_ids": np.where(real_BL, encoded.segments[places_BL], 0),
        "attention_mask": real_BL,
    }
    return {name: torch.from_numpy(array.astype(np.int64)) for name, array in found.items()}


def _by_length(encoded: Encoded) -> Iterator[NDArray[np.int64]]:
    order = np.argsort(encoded.lengths, kind="stable")
    for at in range(0, len(order), 64):
        yield order[at : at + 64]
