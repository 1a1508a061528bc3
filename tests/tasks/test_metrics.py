"""Every score against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from malmoi.tasks.metrics import classification_scores, confusion_matrix, mean_and_sd


def test_scores_agree_with_scikit_learn_on_1000_random_cases() -> None:
    generator = np.random.default_rng(7)
    for case in range(1000):
        classes = int(generator.integers(2, 7))
        n = int(generator.integers(1, 30))
        used = int(generator.integers(1, classes + 1))  # often some classes never occur
        gold = generator.integers(0, used, n)
        predicted = generator.integers(0, classes if case % 2 else used, n)
        labels = [f"label {c}" for c in range(classes)]
        scores = classification_scores(gold, predicted, labels)
        everything = list(range(classes))
        assert scores.n == n
        assert scores.accuracy == pytest.approx(oracle.accuracy_score(gold, predicted), abs=1e-12)
        assert scores.macro_f1 == pytest.approx(
            oracle.f1_score(gold, predicted, average="macro", zero_division=0), abs=1e-12
        )
        assert scores.confusion == oracle.confusion_matrix(gold, predicted, labels=everything).tolist()
        if case % 4:
            continue  # scikit-learn takes 2 ms a call
        precision, recall, f1, support = oracle.precision_recall_fscore_support(
            gold, predicted, labels=everything, zero_division=0
        )
        for c, label in enumerate(labels):
            ours = scores.per_class[label]
            assert (ours.precision, ours.recall, ours.f1) == pytest.approx((precision[c], recall[c], f1[c]))
            assert ours.support == support[c]


def test_confusion_rows_are_gold() -> None:
    matrix = confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 0]), 2)
    assert matrix.tolist() == [[0, 2], [1, 0]]


def test_thousands_of_labels_need_no_matrix() -> None:
    gold, predicted = np.array([0, 5, 4999]), np.array([0, 4, 4999])
    scores = classification_scores(gold, predicted, [str(n) for n in range(5000)])
    assert (scores.accuracy, scores.macro_f1) == (pytest.approx(2 / 3), pytest.approx(0.5))
    written = scores.as_dict()
    assert written["confusion"] is None and written["per_class"]["5"]["support"] == 1
    assert len(classification_scores(gold[:1], predicted[:1], ["a", "b"]).as_dict()["confusion"]) == 2


def test_mean_and_sample_sd() -> None:
    assert mean_and_sd([80.0, 82.0, 84.0]) == (82.0, pytest.approx(2.0))
    assert mean_and_sd([80.0]) == (80.0, None)
