"""Which checkpoint is kept: what chance explains is no difference, and there the loss decides."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from malmoi.finetune.choice import Choice
from malmoi.finetune.judged import Judged, judged
from malmoi.finetune.seeds import best_seed
from malmoi.tasks.kinds.classification import Classification
from malmoi.tasks.kinds.regression import Regression

KIND = Classification(("0", "1"))
ROWS = 400
GOLD = np.arange(ROWS) % 2


def answers(wrong: int, sure: float, *, first: int = 0) -> Judged:
    """Accuracy 1 - wrong / 400, from row `first` on; each answer has the probability `sure`."""
    likely = np.where((np.arange(ROWS) >= first) & (np.arange(ROWS) < first + wrong), 1 - sure, sure)
    shares = np.stack([np.where(c == GOLD, likely, 1 - likely) for c in (0, 1)], axis=1).astype(np.float32)
    return judged(KIND, "accuracy", shares, GOLD)


def kept(*found: Judged) -> tuple[int, list[int]]:
    """The number of the one that is kept, and of those whose weights were copied."""
    copied: list[int] = []
    choice = Choice()
    for step, one in enumerate(found):

        def copy(step: int = step) -> dict[str, torch.Tensor]:
            copied.append(step)
            return {"step": torch.tensor(step)}

        choice.offer(step, one, copy)
    best = choice.best
    assert best.weights["step"].item() == best.step  # the weights are its own
    return best.step, copied


def test_a_difference_beyond_its_error_decides_whatever_the_loss() -> None:
    good, poor = answers(40, 0.99), answers(100, 0.6)  # .90 against .75; 60 rows apart: error .018
    assert good.loss > poor.loss or good.score > poor.score
    sure_and_wrong = answers(40, 0.9999)
    assert sure_and_wrong.loss > poor.loss
    assert kept(sure_and_wrong, poor)[0] == 0 and kept(poor, sure_and_wrong)[0] == 1


def test_within_the_error_the_loss_decides() -> None:
    surest = answers(40, 0.9999)
    other = answers(44, 0.8, first=200)  # .90 against .89, wrong in other rows: error .023
    assert surest.score > other.score and surest.loss > other.loss
    assert kept(surest, other)[0] == 1 and kept(other, surest)[0] == 0


def test_answers_to_the_same_rows_are_compared_row_by_row() -> None:
    """.90 against .89 once more, but wrong in the same 40 rows and 4 more: error .005."""
    surest, other = answers(40, 0.9999), answers(44, 0.8)
    assert surest.loss > other.loss
    assert kept(surest, other)[0] == 0 and kept(other, surest)[0] == 1


def test_of_two_alike_the_first_is_kept_and_only_once() -> None:
    assert kept(answers(40, 0.9), answers(40, 0.9)) == (0, [0])


def test_the_order_decides_nothing_and_weights_that_cannot_win_are_not_copied() -> None:
    found = [
        answers(100, 0.6),
        answers(50, 0.95),
        answers(44, 0.8, first=200),
        answers(40, 0.9999),
        answers(42, 0.97, first=100),
    ]
    chosen = {tuple(order)[kept(*(found[i] for i in order))[0]] for order in permutations(range(5))}
    assert len(chosen) == 1
    assert kept(found[3], found[0], found[0])[1] == [0]


def scored(noise: float, size: float, shift: float) -> Judged:
    """Spearman of answers with so much noise on `size` times the file's scale, `shift` off it."""
    random = np.random.default_rng(7)
    gold = random.uniform(10, 90, 32)
    found: NDArray[np.float64] = gold + noise * np.random.default_rng(8).normal(size=32)
    found = (found - 50) * size + 50 + shift
    return judged(Regression(50.0, 25.0), "spearman", found[:, None].astype(np.float32), gold)


@pytest.mark.parametrize("swapped", [False, True])
def test_scores_on_the_scale_of_the_file_win_over_a_hair_of_spearman(swapped: bool) -> None:
    ranked, near = scored(6.0, 0.7, 9.0), scored(6.4, 1.0, 0.0)
    assert 0 < ranked.score - near.score < 0.01
    assert ranked.metrics["rmse"] > 1.5 * near.metrics["rmse"]
    found = (near, ranked) if swapped else (ranked, near)
    assert found[kept(*found)[0]] is near


def test_of_seeds_that_score_alike_the_loss_decides() -> None:
    ranked = {"spearman": 0.961, "loss": 0.16, "sampling_sd": 0.01}
    near = {"spearman": 0.959, "loss": 0.06, "sampling_sd": 0.02}
    worse = {"spearman": 0.95, "loss": 0.01, "sampling_sd": 0.02}
    assert best_seed([worse, ranked, near], "spearman") == 2
    assert best_seed([ranked | {"sampling_sd": 0.001}, near], "spearman") == 0


def test_of_errors_the_smaller_wins() -> None:
    near, far = (judged_by_error(noise) for noise in (2.0, 20.0))
    assert near.score < far.score and near.worth > far.worth
    for found in ((near, far), (far, near)):
        assert found[kept(*found)[0]] is near
    seeds = [{"rmse": 0.9, "loss": 0.1, "sampling_sd": 0.05}, {"rmse": 0.5, "loss": 0.3, "sampling_sd": 0.05}]
    assert best_seed(seeds, "rmse") == 1
    assert best_seed([*seeds, {"rmse": 0.54, "loss": 0.2, "sampling_sd": 0.0}], "rmse") == 2


def judged_by_error(noise: float) -> Judged:
    gold = np.random.default_rng(7).uniform(10, 90, 64)
    answers = gold + noise * np.random.default_rng(8).normal(size=64)
    # The loss would have it the other way round, where the errors were alike.
    return judged(Regression(50.0, 25.0), "rmse", answers[:, None].astype(np.float32), gold)
