"""Scores of a classifier (accuracy, F1 per class, macro-F1) and of a regression (Spearman, Pearson, errors).

The definitions are those of scikit-learn with `zero_division=0` and of scipy (tested against both): a class
that is neither gold nor predicted anywhere is left out of the macro mean, one that is predicted but never
gold counts as 0; tied values share the mean of their ranks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["classify", "regress"]

# What is written and shown of each kind of task, in this order.
METRICS: dict[Kind, tuple[str, ...]] = {
    "classify": ("accuracy", "macro_f1"),
    "regress": ("spearman", "pearson", "rmse"),
}
MOST_CONFUSED = 1000  # labels; a matrix of 4,000 is 16 M counts, nearly all 0, and took minutes to write
FRACTIONS = frozenset(("accuracy", "macro_f1", "spearman", "pearson"))  # shown times 100


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: how much of what was answered is right, how much of what is there was found."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Scores:
    """All scores of one set of rows; fractions, not per cent.

    Attributes:
        confusion: `confusion[gold][predicted]` counts rows; None of more than MOST_CONFUSED labels.
    """

    n: int
    accuracy: float
    macro_f1: float
    per_class: dict[str, ClassScore]
    confusion: list[list[int]] | None

    def metric(self, name: str) -> float:
        """`accuracy` or `macro_f1`."""
        return {"accuracy": self.accuracy, "macro_f1": self.macro_f1}[name]

    def as_dict(self) -> dict[str, Any]:
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return plain | {"per_class": {label: asdict(score) for label, score in self.per_class.items()}}


@dataclass(frozen=True, slots=True)
class RegressionScores:
    """All scores of one set of rows. `mse` and `rmse` are on the scale of the gold scores.

    Attributes:
        spearman: rank correlation, ties averaged; 0 where it is undefined.
        pearson: linear correlation; 0 where it is undefined.
        constant: all predictions are the same number, so both correlations are undefined: the model has
            learned nothing but the mean.
    """

    n: int
    spearman: float
    pearson: float
    mse: float
    rmse: float
    constant: bool

    def metric(self, name: str) -> float:
        """`spearman`, `pearson` or `rmse`."""
        return {"spearman": self.spearman, "pearson": self.pearson, "rmse": self.rmse}[name]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


AnyScores = Scores | RegressionScores


def confusion_matrix(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """(classes, classes) counts, rows gold, columns predicted."""
    return np.bincount(gold * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def classification_scores(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], labels: Sequence[str]
) -> Scores:
    """Scores of N ≥ 1 predictions against N gold classes, both indices into `labels`."""
    classes = len(labels)
    right = np.bincount(gold[gold == predicted], minlength=classes).astype(np.float64)
    is_gold, is_predicted = (np.bincount(one, minlength=classes) for one in (gold, predicted))
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
        confusion=confusion_matrix(gold, predicted, classes).tolist() if classes <= MOST_CONFUSED else None,
    )


def regression_scores(gold: NDArray[np.float64], predicted: NDArray[np.float64]) -> RegressionScores:
    """Scores of N ≥ 1 predictions against N gold scores."""
    mse = float(np.mean((predicted - gold) ** 2))
    return RegressionScores(
        n=len(gold),
        spearman=correlation(ranks(gold), ranks(predicted)) if not is_constant(predicted) else 0.0,
        pearson=correlation(gold, predicted) if not is_constant(predicted) else 0.0,
        mse=mse,
        rmse=math.sqrt(mse),
        constant=is_constant(predicted),
    )


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


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (divided by n - 1); None for a single value, which has no spread."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else None
