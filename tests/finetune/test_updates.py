"""What each update sees and does: other batches every epoch, other dropout every time, clipped gradients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from malmoi.finetune.batches import encode, lay_flat
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.start import pretrained
from malmoi.finetune.train import Rows, encode_rows, train
from malmoi.progress import SILENT, Reporter, Step
from malmoi.tasks.examples import Examples
from malmoi.tasks.kinds.regression import Regression
from malmoi.tasks.suites import table_task
from malmoi.training.optimizers import AdamWConfig
from tests.tiny.labelled import CPU

ROWS = 64
SETTINGS = FinetuneConfig(
    epochs=2,
    lr=1e-30,  # nothing is learned, so updates differ by their rows and their dropout alone
    batch_size=8,
    evals=1,
    optimizer=AdamWConfig(weight_decay=0.0),
    **CPU,
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As `finetune` sets it; `train` alone takes what torch has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@dataclass(frozen=True)
class Listening(Regression):
    """A kind that remembers the gold scores, which are the row numbers, and the outputs."""

    gold: list[list[int]] = field(default_factory=list)
    outputs_seen: list[list[float]] = field(default_factory=list)

    def loss(self, outputs_BC: Tensor, gold_B: Tensor) -> Tensor:
        self.gold.append([int(number) for number in gold_B])
        self.outputs_seen.append(outputs_BC[:, 0].tolist())
        return super().loss(outputs_BC, gold_B)


class Bar(Reporter):
    """How far a progress bar should go, and how far it went."""

    def __init__(self) -> None:
        self.total, self.done = 0.0, 0.0

    @contextmanager
    def step(self, key: str, total: float | None, unit: str) -> Iterator[Step]:
        self.total = total or 0.0
        yield self

    def advance(self, amount: float, detail: str = "") -> None:
        self.done += amount


def learn(
    checkpoint: Path, tmp_path: Path, reporter: Reporter = SILENT, **changes: object
) -> tuple[Listening, dict[str, float]]:
    """Train on one text, `ROWS` times; what the goal heard, and how far each weight went at most."""
    config = SETTINGS.model_copy(update=changes)
    model, tokenizer = pretrained(checkpoint).load(0, config.dropout, 1)
    texts = ["나는 정말 재미있다"] * ROWS
    examples = Examples(Path("a.csv"), list(range(ROWS)), [*texts], [str(i) for i in range(ROWS)])
    goal = Listening(0.0, 1.0)
    encoded = encode_rows(examples, Regression(0.0, 1.0), tokenizer, 16, 2).encoded
    rows = Rows(encoded, np.arange(ROWS, dtype=np.float64), examples)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    task = table_task("a", ["글"], "수", "regress")
    best = train(
        model,
        rows,
        rows,
        task,
        goal,
        config,
        device=torch.device("cpu"),
        log=tmp_path / "metrics.jsonl",
        reporter=reporter,
    )
    return goal, {name: float((best.weights[name] - old).abs().max()) for name, old in before.items()}


def test_every_epoch_has_every_row_once_in_other_batches(checkpoint: Path, tmp_path: Path) -> None:
    goal, _ = learn(checkpoint, tmp_path)
    per_epoch = ROWS // 8
    epochs = [goal.gold[i : i + per_epoch] for i in range(0, len(goal.gold), per_epoch)]
    assert len(epochs) == 2
    for epoch in epochs:
        assert sorted(row for batch in epoch for row in batch) == list(range(ROWS))
    together = [{frozenset(batch) for batch in epoch} for epoch in epochs]
    assert not together[0] & together[1]  # partitions of 64 rows into eights share a batch once in 10^8
    other, _ = learn(checkpoint, tmp_path, seed=1)
    assert not together[0] & {frozenset(batch) for batch in other.gold[:per_epoch]}


def test_every_piece_of_every_update_has_dropout_of_its_own(checkpoint: Path, tmp_path: Path) -> None:
    """All rows are one text and the weights stay, so without dropout all outputs are one number."""
    pieces = {"batch_size": 64, "tokens_per_batch": 512, "epochs": 3}
    goal, _ = learn(checkpoint, tmp_path, **pieces)
    assert [len(seen) for seen in goal.outputs_seen] == [32] * 6  # three updates of two pieces
    assert len({tuple(seen) for seen in goal.outputs_seen}) == 6
    assert all(len(set(seen)) > 16 for seen in goal.outputs_seen)
    again, _ = learn(checkpoint, tmp_path, **pieces)
    assert again.outputs_seen == goal.outputs_seen
    other, _ = learn(checkpoint, tmp_path, seed=1, **pieces)
    assert not {tuple(seen) for seen in goal.outputs_seen} & {tuple(seen) for seen in other.outputs_seen}
    calm, _ = learn(checkpoint, tmp_path, dropout=0.0, **pieces)
    assert max(map(max, calm.outputs_seen)) - min(map(min, calm.outputs_seen)) < 1e-5


def test_gradients_are_clipped(checkpoint: Path, tmp_path: Path) -> None:
    """AdamW's step is lr · m / (√v + 1e-8), whatever the gradients' scale until they are smaller than 1e-8:
    clipped to a length of 1e-13 they move nothing, unclipped every weight by about the rate."""
    _, clipped = learn(checkpoint, tmp_path, lr=1e-2, epochs=1, clip=1e-13)
    assert max(clipped.values()) < 1e-6
    entry = json.loads((tmp_path / "metrics.jsonl").read_text("utf-8").splitlines()[0])
    assert entry["norm"] > 1, "what is told is the length before"
    _, free = learn(checkpoint, tmp_path, lr=1e-2, epochs=1, clip=1e9)
    assert max(free.values()) > 1e-3


def test_what_is_written_down(checkpoint: Path, tmp_path: Path) -> None:
    """16 updates: the loss of the tenth and of the last, per row, and four looks at dev, evenly spaced."""
    bar = Bar()
    goal, _ = learn(checkpoint, tmp_path, bar, dropout=0.0, evals=4)
    assert bar.total == bar.done == 2 * ROWS
    entries = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text("utf-8").splitlines()]
    updates = [entry for entry in entries if "loss" in entry]
    assert [(entry["step"], entry["epoch"]) for entry in updates] == [(10, 1), (16, 1)]
    # Two updates of rise, then 14 of fall; each update takes the rate at its beginning.
    assert [entry["lr"] for entry in updates] == pytest.approx([1e-30 * 7 / 14, 1e-30 * 1 / 14])
    for entry in updates:
        gold, outputs = goal.gold[entry["step"] - 1], goal.outputs_seen[entry["step"] - 1]
        squared = [(a - b) ** 2 for a, b in zip(gold, outputs, strict=True)]
        assert entry["loss"] == pytest.approx(sum(squared) / 8, rel=1e-5)
    assert [entry["step"] for entry in entries if "dev_loss" in entry] == [4, 8, 12, 16]


def test_a_score_on_dev_is_asked_for_after_an_update_only(checkpoint: Path, tmp_path: Path) -> None:
    """More looks than updates: one after each."""
    learn(checkpoint, tmp_path, batch_size=32, epochs=1, evals=9)
    entries = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert [entry["step"] for entry in entries if "dev_loss" in entry] == [1, 2]


def test_the_norm_that_is_written_down(checkpoint: Path, tmp_path: Path) -> None:
    """That of the gradient of the mean loss, of all rows at once or in pieces."""
    for tokens in (512, 16384):
        goal, _ = learn(checkpoint, tmp_path, dropout=0.0, batch_size=64, epochs=1, tokens_per_batch=tokens)
        entry = json.loads((tmp_path / "metrics.jsonl").read_text("utf-8").splitlines()[0])
        model, tokenizer = pretrained(checkpoint).load(0, 0.0, 1)
        encoded = encode(tokenizer, ["나는 정말 재미있다"], 16)
        batch, firsts = lay_flat(encoded, np.array([0]))
        output = model.eval()(batch, firsts)[0, 0]
        loss = torch.stack([(output - number) ** 2 for number in range(ROWS)]).mean()
        gradients = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
        norm = torch.nn.utils.get_total_norm([g for g in gradients if g is not None])
        assert entry["loss"] == pytest.approx(loss.item(), rel=1e-4)
        assert entry["norm"] == pytest.approx(norm.item(), rel=1e-3)
    assert len(goal.gold) == 1
