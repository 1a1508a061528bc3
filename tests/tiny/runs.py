"""Pretraining of a second: its settings, runs with some of them changed, and what equal runs share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.pretrain.run import pretrain

MODEL = ModelConfig(hidden=32, layers=2, heads=2, max_positions=32, dropout=0.1)
TRAINING = PretrainConfig(
    row_len=32,
    batch_size=8,
    steps=12,
    lr=3e-3,
    log_every=3,
    heldout_every=6,
    heldout_rows=16,
    checkpoint_every=4,
    precision="fp32",
    device="cpu",
    threads=1,
    keep=2,
)


def training(**changes: Any) -> PretrainConfig:
    """The settings with some changed, checked as those of a recipe are."""
    return PretrainConfig.model_validate(TRAINING.model_dump() | changes)


def train(shards: Path, out: Path, model: ModelConfig = MODEL, **changes: Any) -> Path:
    """A run with some settings changed."""
    pretrain(training(**changes), model, shards, out)
    return out


def journal(run: Path) -> list[dict[str, Any]]:
    """The journal without the clock."""
    return [{name: value for name, value in line.items() if name != "clock"} for line in read_journal(run)]


def contents(run: Path) -> dict[str, object]:
    """All that must not differ: every byte of the checkpoints, and the journal without the clock."""
    files = {str(p.relative_to(run)): p.read_bytes() for p in (run / "checkpoints").rglob("*") if p.is_file()}
    return files | {"journal": journal(run)}
