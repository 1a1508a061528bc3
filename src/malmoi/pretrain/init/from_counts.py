"""`weight_init = "cooccurrence"` in a run: count the shards, write the counts into its masked LM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.init.cooccurrence import start_from_counts, word_width
from malmoi.pretrain.init.counts import count, counted_tokens
from malmoi.pretrain.objectives import OBJECTIVES
from malmoi.pretrain.objectives.protocol import Objective, add_counts
from malmoi.progress import Reporter
from malmoi.shards.format import Shards
from malmoi.training.step import add


def check_shapes(run: RunConfig, kind: type[Objective[Any]], shards: Shards) -> None:
    """Raise MM0516 where the objective has no masked LM to write the counts into, MM0515 where they do not
    fit its shape."""
    name = run.pretrain.objective.name
    if OBJECTIVES[name].predicted is None:
        known = ", ".join(name for name, other in OBJECTIVES.items() if other.predicted is not None)
        raise MalmoiError(Code.NO_MASKED_LANGUAGE_MODEL, objective=name, known=known)
    for shape in kind.shapes(run, shards.special, shards.vocab_size):
        word_width(shape)


def initialise_from_counts(
    objective: Objective[Any], shards: Shards, batches: Sequence[Any], seed: int, reporter: Reporter
) -> None:
    """Write what is counted in the text into a new network; some batches choose the sharpness."""
    masked_lm = objective.masked_lm
    assert masked_lm is not None
    predicted = OBJECTIVES[objective.made_of[0].pretrain.objective.name].predicted or "loss"

    @torch.no_grad()
    def measured() -> dict[str, float]:
        objective.eval()
        sums: dict[str, torch.Tensor] = {}
        for batch in batches:
            sums = add(sums, objective(batch, add_counts(batches)).sums)
        return objective.metrics(sums)

    s = shards.special
    with reporter.step("pretrain.counting", total=counted_tokens(shards.train), unit="token") as step:
        counted = count(
            shards.train,
            shards.vocab_size,
            word_width(masked_lm.encoder.config),
            reserved=sorted({s.pad, s.unk, s.cls, s.sep, s.mask}),
            seed=seed,
            advance=step.advance,
        )
        start_from_counts(masked_lm, counted, sep=s.sep, seed=seed, score=lambda: measured()[predicted])
        objective.start_from_masked_lm(measured())
