"""Fields that do not enter a run's key change rounding only: how a batch is cut, and how often one stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from malmoi.pretrain.checkpoint import newest_checkpoint
from malmoi.pretrain.monitor.journal import read_journal
from tests.tiny.runs import MODEL, train


def weights(shards: Path, out: Path, **changes: Any) -> dict[str, torch.Tensor]:
    """The weights after the last step, with dropout everywhere; of an ELECTRA the generator's too."""
    model = MODEL.model_copy(update={"attention_dropout": 0.1})
    step = newest_checkpoint(train(shards, out, model, **{"steps": 4} | changes))
    files = [step / "model.safetensors", step / "generator" / "model.safetensors"]
    return {f"{i} {k}": v for i, f in enumerate(files) if f.exists() for k, v in load_file(f).items()}


@pytest.mark.parametrize("objective", ["mlm", "electra"])
def test_micro_batches_change_rounding_only(objective: str, shards: Path, tmp_path: Path) -> None:
    """8 rows at once and 8 rows in threes, with dropout; without it so too, and dropout does something."""
    whole = weights(shards, tmp_path / "whole", objective=objective)
    parts = weights(shards, tmp_path / "parts", objective=objective, micro_batch_size=3)
    other = weights(shards, tmp_path / "other", objective=objective, seed=1)
    assert max(float((whole[k] - parts[k]).abs().max()) for k in whole) < 2e-5
    assert max(float((whole[k] - other[k]).abs().max()) for k in whole) > 1e-2


def test_a_run_in_two_halves_is_the_whole_one_where_the_rate_does_not_ask_for_the_end(
    shards: Path, tmp_path: Path
) -> None:
    """A constant rate and a warm-up in steps: 3 steps and 3 more are 6, bit for bit."""
    steady = {"schedule": "constant", "warmup_steps": 2}
    whole = weights(shards, tmp_path / "whole", steps=6, **steady)
    weights(shards, tmp_path / "halves", steps=3, **steady)
    halves = weights(shards, tmp_path / "halves", steps=6, **steady)
    assert all(torch.equal(whole[k], halves[k]) for k in whole)


def test_a_longer_run_goes_on_with_the_rates_of_the_new_total(shards: Path, tmp_path: Path) -> None:
    """linear without warm-up, peak .003: three steps of three, then the last three of six."""
    often = {"schedule": "linear", "warmup": 0.0, "log_every": 1}
    weights(shards, tmp_path / "run", steps=3, **often)
    weights(shards, tmp_path / "run", steps=6, **often)
    rates = [entry["lr"] for entry in read_journal(tmp_path / "run") if "lr" in entry]
    assert rates == pytest.approx([0.003 * x for x in (1, 2 / 3, 1 / 3, 3 / 6, 2 / 6, 1 / 6)])
