"""Damaged, foreign and dangerous folders: each is refused by name, with the way out."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from malmoi.errors import MalmoiError
from malmoi.model.heads import Classifier, MaskedLM
from malmoi.model.hf.folder import read_classifier, read_encoder, read_masked_lm, write_model


@pytest.fixture
def folder(tmp_path: Path, masked_lm: MaskedLM) -> Path:
    write_model(tmp_path, masked_lm)
    return tmp_path


def refusal(read: Callable[[Path], object], folder: Path) -> str:
    with pytest.raises(MalmoiError) as raised:
        read(folder)
    return str(raised.value)


def set_config(folder: Path, **values: Any) -> None:
    table = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(table | values))


def set_weights(folder: Path, **changes: Tensor | None) -> None:
    tensors = load_file(folder / "model.safetensors")
    for name, value in changes.items():
        name = name.replace("__", ".")
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value
    save_file(tensors, folder / "model.safetensors")


def test_no_model_there(tmp_path: Path, folder: Path) -> None:
    assert "MM0402" in refusal(read_encoder, tmp_path / "nowhere")
    (folder / "model.safetensors").unlink()
    assert "model.safetensors is missing" in refusal(read_masked_lm, folder)


def test_a_pickle_is_never_opened(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    said = refusal(read_encoder, folder)
    assert "MM0403" in said and "opening it may run any code its author put into it" in said
    assert f'.save_pretrained(sys.argv[1])" {folder}' in said


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("{", "Expecting property name"),
        ("[]", "array ≠ object"),
        ('{"model_type": "bert"}', "vocab_size"),
        ("[" * 100_000, ""),
        (b"\xff\xfe", "UTF-16"),
    ],
)
def test_a_config_that_is_none(folder: Path, text: str | bytes, detail: str) -> None:
    (folder / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    said = refusal(read_encoder, folder)
    assert "MM0404" in said and detail in said
    assert f"python -m json.tool {folder / 'config.json'}" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [("hidden_size", 10**12), ("num_hidden_layers", 10**9), ("vocab_size", -1), ("hidden_dropout_prob", 2)],
)
def test_impossible_sizes_are_refused_before_anything_is_allocated(
    folder: Path, name: str, value: int
) -> None:
    set_config(folder, **{name: value})
    said = refusal(read_encoder, folder)
    assert "MM0404" in said and name in said


@pytest.mark.parametrize(
    ("name", "value"),
    [("model_type", "roberta"), ("hidden_act", "gelu_new"), ("position_embedding_type", "relative_key")],
)
def test_what_would_compute_something_else(folder: Path, name: str, value: str) -> None:
    set_config(folder, **{name: value})
    assert f"whose {name} is {value} cannot be opened" in refusal(read_encoder, folder)


def test_missing_and_unknown_weights_are_named(folder: Path) -> None:
    set_weights(folder, bert__encoder__layer__1__output__dense__bias=None, adam_m=torch.zeros(1))
    said = refusal(read_encoder, folder)
    assert "Missing: encoder.layer.1.output.dense.bias. Unknown: adam_m." in said


def test_a_config_with_other_layers(folder: Path) -> None:
    set_config(folder, num_hidden_layers=3)
    said = refusal(read_encoder, folder)
    assert "encoder.layer.2.attention.self.query.weight" in said and "(16)" in said
    set_config(folder, num_hidden_layers=1)
    assert "Unknown: encoder.layer.1" in refusal(read_encoder, folder)


def test_both_shapes_are_shown(folder: Path) -> None:
    set_config(folder, vocab_size=96)
    said = refusal(read_masked_lm, folder)
    assert "MM0407" in said
    assert (
        "embeddings.word_embeddings.weight has the wrong shape: F32 [97, 32] in the file, F32 [96, 32]"
        in said
    )


def test_integers_are_not_weights(folder: Path) -> None:
    set_weights(folder, bert__embeddings__LayerNorm__bias=torch.zeros(32, dtype=torch.int8))
    assert "I8 [32] in the file, F32 [32] by the config" in refusal(read_encoder, folder)


def test_two_spellings_of_one_weight(folder: Path) -> None:
    set_weights(folder, bert__embeddings__LayerNorm__beta=torch.zeros(32))
    assert "Unknown: bert.embeddings.LayerNorm" in refusal(read_encoder, folder)


def absurd(data: bytes) -> bytes:
    return struct.pack("<Q", 2**60) + data[8:]


@pytest.mark.parametrize(
    "damage",
    [lambda d: d[: len(d) // 2], lambda d: b"", lambda d: d[:5], absurd, lambda d: b"<html>" + d],
    ids=["half", "empty", "five bytes", "absurd header", "a web page"],
)
def test_damaged_weights(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    for read in (read_encoder, read_masked_lm):
        assert "MM0408" in refusal(read, folder)


def test_an_output_matrix_trained_apart(folder: Path) -> None:
    set_weights(folder, cls__predictions__decoder__weight=torch.zeros(97, 32))
    assert "cls.predictions.decoder.weight is not the word embeddings" in refusal(read_masked_lm, folder)
    read_encoder(folder)


def test_the_wrong_head(tmp_path: Path, folder: Path, classifier: Classifier) -> None:
    assert "does not have the head that is needed (classifier)" in refusal(read_classifier, folder)
    write_model(tmp_path / "classifier", classifier)
    assert "does not have the head that is needed (masked LM)" in refusal(
        read_masked_lm, tmp_path / "classifier"
    )
    with pytest.raises(ValueError, match="2 labels for 3 outputs"):
        write_model(tmp_path / "x", classifier, ["a", "b"])
