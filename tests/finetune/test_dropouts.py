"""Both dropouts are the checkpoint's own unless one asks, and they reach what learns. Neither asks how an
update is cut."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from malmoi.artifact.finished import read_manifest
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.run import finetune
from malmoi.finetune.start import pretrained
from malmoi.tasks.data import TaskData, read_task


@pytest.fixture(scope="module")
def data(config: FinetuneConfig) -> TaskData:
    return read_task(config)


@pytest.fixture(scope="module")
def foreign(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights with the config.json that transformers writes: attention dropout .1."""
    folder = tmp_path_factory.mktemp("foreign") / "bert"
    shutil.copytree(checkpoint, folder)
    table = json.loads((folder / "config.json").read_text("utf-8"))
    assert table["attention_probs_dropout_prob"] == 0.0
    table["attention_probs_dropout_prob"] = 0.1
    (folder / "config.json").write_text(json.dumps(table), "utf-8")
    return folder


@pytest.mark.parametrize(("asked", "own", "foreigns"), [(None, 0.0, 0.1), (0.3, 0.3, 0.3), (0.0, 0.0, 0.0)])
def test_it_is_the_checkpoint_s_unless_asked(
    asked: float | None, own: float, foreigns: float, checkpoint: Path, foreign: Path
) -> None:
    for folder, wanted in ((checkpoint, own), (foreign, foreigns)):
        model, _ = pretrained(folder).load(0, 0.1, 2, attention_dropout=asked)
        assert model.encoder.config.attention_dropout == wanted
        assert [block.attention_dropout for block in model.encoder.blocks] == [wanted]


@pytest.mark.parametrize(("asked", "wanted"), [(None, 0.2), (0.3, 0.3), (0.0, 0.0)])
def test_the_other_dropout_likewise(
    asked: float | None,
    wanted: float,
    config: FinetuneConfig,
    data: TaskData,
    checkpoint: Path,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "bert"
    shutil.copytree(checkpoint, folder)
    table = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(table | {"hidden_dropout_prob": 0.2}), "utf-8")
    model, _ = pretrained(folder).load(0, asked, 2)
    dropouts = [module.dropout for module in model.modules() if hasattr(module, "dropout")]
    assert len(dropouts) >= 3 and set(dropouts) == {wanted}, "embeddings, blocks, head"
    short = config.model_copy(update={"epochs": 1, "evals": 1, "dropout": asked})
    finetune(short, data, pretrained(folder), tmp_path / "run")
    assert read_manifest(tmp_path / "run").config["dropout"] == wanted


def test_it_changes_what_is_learnt_and_is_written_down(
    config: FinetuneConfig, data: TaskData, checkpoint: Path, foreign: Path, tmp_path: Path
) -> None:
    short = config.model_copy(update={"epochs": 1, "evals": 1})

    def learn(name: str, folder: Path, asked: float | None) -> Path:
        asked_for = short.model_copy(update={"attention_dropout": asked})
        finetune(asked_for, data, pretrained(folder), tmp_path / name)
        return tmp_path / name

    runs = {
        "none": learn("none", checkpoint, None),
        "zero": learn("zero", foreign, 0.0),
        "some": learn("some", checkpoint, 0.1),
        "own": learn("own", foreign, None),
    }
    said = {name: read_manifest(run).config["attention_dropout"] for name, run in runs.items()}
    assert said == {"none": 0.0, "zero": 0.0, "some": 0.1, "own": 0.1}
    tuned = {name: (run / "model" / "model.safetensors").read_bytes() for name, run in runs.items()}
    assert tuned["none"] == tuned["zero"] != tuned["some"] == tuned["own"]
    saved = json.loads((runs["some"] / "model" / "config.json").read_text("utf-8"))
    assert saved["attention_probs_dropout_prob"] == 0.1


def test_how_much_is_computed_at_once_changes_rounding_only(
    config: FinetuneConfig, data: TaskData, checkpoint: Path, tmp_path: Path
) -> None:
    """32 texts of up to 64 tokens at once, and their rows in pieces of 512 tokens."""
    asked = config.model_copy(update={"epochs": 1, "evals": 1, "attention_dropout": 0.1, "batch_size": 32})
    tuned = {}
    for tokens in (16384, 512):
        out = tmp_path / str(tokens)
        finetune(asked.model_copy(update={"tokens_per_batch": tokens}), data, pretrained(checkpoint), out)
        tuned[tokens] = load_file(out / "model" / "model.safetensors")
    whole, pieces = tuned.values()
    assert max(float((whole[k] - pieces[k]).abs().max()) for k in whole) < 2e-5
