"""Fine-tuning as ELECTRA's authors published it: their rates and their optimizer reach the weights."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.run import finetune
from malmoi.finetune.start import pretrained
from malmoi.tasks.data import TaskData, read_task
from malmoi.training.optimizers import AdamWConfig


@pytest.fixture(scope="module")
def data(config: FinetuneConfig) -> TaskData:
    return read_task(config)


def learn(config: FinetuneConfig, data: TaskData, checkpoint: Path, out: Path, **changes: Any) -> Path:
    asked = config.model_copy(update={"epochs": 1, "evals": 1, "head": "linear"} | changes)
    finetune(asked, data, pretrained(checkpoint), out)
    return out


def test_the_rates_are_the_published_ones(
    config: FinetuneConfig, data: TaskData, checkpoint: Path, tmp_path: Path
) -> None:
    """216 rows in batches of 16 are 14 updates; the tenth and the last are logged."""
    run = learn(config, data, checkpoint, tmp_path / "run", schedule="electra", warmup=0.8)
    events = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    rates = {e["step"]: e["lr"] for e in events if "lr" in e}
    wanted = {
        step: config.lr * (1 - (step - 1) / 14) * min(1.0, (step - 1) / (0.8 * 14)) for step in (10, 14)
    }
    assert rates == {step: pytest.approx(rate) for step, rate in wanted.items()}


def test_the_first_update_without_correction_is_three_times_as_long(
    config: FinetuneConfig, data: TaskData, checkpoint: Path, tmp_path: Path
) -> None:
    """One update at a constant rate: corrected, Adam's first step has the size of the rate; uncorrected it is
    (1 - .9) / √(1 - .999) = 3.16 times that (google-research/electra, AdamWeightDecayOptimizer)."""
    one = {"batch_size": 1000, "schedule": "constant", "warmup": 0.0, "lr": 1e-4}
    start = load_file(checkpoint / "model.safetensors")
    name = "encoder.layer.0.intermediate.dense.weight"
    before = next(value for key, value in start.items() if key.endswith(name))
    moved = {}
    for corrected in (True, False):
        out = tmp_path / str(corrected)
        adamw = AdamWConfig(beta2=0.999, weight_decay=0.0, eps=1e-12, bias_correction=corrected)
        run = learn(config, data, checkpoint, out, optimizer=adamw, dropout=0.0, **one)
        after = load_file(run / "model" / "model.safetensors")
        now = next(value for key, value in after.items() if key.endswith(name))
        moved[corrected] = (now - before).abs().median().item()
    assert moved[True] == pytest.approx(1e-4, rel=0.01)
    assert moved[False] == pytest.approx(1e-4 * 0.1 / math.sqrt(0.001), rel=0.01)


def test_the_output_layer_starts_glorot_where_asked(checkpoint: Path) -> None:
    plain, _ = pretrained(checkpoint).load(0, 0.1, 2, "linear")
    published, _ = pretrained(checkpoint).load(0, 0.1, 2, "linear", glorot=True)
    assert plain.head.classifier.weight.abs().max() <= 0.04
    bound = (6 / (32 + 2)) ** 0.5
    assert 0.5 * bound < published.head.classifier.weight.abs().max() <= bound
    assert torch.equal(plain.encoder.embeddings.word.weight, published.encoder.embeddings.word.weight)
