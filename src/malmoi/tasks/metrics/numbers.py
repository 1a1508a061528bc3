"""Scores of numbers: correlations of ranks (Spearman) and of values (Pearson), and the error.

The definitions are scipy's (tested against it); tied values share the mean of their ranks. Where a
correlation is undefined it is 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.tasks.metrics.protocol import Score


def spearman(gold_N: NDArray[np.float64], predicted_N: NDArray[np.float64]) -> float:
    """Correlation of ranks."""
    return 0.0 if is_constant(predicted_N) else correlation(ranks(gold_N), ranks(predicted_N))


def spearman_on(gold_N: NDArray[Any], predicted_N: NDArray[Any]) -> Score:
    if is_constant(predicted_N):
        return lambda rows: 0.0
    gold_places, places = (np.unique(values, return_inverse=True)[1] for values in (gold_N, predicted_N))
    return lambda rows: correlation(mean_ranks(gold_places[rows]), mean_ranks(places[rows]))


def pearson(gold_N: NDArray[np.float64], predicted_N: NDArray[np.float64]) -> float:
    """Correlation of values."""
    return 0.0 if is_constant(predicted_N) else correlation(gold_N, predicted_N)


def rmse(gold_N: NDArray[np.float64], predicted_N: NDArray[np.float64]) -> float:
    """Root of the mean squared error, on the scale of the gold scores."""
    return math.sqrt(mse(gold_N, predicted_N))


def mse(gold_N: NDArray[np.float64], predicted_N: NDArray[np.float64]) -> float:
    return float(np.mean((predicted_N - gold_N) ** 2))


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) ranks from 1; equal values share the mean of the ranks they take up."""
    return mean_ranks(np.unique(values, return_inverse=True)[1])


def mean_ranks(places: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) the same of whole numbers from 0 that are in the order of the values."""
    counts = np.bincount(places)
    mean_rank: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return mean_rank[places]


def correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pearson's; 0 where it is undefined."""
    a, b = a - a.mean(), b - b.mean()
    length = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return max(-1.0, min(1.0, float(a @ b) / length)) if length > 0 else 0.0


def is_constant(values: NDArray[np.float64]) -> bool:
    """Whether predictions are one number, but for rounding."""
    # A collapsed network's answers differ in the last bits of fp32 (1.2e-7) with the shape of the batch, and
    # the ranks of that noise would be scored as if they meant something.
    return bool(np.ptp(values) <= 1e-6 * np.abs(values).max())
