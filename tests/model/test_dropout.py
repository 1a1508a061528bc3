"""Our CPU dropout has the right rate in every lane of a draw, the right scale, and follows torch's seed."""

from __future__ import annotations

import torch

from malmoi.model.dropout import dropout


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
