"""What a task asks of a model's outputs: which numbers are gold, which loss, and how answers are scored.

One goal for each kind of task, made from the training rows. Training, scoring and the bag of characters use
the same one, so that they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from malmoi.model.heads import Classifier
from malmoi.tasks.data import TaskData
from malmoi.tasks.examples import Examples
from malmoi.tasks.metrics import (
    AnyScores,
    Kind,
    RegressionScores,
    classification_scores,
    regression_scores,
)
from malmoi.tasks.numbers import numbers

# Shapes: N rows, C outputs, B rows of a batch.


class Goal(Protocol):
    """How one kind of task is learned and scored."""

    @property
    def outputs(self) -> int:
        """Numbers the model gives for a row."""
        ...

    def gold(self, examples: Examples) -> NDArray[Any]:
        """(N,) what is right, on the scale of the file."""
        ...

    def loss(self, outputs_BC: Tensor, gold_B: Tensor) -> Tensor:
        """Summed over the rows, in fp32."""
        ...

    def answers(self, outputs_NC: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, C) what the user is told: probabilities, or the score on the scale of the file."""
        ...

    def predicted(self, answers_NC: NDArray[np.float32]) -> NDArray[Any]:
        """(N,) what is held against gold: the likeliest class, or the score."""
        ...

    def score(self, answers_NC: NDArray[np.float32], gold_N: NDArray[Any]) -> tuple[AnyScores, float]:
        """All scores, and the mean loss (what decides among checkpoints that score alike)."""
        ...

    def settle(self, model: Classifier) -> Goal:
        """Make the model's outputs the answers' own scale; returns the goal of the model as it is then."""
        ...


@dataclass(frozen=True, slots=True)
class Classes:
    """One of C labels: softmax and cross-entropy."""

    labels: tuple[str, ...]

    @property
    def outputs(self) -> int:
        return len(self.labels)

    def gold(self, examples: Examples) -> NDArray[np.int64]:
        place = {label: i for i, label in enumerate(self.labels)}
        return np.array([place[label] for label in examples.labels], np.int64)

    def loss(self, outputs_BC: Tensor, gold_B: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs_BC.float(), gold_B, reduction="sum")

    def answers(self, outputs_NC: NDArray[np.float32]) -> NDArray[np.float32]:
        shares_NC: NDArray[np.float32] = torch.from_numpy(outputs_NC).softmax(-1).numpy()
        return shares_NC

    def predicted(self, answers_NC: NDArray[np.float32]) -> NDArray[np.int64]:
        likeliest_N: NDArray[np.int64] = answers_NC.argmax(1)
        return likeliest_N

    def score(self, answers_NC: NDArray[np.float32], gold_N: NDArray[Any]) -> tuple[AnyScores, float]:
        """The loss is the mean negative log-likelihood of the gold labels (natural logarithm)."""
        likely_N = answers_NC[np.arange(len(gold_N)), gold_N]
        loss = float(-np.log(np.maximum(likely_N, 1e-12)).mean())
        return classification_scores(gold_N, self.predicted(answers_NC), self.labels), loss

    def settle(self, model: Classifier) -> Goal:
        return self


@dataclass(frozen=True, slots=True)
class Scale:
    """A score: squared error on (score - mean) / sd of the training rows.

    A new head's outputs begin near 0 with the encoder's vectors of length about 1: a scale of 0 to 5 or of
    0 to 100 would first have to be climbed by the output layer alone, at a rate made for the encoder.
    """

    mean: float
    sd: float

    @property
    def outputs(self) -> int:
        return 1

    def gold(self, examples: Examples) -> NDArray[np.float64]:
        return numbers(examples)

    def loss(self, outputs_BC: Tensor, gold_B: Tensor) -> Tensor:
        wanted_B = ((gold_B - self.mean) / self.sd).float()
        return nn.functional.mse_loss(outputs_BC[:, 0].float(), wanted_B, reduction="sum")

    def answers(self, outputs_NC: NDArray[np.float32]) -> NDArray[np.float32]:
        return (outputs_NC.astype(np.float64) * self.sd + self.mean).astype(np.float32)

    def predicted(self, answers_NC: NDArray[np.float32]) -> NDArray[np.float64]:
        return answers_NC[:, 0].astype(np.float64)

    def score(self, answers_NC: NDArray[np.float32], gold_N: NDArray[Any]) -> tuple[AnyScores, float]:
        """The loss is the mean squared error in units of the training rows' variance."""
        scores: RegressionScores = regression_scores(gold_N, self.predicted(answers_NC))
        return scores, scores.mse / self.sd**2

    def settle(self, model: Classifier) -> Goal:
        """Fold mean and sd into the output layer: sd·(W·x + b) + mean = (sd·W)·x + (sd·b + mean).

        What is saved then answers on the file's scale in `malmoi predict` and in transformers alike.
        """
        layer = model.head.classifier
        with torch.no_grad():
            layer.weight.mul_(self.sd)
            layer.bias.mul_(self.sd).add_(self.mean)
        return SETTLED


SETTLED = Scale(0.0, 1.0)


def goal_of(data: TaskData) -> Goal:
    """The goal of a task's training rows."""
    if data.task.kind == "regress":
        values = numbers(data.train)
        return Scale(float(values.mean()), float(values.std()))
    return Classes(data.labels)


def settled(kind: Kind, labels: tuple[str, ...]) -> Goal:
    """The goal of a saved model, whose outputs are on the answers' scale already."""
    return SETTLED if kind == "regress" else Classes(labels)
