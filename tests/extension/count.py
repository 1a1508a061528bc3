"""A kind of task: how often something happens in a text (Poisson regression). The model gives the logarithm
of the expected number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import poisson_nll_loss

from malmoi.progress import Reporter
from malmoi.tasks.examples import Examples, Split
from malmoi.tasks.kinds import SCORE, Fitted, Prediction, TaskKind
from malmoi.tasks.numbers import numbers
from malmoi.tasks.spellings import Alike
from malmoi.tasks.suites import Task


@dataclass(frozen=True)
class Count(TaskKind):
    """Scored as numbers are; the error chooses."""

    answers = "numbers"
    metric = "rmse"
    columns = (SCORE,)

    @classmethod
    def read_labels(
        cls, read: Mapping[Split, Examples], task: Task, alike: Alike, reporter: Reporter
    ) -> tuple[dict[Split, Examples], tuple[str, ...]]:
        for examples in read.values():
            numbers(examples)  # raises for what is none
        return dict(read), ()

    @classmethod
    def saved(cls, labels: tuple[str, ...]) -> Self:
        return cls()

    @property
    def outputs(self) -> int:
        return 1

    def gold(self, examples: Examples) -> NDArray[np.float64]:
        return numbers(examples)

    def loss(self, outputs_BC: Tensor, gold_B: Tensor) -> Tensor:
        return poisson_nll_loss(outputs_BC[:, 0].float(), gold_B.float(), reduction="sum")

    def decode(self, outputs_NC: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.exp(outputs_NC)

    def predicted(self, answers_NC: NDArray[np.float32]) -> NDArray[np.float64]:
        return answers_NC[:, 0].astype(np.float64)

    def mean_loss(self, answers_NC: NDArray[np.float32], gold_N: NDArray[Any]) -> float:
        expected_N = np.maximum(self.predicted(answers_NC), 1e-12)
        return float((expected_N - gold_N * np.log(expected_N)).mean())

    def prediction(self, answer_C: NDArray[np.float32]) -> Prediction:
        expected = float(answer_C[0])
        return Prediction(f"{expected:.4g}", score=expected)

    def linear_models(
        self, rows: Any, gold_N: NDArray[Any], *, pair: bool
    ) -> Iterator[tuple[dict[str, Any], Fitted]]:
        from sklearn.linear_model import PoissonRegressor

        for penalty in (0.001, 0.01):
            model = PoissonRegressor(alpha=penalty, max_iter=1000).fit(rows, gold_N)
            yield {"alpha": penalty}, lambda rows, model=model: model.predict(rows)[:, None]
