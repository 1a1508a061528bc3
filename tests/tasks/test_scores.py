"""Scores of a regression against scipy, and the error that the choice of rows alone gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from malmoi.tasks.metrics.numbers import is_constant, mse, pearson, ranks, rmse, spearman


def test_correlations_agree_with_scipy_on_500_random_cases() -> None:
    generator = np.random.default_rng(3)
    for case in range(500):
        n = int(generator.integers(2, 40))
        gold = generator.integers(0, 4, n) * (1.25 if case % 2 else 1e6)  # many ties
        gold[0] = gold[1:].max() + 1 if n > 1 else 0
        predicted = generator.normal(size=n).round(case % 3) * 10.0 ** (case % 7 - 3) + case % 5
        error = sum((a - b) ** 2 for a, b in zip(gold, predicted, strict=True)) / n
        assert mse(gold, predicted) == pytest.approx(error)
        assert rmse(gold, predicted) == pytest.approx(error**0.5)
        if np.ptp(predicted) == 0:
            assert (spearman(gold, predicted), pearson(gold, predicted)) == (0, 0)
            assert is_constant(predicted)
            continue
        assert not is_constant(predicted)
        assert spearman(gold, predicted) == pytest.approx(
            stats.spearmanr(gold, predicted).statistic, abs=1e-12
        )
        assert pearson(gold, predicted) == pytest.approx(stats.pearsonr(gold, predicted).statistic, abs=1e-9)


@given(st.lists(st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 1.5]), min_size=1, max_size=30))
def test_ties_share_the_mean_of_their_ranks(values: list[float]) -> None:
    np.testing.assert_array_equal(ranks(np.array(values)), stats.rankdata(values))


def test_a_perfect_order_is_one_whatever_the_scale() -> None:
    gold = np.array([0.0, 1.25, 1.25, 3.8, 5.0])
    assert spearman(gold, np.exp(gold)) == pytest.approx(1)
    assert pearson(gold, -gold) == pytest.approx(-1)


def test_a_correlation_is_never_beyond_one() -> None:
    """In floating point √x · √x may be less than x."""
    generator = np.random.default_rng(0)
    for _ in range(300):
        gold = generator.normal(size=9)
        assert pearson(gold, gold * 1.1) <= 1
        assert pearson(gold, gold * -1.1) >= -1


def test_answers_that_are_all_the_same_score_nothing() -> None:
    gold = np.array([0.0, 2.5, 5.0])
    noise = np.array([2.7, 2.7, 2.7], np.float32)
    noise[1] = np.nextafter(
        noise[1], np.float32(9)
    )  # what a batch of another shape does to a collapsed model
    for predicted in (np.full(3, 2.7), noise.astype(np.float64), np.zeros(3)):
        assert (spearman(gold, predicted), pearson(gold, predicted)) == (0.0, 0.0)
        assert is_constant(predicted)
    assert not is_constant(np.array([2.7, 2.701, 2.7]))


def test_one_row_and_gold_without_order_are_zero_and_not_nan() -> None:
    assert spearman(np.array([1.0]), np.array([2.0])) == 0
    assert pearson(np.array([1.0, 1.0]), np.array([2.0, 3.0])) == 0
