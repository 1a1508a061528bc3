"""What an update is: gradients clipped, dropout drawn anew each time, and none where the held-out text is
scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import nn

from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.checkpoint import newest_checkpoint, read_moments
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.data.batches import feed_of
from malmoi.pretrain.data.packing import RowBlock, RowTable
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.pretrain.objectives.masked import MaskedBatch
from malmoi.pretrain.objectives.mlm.objective import Mlm, MlmCollator
from malmoi.pretrain.run import pretrain
from malmoi.shards.format import Shards
from malmoi.training.optimizers import AdamWConfig
from malmoi.training.step import Loss
from tests.tiny.runs import MODEL, train, training

# Nothing is learned, so losses of one text differ by dropout alone.
STILL = {"lr": 1e-30, "optimizer": {"name": "adamw", "weight_decay": 0.0}, "log_every": 1}


class _OneText(MlmCollator):
    __slots__ = ()

    def __call__(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> MaskedBatch:
        count = len(rows_R)
        same = RowBlock(
            np.tile(block.ids_RL[:1] * 0 + np.arange(5, 5 + block.ids_RL.shape[1]), (count, 1)),
            np.tile(np.arange(block.ids_RL.shape[1]), (count, 1)),
            np.zeros_like(block.ids_RL),
            np.full(count, block.ids_RL.shape[1]),
            [[block.ids_RL.shape[1]]] * count,
            block.most,
            [[0]] * count,
            np.zeros_like(block.flags_RL),
        )
        return replace(super().__call__(same, np.zeros(count, np.int64), seed, rate), rows_R=rows_R)


class OneText(Mlm):
    """Every row is one text with the same masks, under its own number; losses are kept in `heard`."""

    heard: ClassVar[list[float]] = []
    collator_class = _OneText

    def forward(self, batch: MaskedBatch, counts: Mapping[str, float]) -> Loss:
        found = super().forward(batch, counts)
        if self.training:
            self.heard.append(found.total.item())
        return found


def heard(shards: Path, out: Path, dropout: float, **changes: object) -> list[float]:
    """The losses of three steps of four micro-batches of one row."""
    OneText.heard = []
    config = training(**STILL | {"steps": 3, "batch_size": 4, "micro_batch_size": 1} | changes)
    model = MODEL.model_copy(update={"dropout": dropout})
    pretrain(config, model, shards, out, objective=OneText)
    return OneText.heard


def test_every_micro_batch_of_every_step_has_dropout_of_its_own(shards: Path, tmp_path: Path) -> None:
    losses = heard(shards, tmp_path / "a", 0.3)
    assert len(losses) == 12
    assert len(set(losses)) == 12
    assert heard(shards, tmp_path / "b", 0.3) == losses
    assert not set(heard(shards, tmp_path / "c", 0.3, seed=1)) & set(losses)
    assert max(calm := heard(shards, tmp_path / "d", 0.0)) - min(calm) < 1e-6


def test_the_held_out_text_is_scored_without_dropout(shards: Path, tmp_path: Path) -> None:
    """The weights stay those of the start, which dropout has no part in."""
    found: dict[float, list[dict[str, Any]]] = {}
    for dropout in (0.0, 0.5):
        model = MODEL.model_copy(update={"dropout": dropout})
        run = train(shards, tmp_path / str(dropout), model, steps=4, heldout_every=2, **STILL)
        found[dropout] = [entry for entry in read_journal(run) if "heldout_loss" in entry]
    for name in ("heldout_loss", "heldout_accuracy", "heldout_cls_cosine"):
        values = [entry[name] for entry in found[0.0] + found[0.5]]
        assert values == pytest.approx([values[0]] * 4, rel=1e-6), name
    first, still = (read_journal(tmp_path / name)[0] for name in ("0.5", "0.0"))
    assert abs(first["loss"] - still["loss"]) > 1e-3, "while training it does change the loss"


@pytest.mark.parametrize(("clip", "length"), [(0.01, 0.01), (0.0, None), (1e6, None)])
def test_gradients_are_clipped(shards: Path, tmp_path: Path, clip: float, length: float | None) -> None:
    """After one step AdamW's first moment is (1 - beta1) times the gradient as it was used."""
    train(shards, tmp_path / "run", steps=1, clip=clip, log_every=1)
    moments = read_moments(newest_checkpoint(tmp_path / "run"))
    firsts = [tensor for name, tensor in moments.items() if name.startswith("exp_avg.")]
    used = nn.utils.get_total_norm(firsts).item() / (1 - AdamWConfig().beta1)
    told = next(entry for entry in read_journal(tmp_path / "run") if "grad_norm" in entry)["grad_norm"]
    assert told > 0.1
    assert used == pytest.approx(told if length is None else length, rel=1e-3)


def test_the_order_of_a_run_is_the_feed_s(shards: Path, tmp_path: Path) -> None:
    """More rows than the shards have: the second epoch is another order than the first."""
    table = RowTable.open(Shards.open(shards).train, 32, tmp_path / "table")
    seen: list[list[int]] = []

    class Collator(MlmCollator):
        def __call__(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> MaskedBatch:
            seen.append(block.ids_RL.ravel().tolist())
            return super().__call__(block, rows_R, seed, rate)

    class Listening(Mlm):
        collator_class = Collator

    rows = table.rows
    config = PretrainConfig(batch_size=rows, steps=2, row_len=32, heldout_rows=1, threads=1, device="cpu")
    tiny = ModelConfig(hidden=8, layers=1, heads=1, max_positions=32, dropout=0.0)
    pretrain(config, tiny, shards, tmp_path / "run", objective=Listening)
    opened = Shards.open(shards)
    run = RunConfig(pretrain=config, model=tiny)
    collator = Mlm.collator(run, opened.special, opened.vocab_size)
    feed = feed_of(config, table, collator, opened.special)
    wanted = [feed.block(feed.row_numbers(k)).ids_RL.ravel().tolist() for k in (0, 1)]
    assert [ids for ids in seen if len(ids) == rows * 32] == wanted
    assert wanted[0] != wanted[1] and sorted(wanted[0]) == sorted(wanted[1])
