"""Our CPU dropout has the right rate in every lane of a draw, the right scale, follows torch's seed, and asks
not how an update's rows are cut into micro-batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from malmoi.model.dropout import LANES, _Source, dropout, one_update


def test_rate_and_scale_in_all_four_lanes() -> None:
    torch.manual_seed(0)
    y = dropout(torch.ones(400_000), 0.1, True)
    rates = (y.view(-1, 4) == 0).float().mean(0)
    # Standard deviation of a lane's rate over 100,000 draws: 0.00095.
    assert ((rates - 0.1).abs() < 0.004).all(), rates
    torch.testing.assert_close(y.max().item(), 1 / 0.9, rtol=1e-4, atol=0)
    assert set(y.unique().tolist()) == {0.0, y.max().item()}


def test_gradient_flows_where_values_did() -> None:
    torch.manual_seed(1)
    x = torch.randn(7, 5, requires_grad=True)  # 35 elements: the last draw is used in part
    y = dropout(x, 0.5, True)
    (grad,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(y, x * grad)
    assert 0 < (grad == 0).sum() < 35


def test_nothing_happens_outside_training_and_the_seed_decides_inside() -> None:
    x = torch.randn(64)
    assert dropout(x, 0.1, False) is x and dropout(x, 0.0, True) is x
    torch.manual_seed(3)
    first = dropout(x, 0.3, True)
    torch.manual_seed(3)
    assert torch.equal(first, dropout(x, 0.3, True))


# Seven rows of 8 tokens: vectors of tokens, of three masked slots, of first tokens; weights of two heads.
SHAPES = [(7 * 8, 5), (7 * 3, 5), (7, 3), (7 * 2, 8, 8)]


def in_parts(parts: list[int]) -> list[list[Tensor]]:
    """Dropout of ones in four places for micro-batches of so many rows, in one update."""
    torch.manual_seed(4)
    found = []
    with one_update() as update:
        for rows in parts:
            update.begin()
            places = [torch.ones(rows * (n // 7), *rest) for n, *rest in SHAPES]
            found.append([dropout(x, 0.3, True) for x in places])
    return found


def test_an_update_in_one_piece_draws_as_without_one() -> None:
    (whole,) = in_parts([7])
    torch.manual_seed(4)
    for found, shape in zip(whole, SHAPES, strict=True):
        assert torch.equal(found, dropout(torch.ones(shape), 0.3, True))


@pytest.mark.parametrize("parts", [[1] * 7, [3, 3, 1], [2, 5]])
def test_rows_have_the_same_dropout_in_any_micro_batch(parts: list[int]) -> None:
    """Seven rows of 8 tokens at once and in parts; 5 x 3 elements a row are no multiple of a draw's four."""
    (whole,) = in_parts([7])
    found = in_parts(parts)
    for place, wanted in enumerate(whole):
        assert torch.equal(torch.cat([part[place] for part in found]), wanted)


def test_the_next_update_draws_anew() -> None:
    with one_update() as update:
        update.begin()
        first = dropout(torch.ones(32, 4), 0.5, True)
    with one_update() as update:
        update.begin()
        assert not torch.equal(first, dropout(torch.ones(32, 4), 0.5, True))


@pytest.mark.parametrize(("p", "dropped"), [(0.5, 32768), (0.9, 58982), (1 / 65536, 1)])
def test_the_scale_is_that_of_the_rounded_rate(p: float, dropped: int) -> None:
    y = dropout(torch.ones(4096), p, True)
    assert y.max().item() == pytest.approx(65536 / (65536 - dropped), rel=1e-6)


def test_no_more_is_drawn_than_four_at_once_ask_for() -> None:
    """Whatever comes after whatever: less than one draw is left over, and what is left comes next."""
    for seed in range(20):
        torch.manual_seed(seed)
        source, parts = _Source(), []
        for count in (1, 2, 5, 0, 3, 4, 1, 8, 7):
            parts.append(source.take(count))
            assert len(parts[-1]) == count and len(source._left) < LANES
        torch.manual_seed(seed)
        assert np.concatenate(parts).tolist() == _Source().take(31).tolist()
        assert np.concatenate(parts)[0] != 0
