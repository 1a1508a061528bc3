"""The tokens of a text as one row of pretraining: which are predicted, what replaces them, and what the
newest checkpoint of a run predicts.

The row goes through the run's own objective, so what is shown is what is trained on. Shapes: R = 1 row, L
tokens, M slots, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from malmoi.artifact.finished import MANIFEST, read_manifest
from malmoi.json_files import expected_shape
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.objectives import OBJECTIVES
from malmoi.special import SpecialIds
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.measure import shown

if TYPE_CHECKING:  # without a tokenizer there are no masks
    from torch import Tensor

    from malmoi.pretrain.objectives.protocol import MicroBatch, Objective, Slots

TOP = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """One token of the row as training sees it. Entries are in readable form (`measure.readable`).

    Attributes:
        shown: the vocabulary entry the network reads here.
        predicted: whether the loss asks for the original.
        guesses: the most likely entries with their probabilities, if a run was given.
        sampled: what a second network reads here in place of the entry that was asked for.
        replaced: its probability that this token was replaced.
    """

    shown: str
    predicted: bool
    guesses: list[tuple[str, float]]
    sampled: str | None = None
    replaced: float | None = None


@dataclass(frozen=True, slots=True)
class Masking:
    """`objective`: its name in a recipe. `checkpoint` is None without a run."""

    objective: str
    rate: float
    seed: int
    checkpoint: Path | None
    tokens: list[Seen]


def mask_tokens(ids: Sequence[int], tokenizer: Tokenizer, seed: int) -> Masking:
    """Mask [CLS] … [SEP] as the default objective's training would, without any model. Row number 0 of
    `seed`."""
    run = RunConfig()
    settings = run.pretrain
    kind = OBJECTIVES[settings.objective.name].load()
    batch = _batch(ids, kind, (run, tokenizer.special, tokenizer.vocab_size), seed)
    asked = batch.asked
    chosen = set(asked.slots_M[asked.weights_M > 0].tolist()) if asked else set()
    entries = shown(tokenizer, batch.shown_T.numpy())
    seen = [Seen(e, i in chosen, []) for i, e in enumerate(entries)]
    return Masking(settings.objective.name, settings.mask_rate, seed, None, seen)


@dataclass(frozen=True)
class OpenRun:
    """A pretraining run's newest checkpoint with the objective that made it."""

    checkpoint: Path
    run: RunConfig
    objective: Objective[Any]


def open_run(run: Path, tokenizer: Tokenizer, checkpoint: Path) -> OpenRun:
    """Raises MM0011 and the like (no such artifact), MM0507 (another shape), and those of reading a model."""
    with expected_shape(run / MANIFEST):
        config = RunConfig.model_validate(read_manifest(run, "pretrain").config)
    kind = OBJECTIVES[config.pretrain.objective.name].load()
    objective = kind.read(checkpoint, config, tokenizer.special, tokenizer.vocab_size)
    return OpenRun(checkpoint, config, objective.eval())


def predict_masked(ids: Sequence[int], tokenizer: Tokenizer, opened: OpenRun, seed: int) -> Masking:
    """Mask by the run's objective and ask its checkpoint."""
    import torch

    objective, settings = opened.objective, opened.run.pretrain
    batch = _batch(ids, type(objective), objective.made_of, seed)
    with torch.no_grad():
        found = objective.explain(batch)
    guesses = _guesses(batch.asked, found.logits_MV, tokenizer)
    rewritten = None if found.rewritten_T is None else shown(tokenizer, found.rewritten_T.numpy())
    tokens = [
        Seen(
            entry,
            i in guesses,
            guesses.get(i, []),
            sampled=rewritten[i] if rewritten is not None and i in guesses else None,
            replaced=None if found.replaced_T is None else round(float(found.replaced_T[i]), 4),
        )
        for i, entry in enumerate(shown(tokenizer, batch.shown_T.numpy()))
    ]
    return Masking(settings.objective.name, settings.mask_rate, seed, opened.checkpoint, tokens)


def _batch(
    ids: Sequence[int], kind: type[Objective[Any]], made_of: tuple[RunConfig, SpecialIds, int], seed: int
) -> MicroBatch:
    collate = kind.collator(*made_of)
    batch: MicroBatch = collate(one_row(ids), np.zeros(1, np.int64), seed, made_of[0].pretrain.mask_rate)
    return batch


def one_row(ids: Sequence[int]) -> RowBlock:
    """A row that is one sequence without padding, its words unknown."""
    ids_RL = np.asarray(ids, np.int64)[None]
    length = ids_RL.shape[1]
    return RowBlock(
        ids_RL=ids_RL,
        positions_RL=np.arange(length)[None],
        segments_RL=np.zeros_like(ids_RL),
        lengths_R=np.array([length], np.int64),
        sequences=[[length]],
        most=1,
        middles=[[0]],
        flags_RL=np.zeros((1, length), np.uint8),
    )


def _guesses(
    asked: Slots | None, logits_MV: Tensor | None, tokenizer: Tokenizer
) -> dict[int, list[tuple[str, float]]]:
    """Token index → the likeliest entries, for the slots that count."""
    if asked is None or logits_MV is None:
        return {}
    found: dict[int, list[tuple[str, float]]] = {}
    best = logits_MV.softmax(1).topk(min(TOP, logits_MV.shape[1]))
    for m, (slot, weight) in enumerate(zip(asked.slots_M.tolist(), asked.weights_M.tolist(), strict=True)):
        if weight:
            entries = shown(tokenizer, best.indices[m].numpy())
            chances = [round(float(p), 4) for p in best.values[m]]
            found[slot] = list(zip(entries, chances, strict=True))
    return found
