"""Scores of a classifier from its confusion matrix: accuracy, F1 per class, macro-F1.

Gold and predicted labels are class indices. The definitions are those of scikit-learn with
`zero_division=0` (tested against it): a class that is neither gold nor predicted anywhere is left out of
the macro mean, one that is predicted but never gold counts as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: how much of what was answered is right, how much of what is there was found."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Scores:
    """All scores of one set of rows; fractions, not per cent. `confusion[gold][predicted]` counts rows."""

    n: int
    accuracy: float
    macro_f1: float
    per_class: dict[str, ClassScore]
    confusion: list[list[int]]

    def metric(self, name: str) -> float:
        """`accuracy` or `macro_f1`."""
        return {"accuracy": self.accuracy, "macro_f1": self.macro_f1}[name]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


METRICS = ("accuracy", "macro_f1")


def confusion_matrix(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """(classes, classes) counts, rows gold, columns predicted."""
    return np.bincount(gold * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def classification_scores(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[str]
) -> Scores:
    """Scores of N ≥ 1 predictions against N gold classes, both indices into `labels`."""
    confusion = confusion_matrix(gold, predicted, len(labels))
    right = confusion.diagonal().astype(np.float64)
    is_gold, is_predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    precision = right / np.maximum(is_predicted, 1)
    recall = right / np.maximum(is_gold, 1)
    f1 = 2 * right / np.maximum(is_gold + is_predicted, 1)
    present = is_gold + is_predicted > 0
    per_class = {
        label: ClassScore(float(precision[c]), float(recall[c]), float(f1[c]), int(is_gold[c]))
        for c, label in enumerate(labels)
    }
    return Scores(
        n=len(gold),
        accuracy=float(right.sum() / len(gold)),
        macro_f1=float(f1[present].mean()),
        per_class=per_class,
        confusion=confusion.tolist(),
    )


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (divided by n - 1); None for a single value, which has no spread."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else None
