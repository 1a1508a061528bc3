"""A metric: the share of the numbers that are off by one at most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from malmoi.tasks.metrics import Metric


def within_one(gold_N: NDArray[np.float64], predicted_N: NDArray[np.float64]) -> float:
    return float((np.abs(predicted_N - gold_N) <= 1).mean())


WITHIN_ONE = Metric(within_one, of="numbers")
