"""What a kind of task is to everything else: its labels, the model's outputs and their loss, its answers and
their scores, what is written of them, and a linear model to compare with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.progress import Reporter
from malmoi.tasks.examples import Examples, Split
from malmoi.tasks.spellings import Alike

if TYPE_CHECKING:  # recipes are read without torch
    from torch import Tensor

    from malmoi.model.heads import Classifier
    from malmoi.tasks.suites import Task

# Shapes: N rows, C outputs, B rows of a batch.

Fitted = Callable[[Any], NDArray[np.float32]]
"""A linear model: sparse rows to (N, C) answers."""


class AnswerColumn(NamedTuple):
    """One column of the answers: a field of `Prediction`, its format in files and on a terminal, and whether
    it is a number, which is more or less off, where others are right or wrong."""

    name: str
    exact: str = ""
    shown: str = ""
    number: bool = False


LABEL = AnswerColumn("label")
PROBABILITY = AnswerColumn("probability", exact=".6f", shown=".3f")
# Nine digits are all that fp32 has; fewer would make ties, and another Spearman than that of scores.json.
SCORE = AnswerColumn("score", exact=".9g", shown=".4g", number=True)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The likeliest label, its probability, and that of every label in the model's order; or a score.

    `score` is the answer of a kind that answers in numbers, on the scale of the file; `label` is then that
    number with four significant digits, and there are no probabilities.
    """

    label: str
    probability: float | None = None
    probabilities: dict[str, float] = field(default_factory=dict)
    score: float | None = None


class TaskKind(ABC):
    """How one kind of task is learned, answered and scored.

    The class is the entry of `TASK_KINDS`; an object of it is made from the training rows (`of`) or from what
    is saved with a model (`saved`). Training, `predict`, the league and its linear baseline use the same one,
    so that they cannot disagree.

    Attributes:
        answers: what metrics compare: those of `METRICS` that are `of` these are the kind's.
        metric: chooses the checkpoint of a user's own file, and heads its tables.
        columns: of an answer in files; the first is what is held against gold.
        problem_type: as transformers calls it in config.json; None: it finds out.
    """

    answers: ClassVar[str]
    metric: ClassVar[str]
    columns: ClassVar[tuple[AnswerColumn, ...]]
    problem_type: ClassVar[str | None] = None

    @classmethod
    @abstractmethod
    def read_labels(
        cls, read: Mapping[Split, Examples], task: Task, alike: Alike, reporter: Reporter
    ) -> tuple[dict[Split, Examples], tuple[str, ...]]:
        """The splits with their labels as they are learned, and the classes in the order of the outputs, ()
        where there are none. Raises MalmoiError for labels that cannot be learned or scored.

        Args:
            alike: what to do with one label in several spellings.
        """

    @classmethod
    def check_taken(cls, train: Examples, scored: Sequence[Examples]) -> None:
        """Raise MalmoiError where the rows taken of the files say too little to learn or to score: MM0606 for
        one label only."""
        if len(set(train.labels)) < 2:
            raise MalmoiError(Code.ONE_LABEL_ONLY, train.path, label=train.labels[0])

    @classmethod
    def strata(cls, train: Examples) -> Sequence[str]:
        """(N,) of which a held-out part has its share of each."""
        return train.labels

    @classmethod
    def of(cls, train: Examples, labels: tuple[str, ...]) -> Self:
        """To learn from these rows."""
        return cls.saved(labels)

    @classmethod
    @abstractmethod
    def saved(cls, labels: tuple[str, ...]) -> Self:
        """Of a saved model, whose outputs are what `settle` makes of them."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Numbers the model gives for a row."""

    @abstractmethod
    def gold(self, examples: Examples) -> NDArray[Any]:
        """(N,) what is right."""

    @abstractmethod
    def loss(self, outputs_BC: Tensor, gold_B: Tensor) -> Tensor:
        """Summed over the rows, in fp32."""

    def settle(self, model: Classifier) -> Self:
        """Make the model's outputs those that are saved; returns the kind as it is then."""
        return self

    @abstractmethod
    def decode(self, outputs_NC: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, C) the answers: probabilities, or numbers on the scale of the file."""

    @abstractmethod
    def predicted(self, answers_NC: NDArray[np.float32]) -> NDArray[Any]:
        """(N,) what is held against gold."""

    @abstractmethod
    def mean_loss(self, answers_NC: NDArray[np.float32], gold_N: NDArray[Any]) -> float:
        """What decides among checkpoints that score alike."""

    def details(self, gold_N: NDArray[Any], predicted_N: NDArray[Any]) -> dict[str, Any]:
        """What scores.json says beside the metrics. `constant`: all answers are one, which is warned of."""
        return {}

    @abstractmethod
    def prediction(self, answer_C: NDArray[np.float32]) -> Prediction:
        """One answer as the user gets it."""

    def cells(self, prediction: Prediction) -> list[str]:
        """An answer in the columns of a file."""
        return [format(getattr(prediction, column.name), column.exact) for column in self.columns]

    @abstractmethod
    def linear_models(
        self, rows: Any, gold_N: NDArray[Any], *, pair: bool
    ) -> Iterator[tuple[dict[str, Any], Fitted]]:
        """scikit-learn's models fitted to sparse rows, with their settings, simplest first (ties go to the
        first). The last feature of a `pair` is the cosine of its texts."""
