"""How far a score moves: from seed to seed, and had other rows of the same kind been scored.

The second is the bootstrap (Efron 1979). Answers to the same rows are scored on the same draws, so two
results may be subtracted: the spread of the differences is that of a paired comparison. Closed forms do not
do: of macro-F1 there is none, and those of correlations give half the true spread where a few answers
(simulated: 8 % of them) are wrong altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.tasks.metrics import METRICS

# Shapes: N scored rows, S draws.

DRAWS = 400  # a standard deviation from S draws is itself known to 1/sqrt(2S): 3.5 %


def resampled(
    metric: str, gold_N: NDArray[Any], predicted_N: NDArray[Any], *, draws: int = DRAWS
) -> NDArray[np.float64]:
    """(S,) the metric on S draws of N rows with replacement; the same draws for every N answers.

    Args:
        metric: a key of `METRICS`.
        gold_N: class indices or scores.
        predicted_N: likewise, N ≥ 1.
    """
    score = METRICS[metric].scorer(gold_N, predicted_N)
    random, rows = np.random.default_rng(0), len(gold_N)
    return np.array([score(random.integers(rows, size=rows)) for _ in range(draws)])


def sampling_sd(resampled_S: NDArray[np.float64]) -> float:
    """What the choice of the scored rows alone makes the metric vary by (one standard deviation)."""
    return float(resampled_S.std(ddof=1))


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (divided by n - 1); None for a single value, which has no spread."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else None
