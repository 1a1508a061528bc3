"""Questions put to a run that its loss does not answer: what would word frequencies score, do texts differ in
the encoder's eyes, does every weight learn, is what is tied one, does the checkpoint hold the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from malmoi.model.encoder import Encoder
from malmoi.pretrain.objectives.protocol import MicroBatch, Objective
from malmoi.shards.format import Part

B = TypeVar("B", bound=MicroBatch)

COUNTED = 32_000_000  # tokens that word frequencies are counted on: .1 s; more change the entropy by < .001
PROBED_ROWS = 64


def frequencies(parts: Sequence[Part], entries: int) -> NDArray[np.float64]:
    """Share of each vocabulary entry in the training text, (V,), one added to each count. Long corpora are
    counted on the first tokens of each part."""
    counts = np.ones(entries)
    share = COUNTED // max(1, len(parts))
    for part in parts:
        counts += np.bincount(np.asarray(part.ids[:share]), minlength=entries)[:entries]
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def unigram_loss(
    shares: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.float32]
) -> float:
    """What the masked tokens cost a model that knows word frequencies and nothing else, in nats."""
    return float(-(np.log(shares[labels]) * weights).sum() / weights.sum())


@torch.no_grad()
def first_token_cosine(encoder: Encoder, batches: Sequence[B], device: torch.device) -> float:
    """Mean cosine between the first tokens' vectors of different rows (up to 64): 1 where all texts look
    the same."""
    vectors: list[Tensor] = []
    for batch in batches:
        text = batch.text.to(device)
        firsts_R = torch.arange(0, len(text.ids_T), text.row_len, device=device)
        vectors.append(encoder(text, firsts_R).float())
        if sum(map(len, vectors)) >= PROBED_ROWS:
            break
    unit_RD = nn.functional.normalize(torch.cat(vectors)[:PROBED_ROWS], dim=1)
    R = len(unit_RD)
    if R < 2:
        return 0.0
    return float(((unit_RD @ unit_RD.T).sum() - R) / (R * (R - 1)))


def idle_weights(model: nn.Module) -> list[str]:
    """Names of weights without a gradient, or with one that is zero everywhere. Ask after a backward pass."""
    return [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not bool(parameter.grad.any()))
    ]


def untied(model: nn.Module, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Of weights that must be one, those that are two in memory."""
    named = dict(model.named_parameters(remove_duplicate=False))
    return [f"{a} ≠ {b}" for a, b in pairs if named[a].data_ptr() != named[b].data_ptr()]


def lost_weights(objective: Objective[B], checkpoint: Path) -> list[str]:
    """Weights that differ between `objective` and what is read back from its checkpoint."""
    back = objective.read(checkpoint, *objective.made_of).state_dict()
    return [
        name
        for name, value in objective.state_dict().items()
        if not torch.equal(back[name.replace("_orig_mod.", "")], value.float().cpu())
    ]
