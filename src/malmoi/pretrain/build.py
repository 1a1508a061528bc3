"""From the settings of a run to the `Trainer` that makes it: what does not go together is refused first,
before anything is written."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from malmoi.codes import Code
from malmoi.device import choose_device, choose_precision, keep_freed_memory, use_threads
from malmoi.errors import MalmoiError
from malmoi.pretrain.checkpoint import FOLDER, find_checkpoint, newest_first
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.batches import Feed, feed_of
from malmoi.pretrain.data.packing import RowTable
from malmoi.pretrain.data.random_bits import random_bits
from malmoi.pretrain.init.from_checkpoint import (
    Init,
    Vocabularies,
    check_init,
    compare_vocabularies,
    initialise_from,
    told,
)
from malmoi.pretrain.init.from_counts import check_shapes, initialise_from_counts
from malmoi.pretrain.loop import Trainer, steps_ahead
from malmoi.pretrain.monitor.probes import frequencies, unigram_loss
from malmoi.pretrain.objectives import OBJECTIVES
from malmoi.pretrain.objectives.protocol import Objective
from malmoi.progress import Reporter
from malmoi.shards.format import Shards
from malmoi.training.signals import StopRequest

HELDOUT_SEED = 0  # the held-out rows and their masks are the same in every run, so that losses compare
HELDOUT_RATE = 0.15


@dataclass(frozen=True, slots=True)
class Setup:
    """A run that can be trained.

    Attributes:
        kind: the class of the objective.
        start: a checkpoint's networks and how its vocabulary differs; None if it does not start from one.
    """

    run: RunConfig
    shards: Shards
    kind: type[Objective[Any]]
    device: torch.device
    dtype: torch.dtype
    start: tuple[Objective[Any], Vocabularies] | None

    @property
    def precision(self) -> str:
        return str(self.dtype).removeprefix("torch.")


def prepare(
    run: RunConfig,
    shards: Shards,
    out: Path,
    init: Init | None,
    reporter: Reporter,
    objective: type[Objective[Any]] | None = None,
) -> Setup:
    """Check that the settings go together and read what the run starts from.

    Raises MM0510 (rows longer than the model reads), MM0515-MM0516 (a start that does not fit), MM0401 and
    MM0411 (an impossible shape), MM0265, MM0269, MM0413 and MM0013 (an `init` that does not fit), and
    those of choosing a device.
    """
    config = run.pretrain
    if config.row_len > run.model.max_positions:
        raise MalmoiError(Code.ROW_TOO_LONG, row_len=config.row_len, max_positions=run.model.max_positions)
    kind = objective or OBJECTIVES[config.objective.name].load()
    kind.shapes(run, shards.special, shards.vocab_size)
    if config.weight_init == "cooccurrence":
        check_shapes(run, kind, shards)
    start = None
    if init and not any((out / FOLDER).glob("step-*")):
        check_init(init)
        old = kind.read(init.folder, run, shards.special, init.rows)
        start = old, compare_vocabularies(init, shards.tokenizer_folder, reporter)
    device = choose_device(config.device)
    return Setup(run, shards, kind, device, choose_precision(config.precision, device), start)


def build(
    setup: Setup, out: Path, milestones: Collection[int], reporter: Reporter, stop: StopRequest
) -> Trainer[Any]:
    """The trainer, at the newest whole checkpoint in `out` if there is one. Threads are set here.

    Raises MM0501 (no rows), MM0503 (all checkpoints damaged), MM0506 (the disk is too small), MM0507-MM0508
    (a checkpoint of another shape), MM0413 (an ELECTRA whose networks have different embeddings).
    """
    run, shards, config = setup.run, setup.shards, setup.run.pretrain
    made_of = run, shards.special, shards.vocab_size
    use_threads(config.threads)
    keep_freed_memory()
    tables = out / "rows" / shards.digest[:16] / str(config.row_len)
    train = RowTable.open(shards.train, config.row_len, tables, reporter)
    heldout = RowTable.open(shards.heldout, config.row_len, tables, reporter) if shards.heldout else None
    checkpoint = find_checkpoint(out, reporter)
    torch.manual_seed(int(random_bits(config.seed, 1 << 32)))
    objective = setup.kind.read(checkpoint, *made_of) if checkpoint else setup.kind(*made_of)
    if setup.start:
        initialise_from(objective, *setup.start)
        reporter.say("pretrain.adapted", checkpoint=config.init, **told(setup.start[1]))
    _preflight(out, objective, config.keep + len(milestones))
    collator = setup.kind.collator(*made_of)
    feed: Feed[Any] = feed_of(config, train, collator, shards.special)
    if checkpoint is None and config.weight_init == "cooccurrence":
        initialise_from_counts(objective, shards, feed.batch(0), config.seed, reporter)
    scored = _heldout(setup, heldout)
    trainer = Trainer(
        config=config,
        objective=objective.to(setup.device),
        feed=feed,
        heldout=scored,
        unigram=_unigram(shards, scored),
        run=out,
        tokenizer=shards.tokenizer_folder,
        milestones=frozenset(milestones),
        device=setup.device,
        dtype=setup.dtype,
        reporter=reporter,
        stop=stop,
        ahead=steps_ahead(setup.device),
    )
    if checkpoint is not None:
        trainer.resume(checkpoint)
        reporter.say("pretrain.resumed", step=trainer.state.step, checkpoint=checkpoint)
    reporter.say(
        "pretrain.begins",
        parameters=sum(parameter.numel() for parameter in objective.parameters()),
        rows=train.rows,
        epochs=config.steps * config.batch_size / train.rows,
        device=setup.device,
        precision=setup.precision,
    )
    return trainer


def _preflight(out: Path, objective: Objective[Any], keep: int) -> None:
    """Room for weights (shared ones are written with each model) and two moments in fp32: for `keep`
    checkpoints and the one being written, but for those that lie there."""
    written = sum(value.numel() for value in objective.state_dict().values())
    trained = sum(parameter.numel() for parameter in objective.parameters())
    needed = 4 * (written + 2 * trained) * max(1, keep + 1 - len(newest_first(out)))
    free = shutil.disk_usage(out).free
    if free < needed:
        raise MalmoiError(
            Code.NO_ROOM_FOR_CHECKPOINTS, out, needed=f"{needed / 1e6:,.0f}", free=f"{free / 1e6:,.0f}"
        )


def _heldout(setup: Setup, table: RowTable | None) -> list[Any]:
    if table is None:
        return []
    run, shards, config = setup.run, setup.shards, setup.run.pretrain
    collator = setup.kind.collator(run, shards.special, shards.vocab_size)
    rows = min(config.heldout_rows, table.rows)
    micro = min(config.micro_batch_size or config.batch_size, rows)
    feed: Feed[Any] = Feed(table, collator, shards.special, HELDOUT_SEED, HELDOUT_RATE, rows, micro)
    return list(feed.batch(0))


def _unigram(shards: Shards, heldout: list[Any]) -> float | None:
    """What word frequencies alone would score on the held-out slots; None if there are none."""
    asked = [slots for batch in heldout if (slots := batch.asked) is not None]
    if not asked:
        return None
    labels = np.concatenate([slots.labels_M.numpy() for slots in asked])
    weights = np.concatenate([slots.weights_M.numpy() for slots in asked])
    return unigram_loss(frequencies(shards.train, shards.vocab_size), labels, weights)
