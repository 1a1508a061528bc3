"""The tokens of a text as one row of pretraining: which are predicted, what replaces them, and what the
newest checkpoint of a run predicts.

The row goes through the run's own objective (`Mlm.batch`, `Electra.batch`), so what is shown is what is
trained on. Shapes: R = 1 row, L tokens, M slots, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from malmoi.artifact.finished import MANIFEST, read_manifest
from malmoi.json_files import expected_shape
from malmoi.pretrain.data.masking import mask_rows
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.measure import shown

if TYPE_CHECKING:
    from malmoi.pretrain.data.packing import RowBlock

RATE = 0.15
TOP = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """One token of the row as training sees it. Entries are in readable form (`measure.readable`).

    Attributes:
        shown: the vocabulary entry the network reads here.
        predicted: whether the loss asks for the original.
        guesses: the most likely entries with their probabilities, if a run was given.
        sampled: ELECTRA: the generator's sample that the discriminator reads here.
        replaced: ELECTRA: the discriminator's probability that this token was replaced.
    """

    shown: str
    predicted: bool
    guesses: list[tuple[str, float]]
    sampled: str | None = None
    replaced: float | None = None


@dataclass(frozen=True, slots=True)
class Masking:
    """`objective`: mlm or electra. `checkpoint` is None without a run."""

    objective: str
    rate: float
    seed: int
    checkpoint: Path | None
    tokens: list[Seen]


def mask_tokens(ids: Sequence[int], tokenizer: Tokenizer, seed: int) -> Masking:
    """Mask [CLS] … [SEP] as a masked LM's training would, without any model. Row number 0 of `seed`."""
    ids_RL = np.asarray(ids, np.int64)[None]
    masked = mask_rows(
        ids_RL,
        np.zeros(1, np.int64),
        seed,
        rate=RATE,
        special=tokenizer.special,
        vocab_size=tokenizer.vocab_size,
    )
    chosen = set(masked.slots_RC[masked.weights_RC > 0].tolist())
    entries = shown(tokenizer, masked.ids_RL[0])
    return Masking("mlm", RATE, seed, None, [Seen(e, i in chosen, []) for i, e in enumerate(entries)])


@dataclass(frozen=True)
class OpenRun:
    """A pretraining run's newest checkpoint with the objective that made it."""

    checkpoint: Path
    name: str
    objective: Any
    model: Any
    rate: float
    row_len: int


def open_run(run: Path, tokenizer: Tokenizer, checkpoint: Path) -> OpenRun:
    """Raises MM0011 and the like (no such artifact), MM0507 (another shape), and those of reading a model."""
    from malmoi.pretrain.config import RunConfig
    from malmoi.pretrain.run import OBJECTIVES

    with expected_shape(run / MANIFEST):
        config = RunConfig.model_validate(read_manifest(run, "pretrain").config)
    objective = OBJECTIVES[config.pretrain.objective](config, tokenizer.special, tokenizer.vocab_size)
    model = objective.read(checkpoint).eval()
    pretraining = config.pretrain
    return OpenRun(
        checkpoint, pretraining.objective, objective, model, pretraining.mask_rate, pretraining.row_len
    )


def predict_masked(ids: Sequence[int], tokenizer: Tokenizer, run: OpenRun, seed: int) -> Masking:
    """Mask by the run's objective and ask its checkpoint."""
    import torch

    block = one_row(ids)
    batch = run.objective.batch(block, np.zeros(1, np.int64), seed, run.rate)
    with torch.no_grad():
        tokens = _electra(batch, tokenizer, run) if run.name == "electra" else _mlm(batch, tokenizer, run)
    return Masking(run.name, run.rate, seed, run.checkpoint, tokens)


def one_row(ids: Sequence[int]) -> RowBlock:
    """A row that is one sequence without padding."""
    from malmoi.pretrain.data.packing import RowBlock

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
    )


def _mlm(batch: Any, tokenizer: Tokenizer, run: OpenRun) -> list[Seen]:
    logits_MV = run.model(batch.inputs, batch.slots_M).float()
    guesses = _guesses(batch, logits_MV, tokenizer)
    entries = shown(tokenizer, batch.inputs.ids_T.numpy())
    return [Seen(entry, i in guesses, guesses.get(i, [])) for i, entry in enumerate(entries)]


def _electra(batch: Any, tokenizer: Tokenizer, run: OpenRun) -> list[Seen]:
    logits_MV = run.model.generator(replace(batch.text, ids_T=batch.masked_ids_T), batch.slots_M).float()
    guesses = _guesses(batch, logits_MV, tokenizer)
    corrupted_T, _ = run.objective.corrupt(batch, run.objective.sample(logits_MV, batch))
    replaced_T = run.model.discriminator(replace(batch.text, ids_T=corrupted_T)).float().sigmoid()
    entries = shown(tokenizer, batch.masked_ids_T.numpy())
    sampled = shown(tokenizer, corrupted_T.numpy())
    return [
        Seen(
            entry,
            i in guesses,
            guesses.get(i, []),
            sampled=sampled[i] if i in guesses else None,
            replaced=round(float(replaced_T[i]), 4),
        )
        for i, entry in enumerate(entries)
    ]


def _guesses(batch: Any, logits_MV: Any, tokenizer: Tokenizer) -> dict[int, list[tuple[str, float]]]:
    """Token index → the likeliest entries, for the slots that count."""
    found: dict[int, list[tuple[str, float]]] = {}
    best = logits_MV.softmax(1).topk(min(TOP, logits_MV.shape[1]))
    for m, (slot, weight) in enumerate(zip(batch.slots_M.tolist(), batch.weights_M.tolist(), strict=True)):
        if weight:
            entries = shown(tokenizer, best.indices[m].numpy())
            chances = [round(float(p), 4) for p in best.values[m]]
            found[slot] = list(zip(entries, chances, strict=True))
    return found
