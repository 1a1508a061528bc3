"""Weights in a pickle: converted by a process that runs nothing of it, beside nobody's files."""

from __future__ import annotations

import io
import os
import pickle
import shutil
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from malmoi.errors import MalmoiError
from malmoi.finetune.start import pretrained
from malmoi.model.encoder import Encoder
from malmoi.model.heads import MaskedLM, MlmHead
from malmoi.model.hf.convert import with_safetensors
from malmoi.model.hf.folder import read_masked_lm, write_model
from malmoi.model.hf.unpickle import convert
from malmoi.model.sizes import EncoderConfig
from malmoi.pretrain.init.from_checkpoint import open_init
from malmoi.special import SPECIAL_TOKENS


@pytest.fixture(autouse=True)
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MALMOI_MODELS", str(tmp_path / "copies"))
    return tmp_path / "copies"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    shape = EncoderConfig(vocab_size=16, hidden=8, layers=1, heads=2, ffn=8, max_positions=16)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        write_model(folder, MaskedLM(Encoder(shape), MlmHead(shape)))
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL_TOKENS, *"가나다라마바사아자차카"]) + "\n", "utf-8")
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """As a peer publishes it: the weights are a pickle, and the output matrix shares the embeddings."""
    folder = tmp_path / "모델"
    shutil.copytree(written, folder)
    weights = OrderedDict(load_file(folder / "model.safetensors"))
    weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"]
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def test_the_copy_has_the_same_weights_and_the_folder_stays_as_it_was(
    folder: Path, written: Path, copies: Path
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    copy = with_safetensors(folder)
    assert copy.parent == copies and sorted(path.name for path in folder.iterdir()) == before
    one, other = read_masked_lm(copy).state_dict(), read_masked_lm(written).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in other) and one.keys() == other.keys()
    assert (copy / "vocab.txt").read_bytes() == (folder / "vocab.txt").read_bytes()
    stamp = (copy / "model.safetensors").stat().st_mtime_ns
    assert with_safetensors(folder) == copy and (copy / "model.safetensors").stat().st_mtime_ns == stamp
    assert [path.name for path in copies.iterdir()] == [copy.name]
    assert with_safetensors(written) == written


def test_a_copy_is_on_the_disk_before_it_has_its_name(
    folder: Path, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut later leaves all of it or none: what has the name is taken as it is."""
    synced: set[int] = set()
    renamed: list[Path] = []
    fsync, rename = os.fsync, Path.rename

    def listen(descriptor: int) -> None:
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def named(draft: Path, copy: Path) -> Path:
        assert {path.stat().st_ino for path in [draft, *draft.iterdir()]} <= synced
        renamed.append(copy)
        return rename(draft, copy)

    monkeypatch.setattr(os, "fsync", listen)
    monkeypatch.setattr(Path, "rename", named)
    copy = with_safetensors(folder)
    assert copy.parent == copies and renamed == [copy]


def test_every_stage_that_starts_from_a_model_takes_it(folder: Path, copies: Path, tmp_path: Path) -> None:
    start = pretrained(folder)
    assert start.weights is not None and start.weights.parent == start.tokenizer.parent == copies
    assert open_init(folder, "mlm", tmp_path / "out").folder == start.weights
    (folder / "vocab.txt").unlink()
    with pytest.raises(MalmoiError) as caught:
        pretrained(folder)
    assert (caught.value.code, caught.value.where) == ("MM0618", str(folder))


class Call:
    """A pickle that runs a shell command when it is opened."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {self.canary}",))


def _zipped(value: object, path: Path) -> None:
    torch.save(value, path)


def _legacy(value: object, path: Path) -> None:
    torch.save(value, path, _use_new_zipfile_serialization=False)


def _plain(value: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(value))


@pytest.mark.parametrize("save", [_zipped, _legacy, _plain])
@pytest.mark.parametrize("inside", [False, True])
def test_no_code_of_a_pickle_is_run(save: Any, inside: bool, tmp_path: Path) -> None:
    canary, file = tmp_path / "canary", tmp_path / "pytorch_model.bin"
    call = Call(canary)
    save({"bert.x": torch.zeros(2), "bert.y": call} if inside else call, file)
    assert convert(file, tmp_path / "model.safetensors")
    assert not canary.exists() and not (tmp_path / "model.safetensors").exists()
    with suppress(pickle.UnpicklingError, RuntimeError):
        torch.load(file, weights_only=False)
    assert canary.exists()  # so it is where a pickle is simply opened


def test_a_refusal_names_the_file_and_leaves_nothing(folder: Path, copies: Path, tmp_path: Path) -> None:
    torch.save({"bert.x": Call(tmp_path / "canary")}, folder / "pytorch_model.bin")
    with pytest.raises(MalmoiError) as caught:
        pretrained(folder)
    assert (caught.value.code, caught.value.where) == ("MM0643", str(folder / "pytorch_model.bin"))
    assert not (tmp_path / "canary").exists() and not any(copies.iterdir())


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"model": {"bert.x": torch.zeros(1)}, "epoch": 3}, "model, epoch"),
        ([torch.zeros(1)], "list"),
        ({}, "{}"),
    ],
)
def test_what_is_no_weights_is_refused(state: Any, says: str, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "a.bin")
    assert convert(tmp_path / "a.bin", tmp_path / "a.safetensors") == says


@pytest.mark.parametrize(
    "data", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"PK\x03\x04" + bytes(99)]
)
def test_a_file_that_is_no_pickle(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(data)
    assert convert(tmp_path / "a.bin", tmp_path / "a.safetensors")


def test_a_bomb_meets_its_limit(folder: Path, copies: Path) -> None:
    """One number that says it is a terabyte: a view with stride 0."""
    stream = io.BytesIO()
    torch.save({"bert.x": torch.zeros(1).expand(2**38)}, stream)
    (folder / "pytorch_model.bin").write_bytes(stream.getvalue())
    with pytest.raises(MalmoiError) as caught:
        with_safetensors(folder)
    assert caught.value.code == "MM0644" and not any(copies.iterdir())
