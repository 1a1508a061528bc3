"""A real small ELECTRA run: its journal, what it learns, kill and resume, extension, milestones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from malmoi.artifact.finished import Manifest
from malmoi.errors import MalmoiError
from malmoi.model.hf.folder import read_discriminator, read_masked_lm
from malmoi.pretrain.checkpoint import milestone_checkpoints, milestone_steps
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.pretrain.run import pretrain
from malmoi.training.optimizers import AdamWConfig
from tests.tiny.runs import MODEL, contents, train, training

from .test_run import die_training

ELECTRA = training(
    objective="electra",
    weight_init="cooccurrence",
    segment_pair_rate=0.3,
    copy_rate=0.2,
    schedule="electra",
    optimizer={"name": "adamw", "bias_correction": False},
    milestones=(0.25, 0.5),
    checkpoint_every=2,
)
SHAPE = MODEL.model_copy(update={"generator_width": 1.0})
TRAIN_KEYS = {
    "step", "tokens", "loss", "generator_loss", "discriminator_loss", "generator_accuracy", "replaced_rate",
    "discriminator_auc", "discriminator_precision", "discriminator_recall", "base_entropy", "lr", "grad_norm",
    "sample_accuracy", "sample_surprise", "sampled_rate", "drift", "clock",
}  # fmt: skip


def steps_of(run: Path) -> set[str]:
    return {path.name for path in (run / "checkpoints").iterdir()}


@pytest.fixture(scope="module")
def whole(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("electra") / "run"
    pretrain(ELECTRA, SHAPE, shards, out)
    return out


def test_the_journal_has_every_metric(whole: Path) -> None:
    entries = read_journal(whole)
    trained = [e for e in entries if "loss" in e]
    assert [e["step"] for e in trained] == [3, 6, 9, 12] and all(set(e) == TRAIN_KEYS for e in trained)
    held = [e for e in entries if "heldout_loss" in e]
    measured = TRAIN_KEYS - {"step", "tokens", "lr", "grad_norm", "drift", "clock"}
    names = {f"heldout_{name}" for name in measured | {"unigram", "cls_cosine"}}
    assert [e["step"] for e in held] == [6, 12] and all(set(e) == names | {"step", "tokens"} for e in held)
    for e in trained:
        assert e["loss"] == pytest.approx(e["generator_loss"] + 50 * e["discriminator_loss"], rel=1e-6)
        assert abs(e["drift"]) < 1e-5 and e["replaced_rate"] == e["sampled_rate"] < 0.2
    assert trained[0]["lr"] == pytest.approx(3e-3 * (1 - 2 / 12)), "warm-up of one step, the third update"


def test_a_killed_run_goes_on_bit_by_bit(whole: Path, shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    die_training(ELECTRA, SHAPE, shards, out, 270_000)  # of 480,000: in the sixth step of twelve
    assert "step-4" in steps_of(out) and "step-12" not in steps_of(out)
    pretrain(ELECTRA, SHAPE, shards, out)
    assert contents(out) == contents(whole)


def test_milestones_stay_while_others_go(whole: Path, shards: Path, tmp_path: Path) -> None:
    """Shares 1/4 and 1/2 of 12 steps, a save every 2nd, 2 kept: for both objectives."""
    train(shards, tmp_path / "run", milestones=(0.25, 0.5), checkpoint_every=2)
    for run in (whole, tmp_path / "run"):
        assert steps_of(run) == {"step-3", "step-6", "step-10", "step-12"}
        assert [p.name for p in milestone_checkpoints(run)] == ["step-3", "step-6", "step-12"]
    for place in milestone_checkpoints(whole):
        a, b = read_discriminator(place).encoder, read_masked_lm(place / "generator").encoder
        assert torch.equal(a.embeddings.word.weight, b.embeddings.word.weight)
        assert (place / "vocab.txt").exists()


def test_milestone_steps() -> None:
    assert milestone_steps(1000, (0.0625, 0.125, 0.25, 0.5, 1.0)) == {62, 125, 250, 500, 1000}
    assert milestone_steps(10, (0.001, 0.04)) == {1} and milestone_steps(10, ()) == set()


def test_more_steps_extend_a_finished_electra_run(whole: Path, shards: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    longer = ELECTRA.model_copy(update={"steps": 14})
    manifest = pretrain(longer, SHAPE, shards, tmp_path / "run")
    assert (manifest.state, manifest.counts["step"]) == ("finished", 14)
    assert [e["step"] for e in read_journal(tmp_path / "run") if "loss" in e] == [3, 6, 9, 12, 14]
    kept = [path.name for path in milestone_checkpoints(tmp_path / "run")]
    assert kept == ["step-3", "step-6", "step-14"], "milestones it has passed stay; 4 and 7 were passed by"


@pytest.mark.parametrize("share", [0.0, -0.1, 25])
def test_milestones_are_shares(share: float) -> None:
    with pytest.raises(ValueError, match="milestones"):
        PretrainConfig.model_validate({"milestones": [share]})


@pytest.fixture(scope="module")
def learned(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    long = {"steps": 160, "log_every": 40, "heldout_every": 160, "checkpoint_every": 160}
    config = training(objective="electra", weight_init="cooccurrence", **long)
    shape = SHAPE.model_copy(update={"dropout": 0.0})
    return pretrain(config, shape, shards, tmp_path_factory.mktemp("learned") / "run")


def test_it_learns(learned: Manifest) -> None:
    """The generator passes word frequencies, the discriminator chance, and both parts of the loss fall."""
    counts = learned.counts
    assert counts["heldout_generator_loss"] < counts["heldout_unigram"] - 0.5
    assert counts["heldout_discriminator_auc"] > 0.6
    assert counts["heldout_discriminator_loss"] < counts["heldout_base_entropy"]
    assert counts["heldout_cls_cosine"] < 0.99
    assert abs(counts["sample_surprise"]) < 0.4 and "MM0524" not in counts["alarms"]


def test_a_non_finite_loss_is_refused_and_not_lost_in_a_histogram(shards: Path, tmp_path: Path) -> None:
    wild = ELECTRA.model_copy(
        update={
            "lr": 1e30,
            "warmup": 0.0,
            "schedule": "constant",
            "weight_init": "random",
            "optimizer": AdamWConfig(),
        }
    )
    with pytest.raises(MalmoiError, match=r"MM0509.*stopped before the weights changed"):
        pretrain(wild, SHAPE, shards, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["state"] == "running"
