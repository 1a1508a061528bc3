"""Whole runs of a tiny model: they learn, repeat bit for bit, skip, start again, and stop on bad numbers."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from malmoi.artifact.disk import locked
from malmoi.artifact.finished import open_artifact, read_manifest
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig, resolve
from malmoi.finetune.run import finetune
from malmoi.finetune.seeds import finetune_seeds, summarize
from malmoi.finetune.start import Start, pretrained, resolve_checkpoint, without_pretraining
from malmoi.model.sizes import EncoderConfig
from malmoi.predict.predictor import Predictor
from malmoi.progress import Reporter, Step
from malmoi.tasks.data import TaskData, read_task
from malmoi.tasks.suites import TASKS
from tests.tiny.heard import Heard


@pytest.fixture(scope="session")
def data(config: FinetuneConfig) -> TaskData:
    return read_task(config)


@pytest.fixture(scope="session")
def start(checkpoint: Path) -> Start:
    return pretrained(checkpoint)


@pytest.fixture(scope="session")
def run(
    config: FinetuneConfig, data: TaskData, start: Start, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("finetune") / "run"
    finetune(config, data, start, out)
    return out


def digests(run: Path) -> dict[str, str]:
    """Everything but times."""
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in run.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "metrics.jsonl")
    }


class Stopper(Reporter):
    """Presses Ctrl-C in the middle of training."""

    @contextmanager
    def step(self, key: str, total: float | None, unit: str) -> Iterator[Step]:
        yield _StopAt(10) if key == "finetune.training" else _StopAt(10**9)


class _StopAt:
    def __init__(self, calls: int) -> None:
        self.calls = calls

    def advance(self, amount: float, detail: str = "") -> None:
        self.calls -= 1
        if self.calls == 0:
            raise KeyboardInterrupt


def test_it_learns_and_the_scores_are_those_of_the_predictions(run: Path) -> None:
    scores = json.loads((run / "scores.json").read_text("utf-8"))
    assert scores["test"]["accuracy"] > 0.95
    with (run / "predictions.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert [int(row["line"]) for row in rows] == list(range(2, 62))
    assert scores["test"]["accuracy"] == sum(r["gold"] == r["predicted"] for r in rows) / 60
    assert [sum(line) for line in scores["test"]["confusion"]] == [30, 30]
    assert set(scores["test"]["per_class"]) == {"좋음", "나쁨"}


def test_the_best_dev_weights_are_kept(run: Path) -> None:
    events = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    dev = [e for e in events if "dev_macro_f1" in e]
    assert len(dev) == 4
    scores = json.loads((run / "scores.json").read_text("utf-8"))
    best = max(dev, key=lambda e: (e["dev_macro_f1"], -e["dev_loss"]))
    (kept,) = [event for event in dev if event["step"] == scores["chosen"]["step"]]
    # The best or, where chance cannot tell the two apart, one with a lower loss.
    assert kept["dev_loss"] <= best["dev_loss"] and kept["dev_macro_f1"] > best["dev_macro_f1"] - 0.2
    assert scores["dev"]["macro_f1"] == kept["dev_macro_f1"]
    assert scores["dev"]["loss"] == pytest.approx(kept["dev_loss"], rel=1e-6)
    assert all("loss" in e and e["lr"] > 0 for e in events if "dev_macro_f1" not in e)


def test_the_manifest_says_what_was_done(run: Path, data: TaskData, checkpoint: Path) -> None:
    manifest = open_artifact(run, "finetune", verify=True)
    assert (manifest.config["max_len"], manifest.config["epochs"], manifest.seed) == (64, 5, 0)
    assert manifest.counts["train"] == len(data.train) == 216
    assert str(checkpoint / "model.safetensors") in manifest.inputs


def test_the_same_command_gives_the_same_bits(
    config: FinetuneConfig, data: TaskData, start: Start, run: Path, tmp_path: Path
) -> None:
    torch.manual_seed(123)
    before = torch.get_rng_state()
    finetune(config, data, start, tmp_path / "again")
    assert digests(tmp_path / "again") == digests(run)
    assert torch.equal(torch.get_rng_state(), before)  # the caller's random numbers are untouched
    other = config.model_copy(update={"seed": 1})
    finetune(other, data, start, tmp_path / "other")
    assert digests(tmp_path / "other")["model/model.safetensors"] != digests(run)["model/model.safetensors"]


def test_what_is_done_is_skipped_and_a_change_is_not(
    config: FinetuneConfig, data: TaskData, start: Start, tmp_path: Path
) -> None:
    short = config.model_copy(update={"epochs": 1, "evals": 1})
    first = finetune(short, data, start, tmp_path / "run")
    heard = Heard()
    moved = short.model_copy(update={"threads": 2, "tokens_per_batch": 512})  # execution, not identity
    assert finetune(moved, data, start, tmp_path / "run", Context(heard)).key == first.key
    assert heard.keys == ["base.current"]
    changed = short.model_copy(update={"lr": 1e-3})
    assert finetune(changed, data, start, tmp_path / "run", Context(heard)).key != first.key
    fresh = finetune(short, data, without_pretraining(start), tmp_path / "fresh")
    assert fresh.key != first.key


def test_ctrl_c_leaves_it_running_and_the_same_command_finishes(
    config: FinetuneConfig, data: TaskData, start: Start, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        finetune(config, data, start, out, Context(Stopper()))
    assert read_manifest(out).state == "running"
    assert (out / "metrics.jsonl").exists()
    with pytest.raises(MalmoiError, match="MM0620"):
        Predictor.open(out)
    finetune(config, data, start, out)
    assert digests(out) == digests(run)


def test_a_seed_another_process_is_at_is_left_alone(
    config: FinetuneConfig, data: TaskData, start: Start, run: Path
) -> None:
    with locked(run), pytest.raises(MalmoiError, match="MM0006"):
        finetune(config.model_copy(update={"lr": 1e-3}), data, start, run)
    assert read_manifest(run).state == "finished"


def test_a_killed_change_of_mind_costs_nothing(
    config: FinetuneConfig, data: TaskData, start: Start, tmp_path: Path
) -> None:
    """Where a kill left only the finished run that stood aside, the old command finds it again."""
    short = config.model_copy(update={"epochs": 1, "evals": 1})
    summary = finetune_seeds(short, data, start, tmp_path / "runs")
    (tmp_path / "runs" / "summary.json").unlink()
    (tmp_path / "runs" / "seed-0").rename(tmp_path / "runs" / ".seed-0.before")
    heard = Heard()
    assert finetune_seeds(short, data, start, tmp_path / "runs", Context(heard)) == summary
    assert heard.keys == ["base.current"]


def test_pieces_of_an_update_add_up(
    config: FinetuneConfig, data: TaskData, start: Start, tmp_path: Path
) -> None:
    """512 tokens at once instead of 16,384: the same updates up to rounding (dropout off)."""
    calm = config.model_copy(update={"epochs": 1, "evals": 1, "dropout": 0.0, "batch_size": 64})
    finetune(calm, data, start, tmp_path / "whole")
    finetune(calm.model_copy(update={"tokens_per_batch": 512}), data, start, tmp_path / "pieces")
    whole = load_file(tmp_path / "whole" / "model" / "model.safetensors")
    pieces = load_file(tmp_path / "pieces" / "model" / "model.safetensors")
    for name, tensor in whole.items():
        torch.testing.assert_close(pieces[name], tensor, atol=2e-4, rtol=1e-3, msg=name)


def test_a_loss_that_is_no_number_stops_and_names_the_lines(
    config: FinetuneConfig, data: TaskData, checkpoint: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(checkpoint, broken)
    weights = load_file(broken / "model.safetensors")
    weights["bert.encoder.layer.0.output.dense.weight"][0, 0] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MalmoiError) as caught:
        finetune(config, data, pretrained(broken), tmp_path / "run")
    found = caught.value
    assert found.code == "MM0615"
    assert found.where is not None and found.where.startswith(f"{config.train}:")
    assert "at step 1 the loss stopped being a number" in found.what
    lines = found.why.split(": ")[1].rstrip(".").split(", ")
    assert len(lines) == 16  # those of the whole batch
    assert found.where == f"{config.train}:{min(map(int, lines))}"
    assert read_manifest(tmp_path / "run").state == "running"


def test_the_model_opens_in_transformers(run: Path, data: TaskData) -> None:
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(run / "model").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(run / "model")
    texts = [text for text in data.test.texts[:8] if isinstance(text, str)] if data.test else []
    texts.append(unicodedata.normalize("NFD", texts[0]))
    with torch.no_grad():
        theirs = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits.softmax(-1)
    ours = Predictor.open(run).predict(texts)
    assert list(model.config.id2label.values()) == list(data.labels)
    for answer, row in zip(ours, theirs, strict=True):
        assert list(answer.probabilities.values()) == pytest.approx(row.tolist(), abs=1e-5)


def test_seeds_give_mean_and_sample_sd(
    config: FinetuneConfig, data: TaskData, start: Start, tmp_path: Path
) -> None:
    short = config.model_copy(update={"epochs": 1, "evals": 1, "lr": 1e-3})
    summary = finetune_seeds(short, data, start, tmp_path / "runs", seeds=3)
    assert summary["seeds"] == [0, 1, 2]
    accuracy = summary["test"]["accuracy"]
    a, b, c = accuracy["values"]
    mean = (a + b + c) / 3
    assert accuracy["mean"] == pytest.approx(mean)
    assert accuracy["sd"] == pytest.approx((((a - mean) ** 2 + (b - mean) ** 2 + (c - mean) ** 2) / 2) ** 0.5)
    assert summarize([tmp_path / "runs" / "seed-1"])["test"]["accuracy"]["sd"] is None
    assert Predictor.open(tmp_path / "runs").folder == tmp_path / "runs" / summary["best"] / "model"
    with pytest.raises(MalmoiError, match="MM0014"):
        finetune_seeds(short, data, start, tmp_path / "runs" / "seed-0")
    (tmp_path / "notes.csv").write_text("내 글")
    with pytest.raises(MalmoiError, match="MM0014"):
        finetune_seeds(short, data, start, tmp_path / "notes.csv")
    assert (tmp_path / "notes.csv").read_text() == "내 글"


def test_new_weights_share_the_head_but_not_the_encoder(start: Start) -> None:
    taught, _ = start.load(3, 0.1, 2)
    new, _ = without_pretraining(start).load(3, 0.1, 2)
    assert torch.equal(taught.head.classifier.weight, new.head.classifier.weight)
    assert not torch.equal(taught.encoder.embeddings.word.weight, new.encoder.embeddings.word.weight)


def test_a_pretraining_run_stands_for_its_newest_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    for step in (9, 10):
        folder = tmp_path / "wiki" / "pretrain" / "checkpoints" / f"step-{step}"
        shutil.copytree(checkpoint, folder)
        (folder / "checkpoint.json").write_text("{}")
    newest = tmp_path / "wiki" / "pretrain" / "checkpoints" / "step-10"
    assert resolve_checkpoint(tmp_path / "wiki" / "pretrain") == newest
    assert resolve_checkpoint(tmp_path / "wiki") == newest
    assert resolve_checkpoint(newest) == newest


@pytest.mark.parametrize("name", ["model.safetensors", "vocab.txt", "config.json"])
def test_a_flipped_bit_in_a_checkpoint(name: str, checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "step-1"
    shutil.copytree(checkpoint, folder)
    files = {
        path.name: {"size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in folder.iterdir()
    }
    (folder / "checkpoint.json").write_text(json.dumps({"step": 1, "files": files}), "utf-8")
    start = pretrained(folder)
    assert len(start.inputs(tmp_path / "run")) >= 4
    data = bytearray((folder / name).read_bytes())
    data[-3] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(MalmoiError) as caught:
        start.inputs(tmp_path / "run")
    assert (caught.value.code, caught.value.where) == ("MM0013", str(folder / name))
    assert caught.value.what == "a file of this artifact is not as it was recorded (SHA-256)."
    (folder / "checkpoint.json").write_text("[", "utf-8")
    with pytest.raises(MalmoiError, match="MM0013"):
        start.inputs(tmp_path / "run")


def test_starts_that_cannot_be(checkpoint: Path, tmp_path: Path, start: Start) -> None:
    with pytest.raises(MalmoiError, match="MM0616"):
        pretrained(tmp_path)
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(checkpoint / name, bare / name)
    with pytest.raises(MalmoiError, match="MM0618"):
        pretrained(bare)
    large = tmp_path / "large"
    large.mkdir()
    entries = (checkpoint / "vocab.txt").read_text("utf-8") + "뷁\n쀍\n"
    (large / "vocab.txt").write_text(entries, "utf-8")
    with pytest.raises(MalmoiError) as caught:
        pretrained(bare, large).load(0, 0.1, 2)
    assert caught.value.code == "MM0617"


def test_too_long_for_the_model(config: FinetuneConfig, data: TaskData, start: Start, tmp_path: Path) -> None:
    with pytest.raises(MalmoiError) as caught:
        finetune(config.model_copy(update={"max_len": 65}), data, start, tmp_path / "run")
    assert caught.value.what == "max_len 65 is more than this model's 64 positions."
    assert not (tmp_path / "run").exists()


def test_defaults_are_filled_in() -> None:
    nsmc = TASKS["nsmc"]
    narrow = EncoderConfig(vocab_size=9, hidden=768, heads=12, max_positions=64)
    filled = resolve(
        FinetuneConfig(), nsmc, rows=135_000, shape=EncoderConfig(vocab_size=9, hidden=256, heads=4)
    )
    assert (filled.epochs, filled.batch_size, filled.max_len) == (3, 32, 128)
    assert filled.lr == pytest.approx(1.5e-4)
    small = resolve(FinetuneConfig(lr=1e-5), nsmc, rows=800, shape=narrow)
    assert (small.lr, small.epochs, small.max_len) == (1e-5, 20, 64)
    assert resolve(FinetuneConfig(epochs=1), nsmc, rows=800, shape=narrow).epochs == 1
    assert resolve(FinetuneConfig(), nsmc, rows=4000, shape=narrow).epochs == 5
