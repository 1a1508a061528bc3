"""An optimizer and a schedule by one line each: from the recipe to checkpoints, and on from a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.config import read_recipe
from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig
from malmoi.pretrain.checkpoint import newest_checkpoint, read_moments
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.training.optimizers import OPTIMIZERS
from malmoi.training.schedules import SCHEDULES
from tests.extension.sawtooth import sawtooth
from tests.extension.sign_sgd import SIGN_SGD, SignConfig
from tests.tiny.runs import contents, train


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPTIMIZERS, "sign-sgd", SIGN_SGD)
    monkeypatch.setitem(SCHEDULES, "sawtooth", sawtooth)


def test_the_recipe_knows_them() -> None:
    sets = [
        "pretrain.optimizer.name=sign-sgd",
        "pretrain.optimizer.momentum=0.8",
        "pretrain.schedule=sawtooth",
    ]
    config, _ = read_recipe(None, RunConfig, sets)
    assert config.pretrain.optimizer == SignConfig(momentum=0.8)
    assert FinetuneConfig.model_validate({"optimizer": {"name": "sign-sgd"}}).optimizer == SignConfig()
    with pytest.raises(MalmoiError, match=r"MM0003.*'pretrain.optimizer.momentum'"):
        read_recipe(None, RunConfig, [*sets[:1], "pretrain.optimizer.momentun=0.8"])
    with pytest.raises(MalmoiError, match=r"MM0004.*pretrain.optimizer.momentum.*less than 1"):
        read_recipe(None, RunConfig, [*sets[:1], "pretrain.optimizer.momentum=2"])
    with pytest.raises(MalmoiError, match=r"MM0004.*pretrain.optimizer.name.*'adamw', 'sign-sgd'"):
        read_recipe(None, RunConfig, ["pretrain.optimizer.name=sgd"])


def test_a_run_learns_with_them_and_goes_on_bit_by_bit(shards: Path, tmp_path: Path) -> None:
    settings = {"optimizer": "sign-sgd", "schedule": "sawtooth", "lr": 1e-3, "log_every": 1}
    train(shards, tmp_path / "whole", **settings)
    train(shards, tmp_path / "parts", steps=7, **settings)
    train(shards, tmp_path / "parts", **settings)
    checkpoint = newest_checkpoint(tmp_path / "whole")
    assert {name.partition(".")[0] for name in read_moments(checkpoint)} == {"mean"}
    whole, parts = contents(tmp_path / "whole"), contents(tmp_path / "parts")
    last = f"checkpoints/{checkpoint.name}/"
    assert {k: v for k, v in whole.items() if k.startswith(last)} == {
        k: v for k, v in parts.items() if k.startswith(last)
    }
    entries = [entry for entry in read_journal(tmp_path / "whole") if "lr" in entry]
    assert [entry["lr"] for entry in entries[:6]] == pytest.approx([1e-3, 8e-4, 6e-4, 4e-4, 2e-4, 1e-3])
    assert entries[-1]["loss"] < entries[0]["loss"]
