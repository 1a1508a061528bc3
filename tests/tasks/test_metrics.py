"""Every score against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from malmoi.tasks.kinds.classification import Classification
from malmoi.tasks.metrics.classes import accuracy, class_scores, confusion_matrix, macro_f1
from malmoi.tasks.resample import mean_and_sd


def test_scores_agree_with_scikit_learn_on_1000_random_cases() -> None:
    generator = np.random.default_rng(7)
    for case in range(1000):
        classes = int(generator.integers(2, 7))
        n = int(generator.integers(1, 30))
        used = int(generator.integers(1, classes + 1))  # often some classes never occur
        gold = generator.integers(0, used, n)
        predicted = generator.integers(0, classes if case % 2 else used, n)
        labels = [f"label {c}" for c in range(classes)]
        everything = list(range(classes))
        assert accuracy(gold, predicted) == pytest.approx(oracle.accuracy_score(gold, predicted), abs=1e-12)
        assert macro_f1(gold, predicted) == pytest.approx(
            oracle.f1_score(gold, predicted, average="macro", zero_division=0), abs=1e-12
        )
        matrix = oracle.confusion_matrix(gold, predicted, labels=everything)
        assert (confusion_matrix(gold, predicted, classes) == matrix).all()
        if case % 4:
            continue  # scikit-learn takes 2 ms a call
        precision, recall, f1, support = oracle.precision_recall_fscore_support(
            gold, predicted, labels=everything, zero_division=0
        )
        found = class_scores(gold, predicted, labels)
        for c, label in enumerate(labels):
            wanted = {"precision": precision[c], "recall": recall[c], "f1": f1[c], "support": support[c]}
            assert found[label] == pytest.approx(wanted)


def test_confusion_rows_are_gold() -> None:
    matrix = confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 0]), 2)
    assert matrix.tolist() == [[0, 2], [1, 0]]


def test_thousands_of_labels_need_no_matrix() -> None:
    gold, predicted = np.array([0, 5, 4999]), np.array([0, 4, 4999])
    assert (accuracy(gold, predicted), macro_f1(gold, predicted)) == (pytest.approx(2 / 3), 0.5)
    written = Classification(tuple(map(str, range(5000)))).details(gold, predicted)
    assert written["confusion"] is None and written["per_class"]["5"]["support"] == 1
    assert len(Classification(("a", "b")).details(gold[:1], predicted[:1])["confusion"]) == 2


def test_mean_and_sample_sd() -> None:
    assert mean_and_sd([80.0, 82.0, 84.0]) == (82.0, pytest.approx(2.0))
    assert mean_and_sd([80.0]) == (80.0, None)
