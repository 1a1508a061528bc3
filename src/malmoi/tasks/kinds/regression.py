"""A score such as 3.8: squared error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from malmoi.progress import Reporter
from malmoi.tasks.examples import Examples, Split
from malmoi.tasks.kinds.protocol import SCORE, Fitted, Prediction, TaskKind
from malmoi.tasks.metrics.numbers import is_constant, mse
from malmoi.tasks.numbers import check_scores, numbers, tenths
from malmoi.tasks.spellings import Alike

if TYPE_CHECKING:  # recipes are read without torch
    from torch import Tensor

    from malmoi.model.heads import Classifier
    from malmoi.tasks.suites import Task

PENALTIES = (1.0, 4.0, 16.0)  # of ridge regression (alpha)


@dataclass(frozen=True)
class Regression(TaskKind):
    """Squared error on (score - mean) / sd of the training rows.

    A new head's outputs begin near 0 with the encoder's vectors of length about 1: a scale of 0 to 5 or of
    0 to 100 would first have to be climbed by the output layer alone, at a rate made for the encoder.
    """

    mean: float
    sd: float

    answers = "numbers"
    metric = "spearman"
    columns = (SCORE,)
    problem_type = "regression"

    @classmethod
    def read_labels(
        cls, read: Mapping[Split, Examples], task: Task, alike: Alike, reporter: Reporter
    ) -> tuple[dict[Split, Examples], tuple[str, ...]]:
        """Raises MM0624 (no number) and MM0625 (all the same)."""
        for examples in read.values():
            check_scores(examples)
        return dict(read), ()

    @classmethod
    def check_taken(cls, train: Examples, scored: Sequence[Examples]) -> None:
        for examples in (train, *scored):
            check_scores(examples)

    @classmethod
    def strata(cls, train: Examples) -> Sequence[str]:
        return tenths(train)

    @classmethod
    def of(cls, train: Examples, labels: tuple[str, ...]) -> Self:
        values = numbers(train)
        return cls(float(values.mean()), float(values.std()))

    @classmethod
    def saved(cls, labels: tuple[str, ...]) -> Self:
        return cls(0.0, 1.0)

    @property
    def outputs(self) -> int:
        return 1

    def gold(self, examples: Examples) -> NDArray[np.float64]:
        return numbers(examples)

    def loss(self, outputs_BC: Tensor, gold_B: Tensor) -> Tensor:
        from torch.nn.functional import mse_loss

        wanted_B = ((gold_B - self.mean) / self.sd).float()
        return mse_loss(outputs_BC[:, 0].float(), wanted_B, reduction="sum")

    def settle(self, model: Classifier) -> Self:
        """Fold mean and sd into the output layer: sd·(W·x + b) + mean = (sd·W)·x + (sd·b + mean).

        What is saved then answers on the file's scale in `malmoi predict` and in transformers alike.
        """
        import torch

        layer = model.head.classifier
        with torch.no_grad():
            layer.weight.mul_(self.sd)
            layer.bias.mul_(self.sd).add_(self.mean)
        return self.saved(())

    def decode(self, outputs_NC: NDArray[np.float32]) -> NDArray[np.float32]:
        return (outputs_NC.astype(np.float64) * self.sd + self.mean).astype(np.float32)

    def predicted(self, answers_NC: NDArray[np.float32]) -> NDArray[np.float64]:
        return answers_NC[:, 0].astype(np.float64)

    def mean_loss(self, answers_NC: NDArray[np.float32], gold_N: NDArray[Any]) -> float:
        """The mean squared error in units of the training rows' variance."""
        return mse(gold_N, self.predicted(answers_NC)) / self.sd**2

    def details(self, gold_N: NDArray[Any], predicted_N: NDArray[Any]) -> dict[str, Any]:
        """`constant`: all answers are one number, so that correlations are undefined: the model has learned
        nothing but the mean."""
        return {"mse": mse(gold_N, predicted_N), "constant": is_constant(predicted_N)}

    def prediction(self, answer_C: NDArray[np.float32]) -> Prediction:
        score = float(answer_C[0])
        return Prediction(f"{score:.4g}", score=score)

    def linear_models(
        self, rows: Any, gold_N: NDArray[Any], *, pair: bool
    ) -> Iterator[tuple[dict[str, Any], Fitted]]:
        """Ridge regression; of a pair the cosine alone is looked at too."""
        from sklearn.linear_model import Ridge

        if pair:
            # Its line through the training rows puts it on their scale and keeps the ranks.
            yield {"cosine": "only"}, _line(_cosine(rows), gold_N)
        for penalty in PENALTIES:
            yield {"alpha": penalty}, _ratings(Ridge(alpha=penalty).fit(rows, gold_N))


def _line(cosine_N: NDArray[np.float64], gold_N: NDArray[Any]) -> Fitted:
    centred_N = cosine_N - cosine_N.mean()
    slope = float(centred_N @ gold_N) / max(float(centred_N @ centred_N), 1e-12)
    start = float(gold_N.mean()) - slope * float(cosine_N.mean())
    return lambda rows: (start + slope * _cosine(rows)).astype(np.float32)[:, None]


def _cosine(rows: Any) -> NDArray[np.float64]:
    """(N,) the last feature of a pair."""
    return np.asarray(rows[:, -1].todense(), np.float64)[:, 0]


def _ratings(model: Any) -> Fitted:
    """(N, 1)."""
    return lambda rows: model.predict(rows).astype(np.float32)[:, None]
