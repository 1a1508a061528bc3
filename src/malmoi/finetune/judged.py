"""What one set of answers is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.tasks.kinds import TaskKind
from malmoi.tasks.metrics import METRICS, metrics_of
from malmoi.tasks.resample import resampled, sampling_sd


@dataclass(frozen=True, slots=True)
class Judged:
    """All scores of some answers, and among them the one that the task chooses by.

    Attributes:
        metrics: every metric of the kind, by name.
        details: what the kind adds to them.
        loss: mean over the rows.
        metric: the task's.
        resampled_S: the same on draws of the rows (`malmoi.tasks.resample`).
    """

    rows: int
    metrics: dict[str, float]
    details: dict[str, Any]
    loss: float
    metric: str
    resampled_S: NDArray[np.float64]

    @property
    def score(self) -> float:
        """The task's metric."""
        return self.metrics[self.metric]

    @property
    def worth(self) -> float:
        """The same, with more always better."""
        return METRICS[self.metric].sign * self.score

    def as_dict(self) -> dict[str, Any]:
        """As scores.json has it, with the sampling sd of the task's metric."""
        ends = {"loss": self.loss, "sampling_sd": sampling_sd(self.resampled_S)}
        return {"n": self.rows} | self.metrics | self.details | ends


def judged(kind: TaskKind, metric: str, answers_NC: NDArray[np.float32], gold_N: NDArray[Any]) -> Judged:
    """Score the answers to N rows."""
    predicted_N = kind.predicted(answers_NC)
    return Judged(
        len(gold_N),
        {name: METRICS[name].score(gold_N, predicted_N) for name in metrics_of(kind.answers)},
        kind.details(gold_N, predicted_N),
        kind.mean_loss(answers_NC, gold_N),
        metric,
        resampled(metric, gold_N, predicted_N),
    )
