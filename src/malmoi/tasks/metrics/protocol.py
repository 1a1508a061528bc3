"""What a metric is to training, tables and pages: one number for N answers, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Shapes: N scored rows.

Score = Callable[[NDArray[np.int64]], float]  # of these rows (indices, repeated as they were drawn)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        score: (gold_N, predicted_N) → its value for N ≥ 1 answers.
        of: what answers it compares: "classes" (indices), "numbers", or what a kind of task calls its own.
        fraction: a share, or a correlation: shown times 100.
        higher_is_better: False of an error.
        on_rows: (gold_N, predicted_N) → the same for any choice of these rows, where scoring each choice
            afresh takes long: 400 are scored for each standard error.
    """

    score: Callable[[NDArray[Any], NDArray[Any]], float]
    of: str
    fraction: bool = True
    higher_is_better: bool = True
    on_rows: Callable[[NDArray[Any], NDArray[Any]], Score] | None = None

    @property
    def sign(self) -> int:
        """What a value is multiplied by so that more is better."""
        return 1 if self.higher_is_better else -1

    @property
    def scale(self) -> int:
        """What a value is multiplied by where people read it."""
        return 100 if self.fraction else 1

    def scorer(self, gold_N: NDArray[Any], predicted_N: NDArray[Any]) -> Score:
        """The metric of any choice of these rows."""
        if self.on_rows is not None:
            return self.on_rows(gold_N, predicted_N)
        return lambda rows: self.score(gold_N[rows], predicted_N[rows])
