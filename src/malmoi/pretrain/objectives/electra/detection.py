"""How well the discriminator finds replaced tokens: AUC, precision and recall from two histograms.

Histograms add up over micro-batches, steps and processes, and cost nothing beside the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

# Bins of logits from -16 to 16, a sixteenth wide; values beyond fall into the outermost ones. 0 is an edge,
# so counts at the threshold of 1/2 are exact.
BINS = 512
WIDTH = 1 / 16


@torch.no_grad()
def histogram(logits_T: Tensor, replaced_T: Tensor, real_T: Tensor) -> dict[str, Tensor]:
    """Counts of logits, (BINS,) float64, for replaced and for original tokens; padding is left out."""
    # NaN becomes a bin while it is a float: as an integer it would be an index far outside.
    places_T = torch.nan_to_num(logits_T / WIDTH + BINS / 2, nan=0.0)
    bins_T = places_T.floor().clamp(0, BINS - 1).long()
    empty = torch.zeros(BINS, dtype=torch.float64, device=logits_T.device)
    return {
        "replaced": empty.scatter_add(0, bins_T, (replaced_T * real_T).double()),
        "original": empty.scatter_add(0, bins_T, ((1 - replaced_T) * real_T).double()),
    }


def detection_metrics(sums: Mapping[str, Tensor], tokens: float) -> dict[str, float]:
    """Metrics of the summed histograms.

    `replaced_rate`; `base_entropy`: the loss of a discriminator that knows this rate and nothing else,
    -(r log r + (1-r) log(1-r)); `discriminator_auc`: the chance that a replaced token gets a higher logit
    than an original one, ties (of a bin) counted half; precision and recall of "replaced" at probability 1/2
    (0 where nothing was found or there was nothing to find).
    """
    replaced, original = sums["replaced"].cpu(), sums["original"].cpu()
    found, wrong = replaced[BINS // 2 :].sum().item(), original[BINS // 2 :].sum().item()
    positives, negatives = replaced.sum().item(), original.sum().item()
    below = original.cumsum(0) - original / 2
    pairs = positives * negatives
    rate = positives / tokens
    return {
        "replaced_rate": rate,
        "base_entropy": -sum(p * math.log(p) for p in (rate, 1 - rate) if p > 0),
        "discriminator_auc": (replaced @ below).item() / pairs if pairs else 0.5,
        "discriminator_precision": found / (found + wrong) if found + wrong else 0.0,
        "discriminator_recall": found / positives if positives else 0.0,
    }
