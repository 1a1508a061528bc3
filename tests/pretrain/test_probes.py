"""Probes against plain loops: frequencies, unigram loss, cosine, idle, untied and lost weights."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.data.batches import Feed
from malmoi.pretrain.data.packing import RowTable, cut_rows
from malmoi.pretrain.monitor.probes import (
    PROBED_ROWS,
    first_token_cosine,
    frequencies,
    idle_weights,
    lost_weights,
    unigram_loss,
    untied,
)
from malmoi.pretrain.objectives.masked import MaskedBatch
from malmoi.pretrain.objectives.mlm.objective import Mlm
from malmoi.special import SpecialIds

from .test_rows import make_part

SPECIAL = SpecialIds()
CPU = torch.device("cpu")
RUN = RunConfig(pretrain=PretrainConfig(), model=ModelConfig(hidden=32, heads=2, layers=2, dropout=0.0))


def make() -> Mlm:
    torch.manual_seed(0)
    return Mlm(RUN, SPECIAL, 500)


def batches(rows: int, micro_batch_size: int) -> list[MaskedBatch]:
    part = make_part([[9, 5]] * 30)
    part = replace(part, ids=(np.random.default_rng(0).integers(5, 500, len(part.ids))).astype(np.uint16))
    table = RowTable([part], [cut_rows(part.sentences, part.documents, 16)], 16)
    collator = Mlm.collator(RUN, SPECIAL, 500)
    return Feed(table, collator, SPECIAL, 0, 0.15, rows, micro_batch_size).batch(0)


def test_frequencies_and_the_unigram_loss() -> None:
    """-log((count + 1) / (tokens + V)), averaged over the used slots."""
    parts = [make_part([[7, 3]]), make_part([[4]])]
    shares = frequencies(parts, 40)
    counted = Counter([token for part in parts for token in part.ids.tolist()])
    wanted = [(counted[i] + 1) / (14 + 40) for i in range(40)]
    np.testing.assert_allclose(shares, wanted, rtol=1e-12)
    labels, weights = np.array([5, 9, 20, 2]), np.array([1, 1, 1, 0], np.float32)
    mean = -sum(math.log(wanted[i]) for i in (5, 9, 20)) / 3
    assert unigram_loss(shares, labels, weights) == pytest.approx(mean, rel=1e-9)


@pytest.mark.parametrize(("rows", "micro_batch_size"), [(8, 0), (8, 3), (90, 20)])
@torch.no_grad()
def test_the_mean_cosine_of_first_tokens(rows: int, micro_batch_size: int) -> None:
    objective = make()
    made = batches(rows, micro_batch_size)
    encoder = objective.saved_encoder.eval()
    for parameter in encoder.parameters():  # a new encoder has .99999
        parameter += 0.2 * torch.randn_like(parameter)
    vectors = [encoder(batch.text)[r * 16] for batch in made for r in range(batch.text.rows)][:PROBED_ROWS]
    pairs = [
        torch.nn.functional.cosine_similarity(a, b, dim=0).item()
        for i, a in enumerate(vectors)
        for j, b in enumerate(vectors)
        if i != j
    ]
    found = first_token_cosine(encoder, made, CPU)
    assert found == pytest.approx(sum(pairs) / len(pairs), abs=1e-5) and found < 0.999
    assert first_token_cosine(encoder, batches(1, 0), CPU) == 0.0, "one row has no pair"


@torch.no_grad()
def test_collapsed_texts_have_cosine_one() -> None:
    objective = make()
    encoder = objective.saved_encoder.eval()
    encoder.blocks[1].ffn_norm.weight.zero_()
    encoder.blocks[1].ffn_norm.bias.fill_(0.3)
    assert first_token_cosine(encoder, batches(8, 0), CPU) == pytest.approx(1, abs=1e-5)


def test_idle_weights() -> None:
    objective = make()
    [batch] = batches(8, 0)
    objective(batch, batch.counts).total.backward()  # type: ignore[no-untyped-call]
    assert idle_weights(objective) == []
    named = dict(objective.named_parameters())
    named["network.head.bias"].grad = None
    named["network.encoder.blocks.1.up.weight"].grad = torch.zeros_like(
        named["network.encoder.blocks.1.up.weight"]
    )
    assert idle_weights(objective) == ["network.encoder.blocks.1.up.weight", "network.head.bias"]
    named["network.head.bias"].requires_grad_(False)
    assert idle_weights(objective) == ["network.encoder.blocks.1.up.weight"], "frozen is not idle"


def test_untied() -> None:
    model = torch.nn.ModuleDict({"a": torch.nn.Linear(3, 3), "b": torch.nn.Linear(3, 3)})
    model["b"].weight = model["a"].weight
    assert untied(model, [("a.weight", "b.weight")]) == []
    assert untied(model, [("a.weight", "b.weight"), ("a.bias", "b.bias")]) == ["a.bias ≠ b.bias"]
    model["b"].weight = torch.nn.Parameter(model["a"].weight.detach().clone())
    assert untied(model, [("a.weight", "b.weight")]) == ["a.weight ≠ b.weight"], "equal is not one"


def test_lost_weights(tmp_path: Path) -> None:
    objective = make()
    objective.write(tmp_path)
    assert lost_weights(objective, tmp_path) == []
    file = tmp_path / "model.safetensors"
    weights = {name: value.clone() for name, value in load_file(file).items()}
    name = "bert.encoder.layer.1.output.dense.bias"
    weights[name][3] += 1e-7
    save_file(weights, file, {"format": "pt"})
    assert lost_weights(objective, tmp_path) == ["network.encoder.blocks.1.down.bias"]
