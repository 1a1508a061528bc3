"""The optimizer is google-research's without bias correction, torch's with it; rates by formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from malmoi.errors import MalmoiError
from malmoi.training.optimizer import Optimizer, parameter_groups
from malmoi.training.optimizers import OPTIMIZERS, AdamWConfig, OptimizerConfig, OptimizerKind
from malmoi.training.schedules import learning_rate

STEPS = 50
PEAK, WARMUP = 1e-2, 0.2
CONFIG = AdamWConfig(beta1=0.9, beta2=0.999, weight_decay=0.1, eps=1e-6)
STATE = ("exp_avg", "exp_avg_sq")


class Small(nn.Module):
    """A matrix (decayed), a bias and a scale (not)."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.matrix = nn.Parameter(torch.randn(5, 4, generator=generator))
        self.bias = nn.Parameter(torch.randn(4, generator=generator))

    def gradients(self, step: int) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(100 + step)
        return [torch.randn(p.shape, generator=generator) for p in (self.matrix, self.bias)]


def made(model: nn.Module, config: AdamWConfig) -> Optimizer:
    return Optimizer(model, config, parameter_groups(model, config.weight_decay))


def rate(step: int) -> float:
    return learning_rate(step, STEPS, peak=PEAK, warmup=WARMUP, schedule="electra")


def ours(config: AdamWConfig) -> list[torch.Tensor]:
    model = Small()
    optimizer = made(model, config)
    for step in range(STEPS):
        model.matrix.grad, model.bias.grad = model.gradients(step)
        optimizer.step(rate(step), step)
    return [model.matrix.detach(), model.bias.detach()]


def test_without_bias_correction_it_is_electra_s() -> None:
    """AdamWeightDecayOptimizer (model/optimization.py): no correction, the decay added to the update."""
    model = Small()
    values = [p.detach().double().numpy().copy() for p in (model.matrix, model.bias)]
    m = [np.zeros_like(v) for v in values]
    v = [np.zeros_like(v) for v in values]
    for step in range(STEPS):
        for i, gradient in enumerate(g.double().numpy() for g in model.gradients(step)):
            m[i] = 0.9 * m[i] + (1.0 - 0.9) * gradient
            v[i] = 0.999 * v[i] + (1.0 - 0.999) * gradient**2
            update = m[i] / (np.sqrt(v[i]) + 1e-6)
            if i == 0:
                update = update + 0.1 * values[i]
            values[i] = values[i] - rate(step) * update
    for found, wanted in zip(ours(CONFIG.model_copy(update={"bias_correction": False})), values, strict=True):
        np.testing.assert_allclose(found.numpy(), wanted, rtol=0, atol=3e-6)


def test_with_bias_correction_it_is_torch_s() -> None:
    model = Small()
    plain = {"betas": (0.9, 0.999), "eps": 1e-6, "fused": False, "foreach": False}
    groups = [
        {"params": [model.matrix], "weight_decay": 0.1},
        {"params": [model.bias], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1.0, **plain)  # type: ignore[arg-type]
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        model.matrix.grad, model.bias.grad = model.gradients(step)
        optimizer.step()
    for found, wanted in zip(ours(CONFIG), (model.matrix, model.bias), strict=True):
        torch.testing.assert_close(found, wanted.detach(), rtol=0, atol=1e-6)


def test_a_group_learns_at_its_share_and_decays_by_it() -> None:
    """As google-research/electra's layer-wise rates: lr_layer · (m / (√v + eps) + wd · p)."""
    model = Small()
    groups = [
        {"params": [model.matrix], "weight_decay": 0.1, "share": 0.25},
        {"params": [model.bias], "weight_decay": 0.0, "share": 1.0},
    ]
    config = CONFIG.model_copy(update={"bias_correction": False})
    optimizer = Optimizer(model, config, groups)
    before, gradient = model.matrix.detach().clone(), model.gradients(0)[0]
    model.matrix.grad = gradient
    for step in (0, 7):  # what an earlier call asked for must not stay
        optimizer.kind.prepare(optimizer.torch, 0.01, step, config)
    optimizer.step(0.01, 0)
    update = 0.1 * gradient / (math.sqrt(0.001) * gradient.abs() + 1e-6) + 0.1 * before
    torch.testing.assert_close(model.matrix.detach(), before - 0.0025 * update, rtol=0, atol=1e-6)


def test_the_two_differ_where_it_matters() -> None:
    """At the start: √(1 - .999) / (1 - .9) = .316, so without correction first steps are three times as
    long, and more of the warm-up is spent on them."""
    with_it, without = ours(CONFIG), ours(CONFIG.model_copy(update={"bias_correction": False}))
    assert (with_it[0] - without[0]).abs().max() > 0.01


def published_bert(step: int, steps: int, init_lr: float, num_warmup_steps: int) -> float:
    """google-research/bert, optimization.py:32-54, `global_step` = step."""
    learning_rate = (init_lr - 0.0) * (1 - min(step, steps) / steps) ** 1.0 + 0.0
    if num_warmup_steps:
        warmup_learning_rate = init_lr * (step / num_warmup_steps)
        is_warmup = float(step < num_warmup_steps)
        learning_rate = (1.0 - is_warmup) * learning_rate + is_warmup * warmup_learning_rate
    return learning_rate


def published_electra(step: int, steps: int, peak: float, warmup_steps: int, proportion: float) -> float:
    """google-research/electra, model/optimization.py:36-45, `global_step` = step."""
    learning_rate = (peak - 0.0) * (1 - min(step, steps) / steps) ** 1.0 + 0.0
    return learning_rate * min(1.0, step / max(steps * proportion, warmup_steps))


@pytest.mark.parametrize(("steps", "warmup_steps", "share"), [(1000, 100, 0), (50, 0, 0.2), (76, 0, 0.1)])
def test_the_published_rates(steps: int, warmup_steps: int, share: float) -> None:
    asked = {"peak": 5e-4, "warmup": share, "warmup_steps": warmup_steps}
    for step in range(steps):
        # run_classifier.py: int(num_train_steps * warmup_proportion)
        wanted = published_bert(step, steps, 5e-4, warmup_steps or int(steps * share))
        assert learning_rate(step, steps, schedule="bert", **asked) == pytest.approx(wanted, rel=1e-12)
        wanted = published_electra(step, steps, 5e-4, warmup_steps, share)
        assert learning_rate(step, steps, schedule="electra", **asked) == pytest.approx(wanted, rel=1e-12)


def test_how_the_published_rates_differ() -> None:
    """100 updates, 20 of warm-up, peak 1: BERT's rises to .95 in a line and drops to .8, ELECTRA's bends."""
    bert, electra = (
        [
            learning_rate(step, 100, peak=1.0, warmup=0.0, warmup_steps=20, schedule=name)
            for step in range(100)
        ]
        for name in ("bert", "electra")
    )
    assert [bert[i] for i in (0, 10, 19, 20, 60)] == pytest.approx([0, 0.5, 0.95, 0.8, 0.4])
    assert [electra[i] for i in (0, 10, 19, 20, 60)] == pytest.approx([0, 0.45, 0.7695, 0.8, 0.4])
    for name in ("bert", "electra"):
        assert learning_rate(0, 100, peak=1.0, warmup=0.0, schedule=name) == 1.0  # no warm-up


def test_a_warm_up_in_steps_wins_over_the_share_and_does_not_grow_with_the_steps() -> None:
    for steps in (100, 1000):
        rates = [
            learning_rate(step, steps, peak=2.0, warmup=0.5, warmup_steps=10, schedule="constant")
            for step in (0, 4, 9, 10)
        ]
        assert rates == pytest.approx([0.2, 1.0, 2.0, 2.0])


def test_the_other_rates_at_their_corners() -> None:
    def at(step: int, schedule: str) -> float:
        return learning_rate(step, 100, peak=2.0, warmup=0.1, schedule=schedule)

    for schedule in ("linear", "cosine", "constant"):
        assert [at(step, schedule) for step in (0, 4, 9)] == pytest.approx([0.2, 1.0, 2.0])
        assert at(10, schedule) == 2.0
    assert at(55, "linear") == pytest.approx(1.0) and at(99, "linear") == pytest.approx(2 / 90)
    assert at(55, "cosine") == pytest.approx(1.0) and at(99, "cosine") < 1e-3
    assert at(25, "cosine") == pytest.approx(1 + math.cos(math.pi / 6))
    assert at(99, "constant") == 2.0


def stepped(steps: int) -> tuple[Small, Optimizer]:
    model = Small()
    optimizer = made(model, CONFIG)
    for step in range(steps):
        model.matrix.grad, model.bias.grad = model.gradients(step)
        optimizer.step(PEAK, step)
    return model, optimizer


def test_the_state_goes_out_by_name_and_comes_back() -> None:
    """Three steps, the state moved into a new optimizer, a fourth step: as four in one go."""
    model, optimizer = stepped(3)
    tensors = optimizer.tensors()
    assert set(tensors) == {f"{moment}.{name}" for moment in STATE for name in ("matrix", "bias")}
    assert made(Small(), CONFIG).tensors() == {}
    whole, _ = stepped(4)
    again = made(model, CONFIG)
    again.restore(tensors, 3)
    model.matrix.grad, model.bias.grad = model.gradients(3)
    again.step(PEAK, 3)
    assert torch.equal(model.matrix, whole.matrix) and torch.equal(model.bias, whole.bias)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (None, "exp_avg_sq.bias is None, the model's is [4]"),
        (torch.zeros(5), "exp_avg_sq.bias is [5], the model's is [4]"),
    ],
)
def test_a_state_that_does_not_fit(changed: torch.Tensor | None, told: str) -> None:
    _, optimizer = stepped(1)
    tensors = optimizer.tensors()
    del tensors["exp_avg_sq.bias"]
    if changed is not None:
        tensors["exp_avg_sq.bias"] = changed
    with pytest.raises(MalmoiError) as caught:
        optimizer.restore(tensors, 1)
    assert caught.value.code == "MM0508" and told in caught.value.what


class _Momentum(torch.optim.Optimizer):
    """Momentum for matrices, plain steps for the rest."""

    @torch.no_grad()
    def step(self, closure: object = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.ndim > 1:
                    mean = self.state[weight].setdefault("mean", torch.zeros(weight.shape[0]))
                    mean.add_(weight.grad.mean(1))
                weight.sub_(group["lr"] * weight.grad)


def test_a_state_of_some_weights_only_and_of_another_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    class Settings(OptimizerConfig):
        name: str = "momentum"

    kind = OptimizerKind(
        Settings,
        lambda groups, config: _Momentum(groups, {"lr": 0.0}),
        state=("mean",),
        shape=lambda state, weight: (weight.shape[0],) if weight.ndim > 1 else None,
    )
    monkeypatch.setitem(OPTIMIZERS, "momentum", kind)
    model, again = Small(), Small()
    optimizer = Optimizer(model, Settings(), parameter_groups(model, 0.0))
    model.matrix.grad, model.bias.grad = model.gradients(0)
    optimizer.step(0.1, 0)
    saved = optimizer.tensors()
    assert {name: tuple(value.shape) for name, value in saved.items()} == {"mean.matrix": (5,)}
    resumed = Optimizer(again, Settings(), parameter_groups(again, 0.0))
    resumed.restore(saved, 1)
    assert torch.equal(resumed.tensors()["mean.matrix"], saved["mean.matrix"])
    with pytest.raises(MalmoiError, match=r"MM0508.*mean\.matrix"):
        resumed.restore({}, 1)
