"""Both directions against transformers, new and trained, padded and packed; and how peers spell files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from malmoi.model.heads import Classifier, ClassifyHead, MaskedLM
from malmoi.model.hf.folder import load_pooler, read_classifier, read_encoder, read_masked_lm, write_model
from tests.model.conftest import SEQUENCES, SMALL, one_per_row, packed, real_slots, train

transformers = pytest.importorskip("transformers")
CLOSE = {"rtol": 0.0, "atol": 1e-5}


def padded() -> dict[str, Tensor]:
    """SEQUENCES as transformers wants them."""
    batch = one_per_row()
    ids_RL = batch.ids_T.view(batch.rows, -1)
    types_RL = batch.segments_T.view_as(ids_RL) * (ids_RL != 0)
    return {"input_ids": ids_RL, "token_type_ids": types_RL, "attention_mask": (ids_RL != 0).long()}


def alone(model: Any, field: str) -> Tensor:
    """transformers' answer to each sequence by itself, flat: (tokens, ·)."""
    out = []
    for sequence in SEQUENCES:
        types = [[int(i > 3) for i in range(len(sequence))]]
        answer = model(input_ids=torch.tensor([sequence]), token_type_ids=torch.tensor(types))
        out.append(getattr(answer, field)[0])
    return torch.cat(out)


def hf_masked_lm() -> Any:
    torch.manual_seed(1)
    return transformers.BertForMaskedLM(hf_config()).eval()


def hf_config(**more: Any) -> Any:
    return transformers.BertConfig(
        vocab_size=97,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=24,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **more,
    )


def train_ours(model: MaskedLM) -> None:
    batch = packed()
    slots_M = real_slots(batch)
    train(model, lambda: cross_entropy(model(batch, slots_M), batch.ids_T[slots_M]))


@pytest.mark.parametrize("trained", [False, True])
def test_our_masked_lm_in_transformers(tmp_path: Path, masked_lm: MaskedLM, trained: bool) -> None:
    if trained:
        train_ours(masked_lm)
    write_model(tmp_path, masked_lm)
    theirs, info = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    assert theirs.cls.predictions.decoder.weight.data_ptr() == (
        theirs.bert.embeddings.word_embeddings.weight.data_ptr()
    )
    body = transformers.AutoModel.from_pretrained(tmp_path).eval()
    masked_lm.eval()
    with torch.no_grad():
        wanted, wanted_hidden = alone(theirs.eval(), "logits"), alone(body, "last_hidden_state")
        for batch in (one_per_row(), packed()):
            slots_M = real_slots(batch)
            torch.testing.assert_close(masked_lm(batch, slots_M), wanted, **CLOSE)
            torch.testing.assert_close(masked_lm.encoder(batch)[slots_M], wanted_hidden, **CLOSE)
        real = padded()["attention_mask"].bool()
        torch.testing.assert_close(theirs(**padded()).logits[real], wanted, **CLOSE)


@pytest.mark.parametrize("trained", [False, True])
def test_their_masked_lm_in_ours(tmp_path: Path, trained: bool) -> None:
    theirs = hf_masked_lm()
    if trained:
        labels = padded()["input_ids"].masked_fill(padded()["attention_mask"] == 0, -100)
        train(theirs, lambda: theirs(**padded(), labels=labels).loss)
    theirs.save_pretrained(tmp_path)
    ours = read_masked_lm(tmp_path).eval()
    with torch.no_grad():
        torch.testing.assert_close(ours(packed(), real_slots(packed())), alone(theirs, "logits"), **CLOSE)


def test_gradients_agree_with_theirs(tmp_path: Path, masked_lm: MaskedLM) -> None:
    """Not only the answers: one backward pass over packed rows against padded ones."""
    train_ours(masked_lm)
    masked_lm.zero_grad()
    write_model(tmp_path / "model", masked_lm)
    theirs = transformers.BertForMaskedLM.from_pretrained(tmp_path / "model").train()
    batch, labels = packed(), padded()["input_ids"].masked_fill(padded()["attention_mask"] == 0, -100)
    slots_M = real_slots(batch)
    cross_entropy(masked_lm.train()(batch, slots_M), batch.ids_T[slots_M]).backward()
    theirs(**padded(), labels=labels).loss.backward()
    words = theirs.bert.embeddings.word_embeddings.weight.grad.clone()
    # transformers gives the padding row of the input embedding no gradient; as an output it has one in both.
    torch.testing.assert_close(masked_lm.encoder.embeddings.word.weight.grad, words, **CLOSE)
    query = theirs.bert.encoder.layer[1].attention.self.query.weight.grad
    torch.testing.assert_close(masked_lm.encoder.blocks[1].qkv.weight.grad[:32], query, **CLOSE)
    positions = theirs.bert.embeddings.position_embeddings.weight.grad
    torch.testing.assert_close(masked_lm.encoder.embeddings.position.weight.grad, positions, **CLOSE)


def test_our_classifier_in_transformers_and_back(tmp_path: Path, classifier: Classifier) -> None:
    batch = packed()
    firsts_B = (batch.ids_T == 2).nonzero().flatten()
    train(classifier, lambda: cross_entropy(classifier(batch, firsts_B), torch.tensor([0, 1, 2, 0])))
    write_model(tmp_path / "ours", classifier.eval(), ["부정", "중립", "긍정"])
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "ours").eval()
    assert theirs.config.id2label == {0: "부정", 1: "중립", 2: "긍정"}
    with torch.no_grad():
        logits = theirs(**padded()).logits
        torch.testing.assert_close(classifier(batch, firsts_B), logits, **CLOSE)
    theirs.save_pretrained(tmp_path / "theirs")
    again, labels = read_classifier(tmp_path / "theirs")
    assert labels == ["부정", "중립", "긍정"]
    for (name, ours), value in zip(classifier.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(ours, value), name


def test_one_output_is_a_regression_to_transformers(tmp_path: Path, classifier: Classifier) -> None:
    model = Classifier(classifier.encoder, ClassifyHead(SMALL, 1))
    write_model(tmp_path, model)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert theirs.config.num_labels == 1
    assert read_classifier(tmp_path)[1] == ["LABEL_0"]


def test_equal_weights_give_equal_bytes(tmp_path: Path, masked_lm: MaskedLM) -> None:
    write_model(tmp_path / "one", masked_lm)
    write_model(tmp_path / "two", read_masked_lm(tmp_path / "one"))
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["config.json", "model.safetensors"]


def peer(tmp_path: Path, change: Any) -> Path:
    """A pretrained BERT of transformers (both heads), its names changed as published files have them."""
    torch.manual_seed(2)
    transformers.BertForPreTraining(hf_config()).save_pretrained(tmp_path)
    tensors = {change(name): value for name, value in load_file(tmp_path / "model.safetensors").items()}
    tensors["embeddings.position_ids"] = torch.arange(24)
    save_file(tensors, tmp_path / "model.safetensors")
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda name: name,
        lambda name: name.removeprefix("bert."),
        lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ),
    ],
    ids=["transformers", "bare", "gamma and beta"],
)
def test_peers_spellings(tmp_path: Path, change: Any) -> None:
    torch.manual_seed(2)
    theirs = transformers.BertForPreTraining(hf_config()).eval()
    ours = read_masked_lm(peer(tmp_path, change)).eval()
    with torch.no_grad():
        wanted = alone(theirs, "prediction_logits")
        torch.testing.assert_close(ours(packed(), real_slots(packed())), wanted, **CLOSE)


def test_a_half_precision_file_becomes_fp32(tmp_path: Path, masked_lm: MaskedLM) -> None:
    write_model(tmp_path, masked_lm)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file({name: value.half() for name, value in tensors.items()}, tmp_path / "model.safetensors")
    encoder = read_encoder(tmp_path)
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}
    wanted = masked_lm.encoder.blocks[0].qkv.weight.half().float()
    assert torch.equal(encoder.blocks[0].qkv.weight, wanted)


def test_a_trained_pooler_is_taken_and_a_missing_one_is_said(tmp_path: Path, masked_lm: MaskedLM) -> None:
    folder = peer(tmp_path / "peer", str)
    head = ClassifyHead(SMALL, 2)
    assert load_pooler(folder, head)
    assert torch.equal(
        head.pooler.weight, load_file(folder / "model.safetensors")["bert.pooler.dense.weight"]
    )
    write_model(tmp_path / "ours", masked_lm)
    before = head.pooler.weight.clone()
    assert not load_pooler(tmp_path / "ours", head)
    assert torch.equal(head.pooler.weight, before)


def test_dropout_is_the_files_unless_given(tmp_path: Path, masked_lm: MaskedLM) -> None:
    write_model(tmp_path, masked_lm)
    table = json.loads((tmp_path / "config.json").read_text())
    table |= {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.3}
    (tmp_path / "config.json").write_text(json.dumps(table))
    config = read_encoder(tmp_path).config
    assert (config.dropout, config.attention_dropout) == (0.2, 0.3)
    model = read_masked_lm(tmp_path, dropout=0.0, attention_dropout=0.1)
    assert (model.encoder.blocks[0].dropout, model.encoder.blocks[0].attention_dropout) == (0.0, 0.1)


def test_weights_do_not_live_in_the_file(tmp_path: Path, masked_lm: MaskedLM) -> None:
    """A model read from a folder that is then overwritten (a run going on) keeps its weights."""
    write_model(tmp_path, masked_lm)
    model = read_masked_lm(tmp_path)
    before = model.encoder.embeddings.position.weight.clone()
    size = (tmp_path / "model.safetensors").stat().st_size
    with (tmp_path / "model.safetensors").open("r+b") as stream:
        stream.write(b"\xff" * size)
    assert torch.equal(model.encoder.embeddings.position.weight, before)
