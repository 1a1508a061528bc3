"""ELECTRA's generator, discriminator and classifiers against transformers, in both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from malmoi.errors import MalmoiError
from malmoi.model.encoder import Encoder
from malmoi.model.heads import Classifier, ClassifyHead, Discriminator, MaskedLM, MlmHead, RtdHead
from malmoi.model.hf.folder import (
    read_classifier,
    read_discriminator,
    read_encoder,
    read_masked_lm,
    write_model,
)
from malmoi.model.sizes import EncoderConfig, HeadKind
from tests.model.conftest import SEQUENCES, SMALL, one_per_row, packed, real_slots, train

transformers = pytest.importorskip("transformers")
CLOSE = {"rtol": 0.0, "atol": 1e-5}
NARROW = SMALL.model_copy(update={"arch": "electra", "embedding": 16})
EVEN = SMALL.model_copy(update={"arch": "electra"})


def alone(model: Any, field: str) -> Tensor:
    """transformers' answer to each sequence by itself, flat."""
    out = []
    for sequence in SEQUENCES:
        types = [[int(i > 3) for i in range(len(sequence))]]
        with torch.no_grad():
            answer = model(input_ids=torch.tensor([sequence]), token_type_ids=torch.tensor(types))
        out.append(getattr(answer, field)[0])
    return torch.cat(out)


def generator(config: EncoderConfig) -> MaskedLM:
    torch.manual_seed(0)
    model = MaskedLM(Encoder(config), MlmHead(config))
    batch = packed()
    slots_M = real_slots(batch)
    train(model, lambda: cross_entropy(model(batch, slots_M), batch.ids_T[slots_M]))
    return model.eval()


def discriminator(config: EncoderConfig) -> Discriminator:
    torch.manual_seed(1)
    model = Discriminator(Encoder(config), RtdHead(config))
    batch = packed()
    labels_T = (batch.ids_T % 2).float()
    train(model, lambda: binary_cross_entropy_with_logits(model(batch), labels_T))
    return model.eval()


@pytest.mark.parametrize("config", [NARROW, EVEN], ids=["projected", "even"])
def test_a_trained_generator_both_ways(tmp_path: Path, config: EncoderConfig) -> None:
    ours = generator(config)
    write_model(tmp_path / "a", ours)
    theirs, info = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "a", output_loading_info=True)
    assert type(theirs).__name__ == "ElectraForMaskedLM" and not any(info.values()), info
    assert theirs.generator_lm_head.weight.data_ptr() == (
        theirs.electra.embeddings.word_embeddings.weight.data_ptr()
    )
    batch = packed()
    with torch.no_grad():
        torch.testing.assert_close(ours(batch, real_slots(batch)), alone(theirs.eval(), "logits"), **CLOSE)
    theirs.save_pretrained(tmp_path / "b")
    back = read_masked_lm(tmp_path / "b")
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(back.state_dict()[name], value, rtol=0, atol=0)


@pytest.mark.parametrize("config", [NARROW, EVEN], ids=["projected", "even"])
def test_a_trained_discriminator_both_ways(tmp_path: Path, config: EncoderConfig) -> None:
    ours = discriminator(config)
    write_model(tmp_path / "a", ours)
    theirs, info = transformers.AutoModelForPreTraining.from_pretrained(
        tmp_path / "a", output_loading_info=True
    )
    assert type(theirs).__name__ == "ElectraForPreTraining" and not any(info.values()), info
    for batch in (one_per_row(), packed()):
        with torch.no_grad():
            torch.testing.assert_close(
                ours(batch)[real_slots(batch)], alone(theirs.eval(), "logits"), **CLOSE
            )
    theirs.save_pretrained(tmp_path / "b")
    back = read_discriminator(tmp_path / "b")
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(back.state_dict()[name], value, rtol=0, atol=0)
    body = transformers.AutoModel.from_pretrained(tmp_path / "a").eval()
    encoder = read_encoder(tmp_path / "b").eval()
    with torch.no_grad():
        hidden_TD = encoder(packed())[real_slots(packed())]
    torch.testing.assert_close(hidden_TD, alone(body, "last_hidden_state"), **CLOSE)


@pytest.mark.parametrize("kind", ["linear", "dense"])
def test_classifiers_come_back_as_they_were(tmp_path: Path, kind: HeadKind) -> None:
    torch.manual_seed(2)
    ours = Classifier(Encoder(NARROW), ClassifyHead(NARROW, 3, kind)).eval()
    write_model(tmp_path, ours, ["가", "나", "다"])
    back, labels = read_classifier(tmp_path)
    assert (back.head.kind, labels) == (kind, ["가", "나", "다"])
    batch = one_per_row()
    firsts_B = torch.arange(batch.rows) * batch.row_len
    with torch.no_grad():
        wanted_BC = ours(batch, firsts_B)
        torch.testing.assert_close(back(batch, firsts_B), wanted_BC, rtol=0, atol=0)
    architecture = json.loads((tmp_path / "config.json").read_text())["architectures"][0]
    assert architecture == {"linear": "ElectraModel", "dense": "ElectraForSequenceClassification"}[kind]
    if kind == "dense":
        theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
        torch.testing.assert_close(wanted_BC, alone(theirs, "logits").view(-1, 3), **CLOSE)


def test_a_head_that_does_not_go_with_the_encoder() -> None:
    with pytest.raises(MalmoiError, match=r"MM0412.*pooler"):
        ClassifyHead(EVEN, 2, "pooler")
    with pytest.raises(MalmoiError, match=r"MM0412.*dense"):
        ClassifyHead(SMALL, 2, "dense")


def test_a_discriminator_is_no_masked_lm(tmp_path: Path) -> None:
    write_model(tmp_path, discriminator(EVEN))
    with pytest.raises(MalmoiError, match=r"MM0410.*masked LM"):
        read_masked_lm(tmp_path)
