"""One of several labels: softmax and cross-entropy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from malmoi.codes import Code
from malmoi.progress import Reporter
from malmoi.tasks.examples import Examples, Split, check_labels, label_order
from malmoi.tasks.kinds.protocol import LABEL, PROBABILITY, Fitted, Prediction, TaskKind
from malmoi.tasks.labels import merge_spellings
from malmoi.tasks.metrics.classes import MOST_CONFUSED, class_scores, confusion_matrix
from malmoi.tasks.numbers import number
from malmoi.tasks.spellings import Alike
from malmoi.tasks.table import SHOWN

if TYPE_CHECKING:  # recipes are read without torch
    from torch import Tensor

    from malmoi.tasks.suites import Task

MANY_LABELS = 30  # fewer come of a file with a handful of rows
STRENGTHS = (1.0, 4.0, 16.0)  # of logistic regression (C)


@dataclass(frozen=True)
class Classification(TaskKind):
    """`labels` are in the order of the outputs. Macro-F1 chooses: in real data the rare class is often the
    one that matters."""

    labels: tuple[str, ...]

    answers = "classes"
    metric = "macro_f1"
    columns = (LABEL, PROBABILITY)

    @classmethod
    def read_labels(
        cls, read: Mapping[Split, Examples], task: Task, alike: Alike, reporter: Reporter
    ) -> tuple[dict[Split, Examples], tuple[str, ...]]:
        """Raises MM0606 (one class only), MM0607 (a label that train lacks), MM0637 (one label in several
        spellings); warns MM0628 (labels that look like scores), MM0636 (very many)."""
        merged = merge_spellings(read, task.labels, alike, reporter)
        train = merged["train"]
        labels = task.labels or label_order(train.labels)
        if not task.labels and _are_scores(labels):  # said first: what is wrong next comes of it
            reporter.warn(Code.LABELS_LOOK_LIKE_SCORES, str(train.path), column=task.label, n=len(labels))
        elif not task.labels and len(labels) > max(MANY_LABELS, len(train) / 2):
            shown = ", ".join(label[:SHOWN] for label in labels[:3])
            reporter.warn(Code.TOO_MANY_LABELS, str(train.path), n=len(labels), rows=len(train), labels=shown)
        cls.check_taken(train, ())
        for examples in merged.values():
            check_labels(examples, labels)
        return merged, labels

    @classmethod
    def saved(cls, labels: tuple[str, ...]) -> Self:
        return cls(labels)

    @property
    def outputs(self) -> int:
        return len(self.labels)

    def gold(self, examples: Examples) -> NDArray[np.int64]:
        place = {label: i for i, label in enumerate(self.labels)}
        return np.array([place[label] for label in examples.labels], np.int64)

    def loss(self, outputs_BC: Tensor, gold_B: Tensor) -> Tensor:
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs_BC.float(), gold_B, reduction="sum")

    def decode(self, outputs_NC: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        shares_NC: NDArray[np.float32] = torch.from_numpy(outputs_NC).softmax(-1).numpy()
        return shares_NC

    def predicted(self, answers_NC: NDArray[np.float32]) -> NDArray[np.int64]:
        likeliest_N: NDArray[np.int64] = answers_NC.argmax(1)
        return likeliest_N

    def mean_loss(self, answers_NC: NDArray[np.float32], gold_N: NDArray[Any]) -> float:
        """The mean negative log-likelihood of the gold labels (natural logarithm)."""
        likely_N = answers_NC[np.arange(len(gold_N)), gold_N]
        return float(-np.log(np.maximum(likely_N, 1e-12)).mean())

    def details(self, gold_N: NDArray[Any], predicted_N: NDArray[Any]) -> dict[str, Any]:
        """`confusion[gold][predicted]` counts rows; None of more than MOST_CONFUSED labels."""
        few = len(self.labels) <= MOST_CONFUSED
        return {
            "per_class": class_scores(gold_N, predicted_N, self.labels),
            "confusion": confusion_matrix(gold_N, predicted_N, len(self.labels)).tolist() if few else None,
        }

    def prediction(self, answer_C: NDArray[np.float32]) -> Prediction:
        best, shares = int(answer_C.argmax()), answer_C.tolist()
        return Prediction(self.labels[best], shares[best], dict(zip(self.labels, shares, strict=True)))

    def linear_models(
        self, rows: Any, gold_N: NDArray[Any], *, pair: bool
    ) -> Iterator[tuple[dict[str, Any], Fitted]]:
        """Logistic regression."""
        from sklearn.linear_model import LogisticRegression

        for strength in STRENGTHS:
            model = LogisticRegression(C=strength, max_iter=1000).fit(rows, gold_N)
            yield {"C": strength}, _shares(model, len(self.labels))


def _are_scores(labels: Sequence[str]) -> bool:
    """Whether labels look like a scale and not like classes: numbers only, with decimals or very many."""
    distinct = set(labels)
    values = [number(label) for label in distinct]
    found = [value for value in values if value is not None]
    return len(found) == len(values) and (len(found) > 30 or any(not value.is_integer() for value in found))


def _shares(model: Any, classes: int) -> Fitted:
    """(N, classes); a label that training rows lack gets 0."""

    def answer(rows: Any) -> NDArray[np.float32]:
        answers = np.zeros((rows.shape[0], classes), np.float32)
        answers[:, model.classes_] = model.predict_proba(rows)
        return answers

    return answer
