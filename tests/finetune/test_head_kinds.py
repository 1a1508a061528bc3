"""The three heads of a classifier, on a BERT and on an ELECTRA."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig, resolve
from malmoi.finetune.run import finetune
from malmoi.finetune.start import pretrained
from malmoi.model.sizes import EncoderConfig
from malmoi.predict.predictor import Predictor
from malmoi.tasks.data import TaskData, read_task
from malmoi.tasks.suites import TASKS
from tests.tiny.checkpoints import write_checkpoint
from tests.tiny.labelled import SYLLABLES


@pytest.fixture(scope="module")
def discriminator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ELECTRA with narrow embeddings and the vocabulary of the other checkpoint."""
    folder = tmp_path_factory.mktemp("electra") / "step-1"
    write_checkpoint(folder, SYLLABLES, seed=5, arch="electra", embedding=16)
    return folder


@pytest.fixture(scope="module")
def data(config: FinetuneConfig) -> TaskData:
    return read_task(config)


@pytest.mark.parametrize(
    ("arch", "head", "kind", "opens"),
    [
        ("bert", "auto", "pooler", "BertForSequenceClassification"),
        ("bert", "linear", "linear", "BertModel"),
        ("electra", "auto", "linear", "ElectraModel"),
        ("electra", "dense", "dense", "ElectraForSequenceClassification"),
    ],
)
def test_every_head_learns_and_is_read_back(
    arch: str,
    head: str,
    kind: str,
    opens: str,
    config: FinetuneConfig,
    data: TaskData,
    checkpoint: Path,
    discriminator: Path,
    tmp_path: Path,
) -> None:
    start = pretrained(checkpoint if arch == "bert" else discriminator)
    asked = config.model_copy(update={"head": head, "layer_decay": 0.9, "epochs": 8})
    manifest = finetune(asked, data, start, tmp_path / "run")
    assert (manifest.config["head"], manifest.config["layer_decay"]) == (kind, 0.9)
    test = json.loads((tmp_path / "run" / "scores.json").read_text("utf-8"))["test"]
    assert test["accuracy"] > 0.9
    predictor = Predictor.open(tmp_path / "run")
    assert predictor.model.head.kind == kind
    assert data.test is not None
    right = [
        a.label == gold for a, gold in zip(predictor.predict(data.test.texts), data.test.labels, strict=True)
    ]
    assert sum(right) / 60 == test["accuracy"]
    saved = json.loads((tmp_path / "run" / "model" / "config.json").read_text("utf-8"))
    assert saved["architectures"] == [opens]


@pytest.mark.parametrize(("arch", "head"), [("bert", "dense"), ("electra", "pooler")])
def test_a_head_that_does_not_go_with_the_encoder_stops_before_anything_is_written(
    arch: str,
    head: str,
    config: FinetuneConfig,
    data: TaskData,
    checkpoint: Path,
    discriminator: Path,
    tmp_path: Path,
) -> None:
    start = pretrained(checkpoint if arch == "bert" else discriminator)
    with pytest.raises(MalmoiError) as caught:
        finetune(config.model_copy(update={"head": head}), data, start, tmp_path / "run")
    assert caught.value.code == "MM0412"
    assert not (tmp_path / "run").exists()


def test_auto_is_written_down_as_what_it_was() -> None:
    for arch, kind in (("bert", "pooler"), ("electra", "linear")):
        shape = EncoderConfig.model_validate({"arch": arch, "vocab_size": 9})
        assert resolve(FinetuneConfig(), TASKS["nsmc"], rows=9, shape=shape).head == kind
