"""Metrics of the discriminator from histograms against scikit-learn's from all logits."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import log_loss, precision_score, recall_score, roc_auc_score
from torch import Tensor

from malmoi.pretrain.objectives.electra.detection import WIDTH, detection_metrics, histogram


def found(logits: Tensor, replaced: Tensor, real: Tensor) -> dict[str, float]:
    return detection_metrics(histogram(logits, replaced, real), float(real.sum()))


def drawn(count: int = 4000, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, which tokens are replaced (15 %), which are real (90 %)."""
    generator = torch.Generator().manual_seed(seed)
    replaced = (torch.rand(count, generator=generator) < 0.15).float()
    logits = torch.randn(count, generator=generator) * 2 + 2 * replaced - 2
    return logits, replaced, (torch.rand(count, generator=generator) < 0.9).float()


def wanted(logits: Tensor, replaced: Tensor, real: Tensor) -> dict[str, float]:
    y, x = replaced[real > 0].numpy(), logits[real > 0].double().numpy()
    return {
        "replaced_rate": float(y.mean()),
        "base_entropy": float(log_loss(y, [y.mean()] * len(y))),
        "discriminator_auc": float(roc_auc_score(y, x)),
        "discriminator_precision": float(precision_score(y, x >= 0)),
        "discriminator_recall": float(recall_score(y, x >= 0)),
    }


def test_continuous_logits_within_the_bins() -> None:
    """Precision, recall and rates are exact (0 is an edge); pairs inside one bin may be misjudged by half."""
    data = drawn()
    ours, theirs = found(*data), wanted(*data)
    auc = "discriminator_auc"
    assert abs(ours.pop(auc) - theirs.pop(auc)) < 2e-3
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_spaced_logits_are_exact() -> None:
    """Multiples of a bin's width, with ties, which count half."""
    logits, replaced, real = drawn(3000, seed=1)
    data = ((logits / (4 * WIDTH)).round() * 4 * WIDTH, replaced, real)
    assert found(*data) == pytest.approx(wanted(*data), abs=1e-6)


def test_histograms_of_micro_batches_add_up() -> None:
    data = drawn()
    whole = histogram(*data)
    parts = [histogram(*(part[i : i + 700] for part in data)) for i in range(0, 4000, 700)]
    for name, bins in whole.items():
        assert torch.equal(sum((p[name] for p in parts), torch.zeros_like(bins)), bins)
    assert whole["replaced"].dtype == torch.float64
    assert (whole["replaced"].sum() + whole["original"].sum()).item() == data[2].sum().item()


def test_logits_beyond_the_bins() -> None:
    logits = torch.tensor([-900.0, -20.0, 20.0, math.inf, -math.inf])
    replaced, real = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.0]), torch.ones(5)
    metrics = found(logits, replaced, real)
    assert metrics["discriminator_auc"] == metrics["discriminator_recall"] == 1.0


def test_nothing_replaced_or_everything() -> None:
    logits, real = torch.tensor([-1.0, 2.0, 0.5]), torch.ones(3)
    none, all_of_it = found(logits, torch.zeros(3), real), found(logits, torch.ones(3), real)
    for metrics in (none, all_of_it):
        assert metrics["discriminator_auc"] == 0.5 and metrics["base_entropy"] == 0
    assert none["discriminator_precision"] == none["discriminator_recall"] == 0
    assert all_of_it["discriminator_precision"] == 1
    assert all_of_it["discriminator_recall"] == pytest.approx(2 / 3)
    missed = found(torch.tensor([-1.0, -2.0]), torch.tensor([1.0, 0.0]), torch.ones(2))
    assert missed["discriminator_precision"] == missed["discriminator_recall"] == 0
    assert missed["discriminator_auc"] == 1


def test_nan_logits_are_counted_as_found_nothing() -> None:
    """A run with NaN must reach its own check of the loss and not fail in a histogram."""
    metrics = found(torch.tensor([math.nan, 1.0]), torch.tensor([1.0, 0.0]), torch.ones(2))
    assert metrics["discriminator_recall"] == 0 and metrics["discriminator_auc"] == 0


def test_base_entropy_is_what_the_rate_alone_scores() -> None:
    _, replaced, _ = drawn()
    rate = replaced.mean()
    constant = torch.full_like(replaced, math.log(rate / (1 - rate)))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(constant, replaced)
    base = found(constant, replaced, torch.ones_like(replaced))["base_entropy"]
    assert base == pytest.approx(loss.item(), abs=1e-6)


def test_which_bin_a_logit_falls_into() -> None:
    """512 bins of a sixteenth from -16 to 16; 0 is an edge, what is beyond falls into the outermost."""
    logits = torch.tensor([-100.0, -16.0, -15.97, -15.9, -0.01, 0.0, 0.07, 15.9, 15.95, 16.0, math.nan])
    bins = [0, 0, 0, 1, 255, 256, 257, 510, 511, 511, 0]
    for logit, place in zip(logits, bins, strict=True):
        counted = histogram(logit[None], torch.ones(1), torch.ones(1))
        assert counted["replaced"].nonzero().flatten().tolist() == [place], logit
        assert len(counted["replaced"]) == len(counted["original"]) == 512
        assert counted["original"].sum() == 0
