"""Scores of classes: accuracy, and F1 of each class and their mean (macro-F1).

The definitions are those of scikit-learn with `zero_division=0` (tested against it): a class that is neither
gold nor predicted anywhere is left out of the macro mean, one that is predicted but never gold counts as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.tasks.metrics.protocol import Score

# Shapes: N rows, K classes.

MOST_CONFUSED = 1000  # labels; a matrix of 4,000 is 16 M counts, nearly all 0, and took minutes to write


def accuracy(gold_N: NDArray[np.int64], predicted_N: NDArray[np.int64]) -> float:
    """The share of the answers that are right."""
    return float(np.count_nonzero(gold_N == predicted_N) / len(gold_N))


def accuracy_on(gold_N: NDArray[Any], predicted_N: NDArray[Any]) -> Score:
    right_N = gold_N == predicted_N
    return lambda rows: float(right_N[rows].mean())


def macro_f1(gold_N: NDArray[np.int64], predicted_N: NDArray[np.int64]) -> float:
    """The mean F1 of the classes that are there or predicted."""
    classes = int(max(gold_N.max(), predicted_N.max())) + 1
    right_K, gold_K, predicted_K = _counts(gold_N, predicted_N, classes)
    present_K = gold_K + predicted_K > 0
    f1_K = 2 * right_K / np.maximum(gold_K + predicted_K, 1)
    return float(f1_K[present_K].mean())


def macro_f1_on(gold_N: NDArray[Any], predicted_N: NDArray[Any]) -> Score:
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


def class_scores(
    gold_N: NDArray[np.int64], predicted_N: NDArray[np.int64], labels: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Of each class how much of what was answered is right (precision), how much of what is there was found
    (recall), F1, and how many rows it has (support)."""
    right_K, gold_K, predicted_K = _counts(gold_N, predicted_N, len(labels))
    precision_K = right_K / np.maximum(predicted_K, 1)
    recall_K = right_K / np.maximum(gold_K, 1)
    f1_K = 2 * right_K / np.maximum(gold_K + predicted_K, 1)
    return {
        label: {
            "precision": float(precision_K[k]),
            "recall": float(recall_K[k]),
            "f1": float(f1_K[k]),
            "support": int(gold_K[k]),
        }
        for k, label in enumerate(labels)
    }


def confusion_matrix(
    gold_N: NDArray[np.int64], predicted_N: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """(K, K) counts, rows gold, columns predicted."""
    return np.bincount(gold_N * classes + predicted_N, minlength=classes * classes).reshape(classes, classes)


def _counts(
    gold_N: NDArray[np.int64], predicted_N: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """(K,) how often each class is answered rightly, is there, and is answered."""
    right_K = np.bincount(gold_N[gold_N == predicted_N], minlength=classes).astype(np.float64)
    return right_K, np.bincount(gold_N, minlength=classes), np.bincount(predicted_N, minlength=classes)
