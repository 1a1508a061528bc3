"""Layer-wise rates against a slow count from the definition and from google-research/electra's source."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.layer_decay import Depth, layer_depth, layer_groups
from malmoi.finetune.run import finetune
from malmoi.finetune.start import Start, pretrained
from malmoi.model.encoder import Encoder
from malmoi.model.heads import Classifier, ClassifyHead
from malmoi.model.sizes import EncoderConfig
from malmoi.tasks.data import read_task

BLOCKS = 3


@pytest.fixture(scope="module")
def model() -> Classifier:
    """An ELECTRA with narrow embeddings, so that every kind of weight is there."""
    shape = EncoderConfig(
        arch="electra", vocab_size=20, hidden=16, embedding=8, layers=BLOCKS, heads=2, ffn=8
    )
    return Classifier(Encoder(shape), ClassifyHead(shape, 2, "dense"))


def published_rates(names: list[str], rate: float, decay: float) -> dict[str, float]:
    """`_get_layer_lrs` of google-research/electra with its own names and its own loop."""
    to_google = {
        "encoder.embeddings.": "electra/embeddings/",
        "encoder.project.": "electra/embeddings_project/",
        "head.": "task_specific/",
    } | {f"encoder.blocks.{layer}.": f"electra/encoder/layer_{layer}/" for layer in range(BLOCKS)}
    key_to_depths = {"/embeddings/": 0, "/embeddings_project/": 0, "task_specific/": BLOCKS + 2}
    for layer in range(BLOCKS):
        key_to_depths["encoder/layer_" + str(layer) + "/"] = layer + 1
    rates = {}
    for name in names:
        theirs = next(google + name for ours, google in to_google.items() if name.startswith(ours))
        for key, depth in key_to_depths.items():
            if key in theirs:
                rates[name] = rate * (decay ** (BLOCKS + 2 - depth))
    return rates


def right_rates(model: Classifier, rate: float, decay: float) -> dict[str, float]:
    """Walk down from the output, one decay smaller at each step."""
    rates: dict[str, float] = {}
    downwards = [model.head, *reversed(list(model.encoder.blocks))]
    for part in downwards:
        for parameter in part.parameters():
            rates[str(id(parameter))] = rate
        rate *= decay
    named = dict(model.named_parameters())
    return {name: rates.get(str(id(parameter)), rate) for name, parameter in named.items()}


@pytest.mark.parametrize("depth", ["right", "published"])
def test_every_weight_learns_at_the_rate_of_the_oracle(model: Classifier, depth: Depth) -> None:
    groups = layer_groups(model, blocks=BLOCKS, weight_decay=0.01, decay=0.8, depth=depth)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {names[id(p)]: 3e-4 * group["share"] for group in groups for p in group["params"]}
    oracle = (
        right_rates(model, 3e-4, 0.8)
        if depth == "right"
        else published_rates(list(names.values()), 3e-4, 0.8)
    )
    assert found.keys() == oracle.keys() == set(names.values())
    assert found == pytest.approx(oracle)
    for group in groups:
        assert {p.ndim >= 2 for p in group["params"]} == {group["weight_decay"] > 0}


def test_the_two_counts_at_their_ends(model: Classifier) -> None:
    ends = ("head.classifier.weight", "encoder.blocks.2.up.weight", "encoder.blocks.0.up.weight")
    ends += ("encoder.project.weight", "encoder.embeddings.norm.bias")
    assert [layer_depth(name, BLOCKS, "right") for name in ends] == [0, 1, 3, 4, 4]
    assert [layer_depth(name, BLOCKS, "published") for name in ends] == [0, 2, 4, 5, 5]
    # The number that the paper's readers stumble over: 12 blocks and .8 leave .044 for the embeddings.
    assert 0.8 ** layer_depth("encoder.embeddings.word.weight", 12, "published") == pytest.approx(
        0.044, abs=5e-4
    )
    with pytest.raises(ValueError, match=r"no depth is known for the weight decoder\.x"):
        layer_depth("decoder.x", BLOCKS)


def test_without_decay_there_are_two_groups(model: Classifier) -> None:
    groups = layer_groups(model, blocks=BLOCKS, weight_decay=0.01)
    assert [(group["share"], group["weight_decay"]) for group in groups] == [(1.0, 0.01), (1.0, 0.0)]


def test_a_run_moves_the_lower_weights_less(config: FinetuneConfig, checkpoint: Path, tmp_path: Path) -> None:
    data, start = read_task(config), pretrained(checkpoint)
    short = config.model_copy(update={"epochs": 1, "evals": 1, "weight_decay": 0.0})
    moved = {
        decay: _moved(short.model_copy(update={"layer_decay": decay}), data, start, tmp_path / str(decay))
        for decay in (1.0, 0.1)
    }
    assert moved[0.1] < 0.1 * moved[1.0]


def _moved(config: FinetuneConfig, data: object, start: Start, out: Path) -> float:
    from safetensors.torch import load_file

    finetune(config, data, start, out)  # type: ignore[arg-type]
    assert start.weights is not None
    name = "bert.embeddings.position_embeddings.weight"
    before = load_file(start.weights / "model.safetensors")[name]
    after = load_file(out / "model" / "model.safetensors")[name]
    return float(torch.linalg.vector_norm(after - before))
