"""The spread that the choice of rows makes, against what drawing new rows from the same source gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from malmoi.tasks.metrics import METRICS
from malmoi.tasks.resample import resampled, sampling_sd

Answers = tuple[NDArray[Any], NDArray[Any]]
Source = Callable[[np.random.Generator], Answers]


def rare(random: np.random.Generator) -> Answers:
    """1,000 rows, 2 % of the rare class: 55 % of it found, 1 % false alarms."""
    gold = (random.random(1000) < 0.02).astype(np.int64)
    return gold, (random.random(1000) < np.where(gold, 0.55, 0.01)).astype(np.int64)


def normal(random: np.random.Generator) -> Answers:
    gold = random.normal(size=200)
    return gold, 0.7 * gold + random.normal(size=200)


def stray(random: np.random.Generator) -> Answers:
    """8 % of the answers have nothing to do with the question."""
    gold = random.normal(size=500)
    near = gold + 0.2 * random.normal(size=500)
    return gold, np.where(random.random(500) < 0.08, random.normal(size=500), near)


def graded(random: np.random.Generator) -> Answers:
    """Gold in steps of .2, the middle of the scale harder than its ends."""
    gold = random.integers(0, 26, size=500) / 5
    return gold, gold + random.normal(size=500) * np.where(np.abs(gold - 2.5) < 1, 1.2, 0.3)


def score(metric: str, answers: Answers) -> float:
    return METRICS[metric].score(*answers)


@pytest.mark.parametrize(
    ("metric", "source"),
    [
        ("accuracy", rare),
        ("macro_f1", rare),
        ("spearman", normal),
        ("spearman", stray),
        ("spearman", graded),
    ],
)
def test_the_spread_is_that_of_rows_drawn_anew(metric: str, source: Source) -> None:
    random = np.random.default_rng(4)
    true = float(np.std([score(metric, source(random)) for _ in range(1200)]))
    told = [sampling_sd(resampled(metric, *source(random), draws=150)) for _ in range(25)]
    assert np.mean(told) == pytest.approx(true, rel=0.15)


def test_a_rare_class_makes_macro_f1_vary_more_than_accuracy() -> None:
    gold = np.array([1] * 20 + [0] * 980)
    predicted = np.array([1] * 11 + [0] * 9 + [1] * 10 + [0] * 970)
    found = sampling_sd(resampled("macro_f1", gold, predicted))
    assert 0.04 < found < 0.06  # as if it were accuracy: .0135
    assert sampling_sd(resampled("accuracy", gold, predicted)) == pytest.approx(
        (0.981 * 0.019 / 1000) ** 0.5, rel=0.1
    )


@pytest.mark.parametrize("metric", METRICS)
def test_a_draw_is_scored_by_the_definition(metric: str) -> None:
    random = np.random.default_rng(2)
    gold, predicted = random.integers(0, 2, 40), random.integers(0, 2, 40)
    if METRICS[metric].of == "numbers":
        gold, predicted = gold + random.integers(0, 3, 40) / 2, predicted + random.normal(size=40).round(1)
    drawn = np.random.default_rng(0)
    for found in resampled(metric, gold, predicted, draws=20):
        rows = drawn.integers(40, size=40)
        assert found == pytest.approx(score(metric, (gold[rows], predicted[rows])), abs=1e-12)


def test_two_models_are_compared_on_the_same_draws() -> None:
    random = np.random.default_rng(1)
    gold = random.integers(0, 2, 2000)
    one = np.where(random.random(2000) < 0.8, gold, 1 - gold)
    other = one.copy()
    other[:20] = 1 - other[:20]  # differs in 20 of 2,000 rows
    apart = sampling_sd(resampled("accuracy", gold, one) - resampled("accuracy", gold, other))
    alone = sampling_sd(resampled("accuracy", gold, one))
    assert apart == pytest.approx(20**0.5 / 2000, rel=0.2) and alone > 3 * apart


def test_one_answer_to_all_and_one_row_have_no_spread() -> None:
    gold = np.arange(5.0)
    assert sampling_sd(resampled("spearman", gold, np.full(5, 2.7))) == 0
    assert sampling_sd(resampled("accuracy", np.array([1]), np.array([1]))) == 0


def test_classes_that_a_draw_lacks_are_left_out_of_its_mean() -> None:
    """Seven rows of four classes, of which one is never there: draw by draw as scikit-learn's definition."""
    gold, predicted = np.array([0, 0, 0, 1, 3, 3, 0]), np.array([0, 0, 3, 1, 3, 0, 0])
    random = np.random.default_rng(0)
    rows = [random.integers(7, size=7) for _ in range(200)]
    wanted = [METRICS["macro_f1"].score(gold[r], predicted[r]) for r in rows]
    assert resampled("macro_f1", gold, predicted, draws=200).tolist() == pytest.approx(wanted)
    assert any(1 not in gold[r] for r in rows)


def test_one_answer_to_all_correlates_with_nothing() -> None:
    gold = np.array([1.0, 2.0, 4.0])
    assert resampled("spearman", gold, np.full(3, 2.5), draws=5).tolist() == [0.0] * 5


def test_the_sd_of_draws_is_the_sample_s() -> None:
    assert sampling_sd(np.array([1.0, 2.0, 6.0])) == pytest.approx(7**0.5)
