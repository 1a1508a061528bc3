"""What one set of answers is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.finetune.goal import Goal
from malmoi.tasks.metrics import AnyScores
from malmoi.tasks.resample import resampled, sampling_sd


@dataclass(frozen=True, slots=True)
class Judged:
    """All scores of some answers, and among them the one that the task chooses by.

    Attributes:
        loss: mean over the rows.
        score: the task's metric.
        resampled_S: the same on draws of the rows (`malmoi.tasks.resample`).
    """

    scores: AnyScores
    loss: float
    score: float
    resampled_S: NDArray[np.float64]

    def as_dict(self) -> dict[str, Any]:
        """As scores.json has it, with the sampling sd of the task's metric."""
        return self.scores.as_dict() | {"loss": self.loss, "sampling_sd": sampling_sd(self.resampled_S)}


def judged(goal: Goal, metric: str, answers_NC: NDArray[np.float32], gold_N: NDArray[Any]) -> Judged:
    """Score the answers to N rows."""
    scores, loss = goal.score(answers_NC, gold_N)
    resampled_S = resampled(metric, gold_N, goal.predicted(answers_NC))
    return Judged(scores, loss, scores.metric(metric), resampled_S)
