"""Layers that google-research/electra gives no initializer start as TensorFlow has it, others N(0, .02)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from malmoi.model.encoder import Encoder
from malmoi.model.heads import ClassifyHead
from malmoi.model.sizes import EncoderConfig, ModelConfig
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.objectives import ElectraConfig
from malmoi.pretrain.objectives.electra.objective import Electra
from malmoi.special import SpecialIds

SHAPE = EncoderConfig(arch="electra", vocab_size=60, hidden=256, embedding=128, layers=1, heads=4)


def sd(weight: Tensor) -> float:
    return weight.detach().std().item()


def limit(weight: Tensor) -> float:
    """tf.glorot_uniform_initializer: uniform in ±√(6 / (fan_in + fan_out))."""
    return float((6 / sum(weight.shape)) ** 0.5)


def make(glorot: bool) -> dict[str, Tensor]:
    run = RunConfig(
        pretrain=PretrainConfig(objective=ElectraConfig(glorot=glorot)),
        model=ModelConfig(size="electra-small", layers=1),
    )
    torch.manual_seed(0)
    return dict(Electra(run, SpecialIds(), 60).named_parameters())


def test_electra_s_projections_and_its_last_layer() -> None:
    published, plain = make(True), make(False)
    different = {name for name in published if not torch.equal(published[name], plain[name])}
    assert different == {
        "discriminator.encoder.project.weight",
        "generator.encoder.project.weight",
        "discriminator.head.prediction.weight",
    }
    for name in different:
        bound = limit(published[name])
        assert 0.9 * bound < published[name].abs().max() <= bound
        assert sd(plain[name]) == pytest.approx(0.0176, abs=0.002)  # N(0, .02) cut at two sd
    last = published["discriminator.head.prediction.weight"]
    assert sd(last) == pytest.approx((2 / 257) ** 0.5, abs=0.01)  # .088 at 256


@pytest.mark.parametrize("kind", ["linear", "dense"])
def test_the_output_layer_of_fine_tuning(kind: str) -> None:
    def head(glorot: bool) -> dict[str, Tensor]:
        torch.manual_seed(0)
        made = ClassifyHead(SHAPE, 40, kind, glorot_output=glorot)  # type: ignore[arg-type]
        return dict(made.named_parameters())

    published, plain = head(True), head(False)
    assert {n for n in plain if not torch.equal(published[n], plain[n])} == {"classifier.weight"}
    assert sd(published["classifier.weight"]) == pytest.approx((2 / 296) ** 0.5, rel=0.02)
    assert sd(plain["classifier.weight"]) == pytest.approx(0.0176, rel=0.02)


def test_a_model_without_a_projection_has_none_to_start() -> None:
    run = RunConfig(
        pretrain=PretrainConfig(objective=ElectraConfig(glorot=True)), model=ModelConfig(hidden=64, layers=1)
    )
    model = Electra(run, SpecialIds(), 60)
    assert model.discriminator.encoder.project is None
    assert isinstance(model.generator.encoder, Encoder) and model.generator.encoder.project is not None
