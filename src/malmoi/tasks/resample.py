"""How far a score would move had other rows of the same kind been scored: the bootstrap (Efron 1979).

Answers to the same rows are scored on the same draws, so two results may be subtracted: the spread of the
differences is that of a paired comparison. Closed forms do not do: of macro-F1 there is none, and those of
correlations give half the true spread where a few answers (simulated: 8 % of them) are wrong altogether.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.tasks.metrics import correlation, is_constant, mean_ranks

# Shapes: N scored rows, S draws.

DRAWS = 400  # a standard deviation from S draws is itself known to 1/sqrt(2S): 3.5 %

Score = Callable[[NDArray[np.int64]], float]  # the metric on these rows (indices, repeated as drawn)


def resampled(
    metric: str, gold_N: NDArray[Any], predicted_N: NDArray[Any], *, draws: int = DRAWS
) -> NDArray[np.float64]:
    """(S,) the metric on S draws of N rows with replacement; the same draws for every N answers.

    Args:
        metric: one that a task may choose by (`malmoi.tasks.suites.Task.metric`).
        gold_N: class indices or scores.
        predicted_N: likewise, N ≥ 1.
    """
    score = _SCORES[metric](gold_N, predicted_N)
    random, rows = np.random.default_rng(0), len(gold_N)
    return np.array([score(random.integers(rows, size=rows)) for _ in range(draws)])


def sampling_sd(resampled_S: NDArray[np.float64]) -> float:
    """What the choice of the scored rows alone makes the metric vary by (one standard deviation)."""
    return float(resampled_S.std(ddof=1))


def _accuracy(gold_N: NDArray[Any], predicted_N: NDArray[Any]) -> Score:
    right_N = gold_N == predicted_N
    return lambda rows: float(right_N[rows].mean())


def _macro_f1(gold_N: NDArray[Any], predicted_N: NDArray[Any]) -> Score:
    classes = int(max(gold_N.max(), predicted_N.max())) + 1
    right_N = np.where(gold_N == predicted_N, gold_N, classes)  # what is wrong counts for a class beyond

    def score(rows: NDArray[np.int64]) -> float:
        right, gold, predicted = (
            np.bincount(values[rows], minlength=classes)[:classes]
            for values in (right_N, gold_N, predicted_N)
        )
        present = gold + predicted > 0
        return float((2 * right[present] / (gold + predicted)[present]).mean())

    return score


def _spearman(gold_N: NDArray[Any], predicted_N: NDArray[Any]) -> Score:
    if is_constant(predicted_N):
        return lambda rows: 0.0
    gold_places, places = (np.unique(values, return_inverse=True)[1] for values in (gold_N, predicted_N))
    return lambda rows: correlation(mean_ranks(gold_places[rows]), mean_ranks(places[rows]))


_SCORES = {
    "accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "spearman": _spearman,
}
