"""Scores learned end to end: on the user's scale in every file, in `malmoi predict` and in transformers."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy import stats

from malmoi.artifact.finished import open_artifact
from malmoi.cli.main import run as malmoi
from malmoi.context import Context
from malmoi.finetune.answer import model_outputs
from malmoi.finetune.batches import encode
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.judged import judged
from malmoi.finetune.run import finetune
from malmoi.finetune.seeds import finetune_seeds
from malmoi.finetune.start import pretrained
from malmoi.predict.file import answer_file
from malmoi.predict.predictor import Predictor
from malmoi.tasks.data import TaskData, read_task
from malmoi.tasks.kinds.regression import Regression
from tests.tiny.heard import Heard
from tests.tiny.labelled import CPU

WORDS = {"최악의 영화": 10, "정말 지루하다": 25, "감동이 있다": 60, "최고의 영화": 90}


@pytest.fixture(scope="module")
def stars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts with a score from 10 to 92.5 that lies in their words."""
    folder = tmp_path_factory.mktemp("stars")
    for name, start, count in (("train", 0, 320), ("test", 320, 60)):
        rows = [["문장", "별점"]]
        for i in range(start, start + count):
            words, score = list(WORDS.items())[i % 4]
            rows.append([f"나는 {words} {i}", str(score + i % 3 * 1.25)])
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
    return folder


@pytest.fixture(scope="module")
def scored(stars: Path) -> FinetuneConfig:
    return FinetuneConfig(
        train=stars / "train.csv",
        test=stars / "test.csv",
        text=("문장",),
        label="별점",
        kind="regress",
        epochs=14,
        lr=2e-3,
        batch_size=16,
        evals=4,
        **CPU,
    )


@pytest.fixture(scope="module")
def data(scored: FinetuneConfig) -> TaskData:
    return read_task(scored)


@pytest.fixture(scope="module")
def run(
    scored: FinetuneConfig, data: TaskData, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("regression") / "run"
    finetune(scored, data, pretrained(checkpoint), out)
    return out


def scores(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "scores.json").read_text("utf-8")))


def predictions(run: Path) -> tuple[list[int], list[float], list[float]]:
    with (run / "predictions.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert list(rows[0]) == ["line", "gold", "predicted"]
    return (
        [int(row["line"]) for row in rows],
        [float(row["gold"]) for row in rows],
        [float(row["predicted"]) for row in rows],
    )


def test_it_learns_on_the_users_scale(run: Path) -> None:
    lines, gold, predicted = predictions(run)
    assert lines == list(range(2, 62))
    found = scores(run)
    assert (found["kind"], found["metric"], found["labels"]) == ("regress", "spearman", [])
    test = found["test"]
    # Of a scale with a standard deviation of 31; twelve seeds give .94 to .95 and an RMSE of 1.1 to 2.2.
    assert test["spearman"] > 0.9 and test["rmse"] < 8
    assert test["spearman"] == pytest.approx(stats.spearmanr(gold, predicted).statistic, abs=1e-9)
    assert test["pearson"] == pytest.approx(stats.pearsonr(gold, predicted).statistic, abs=1e-9)
    assert test["mse"] == pytest.approx(np.mean((np.array(gold) - predicted) ** 2), rel=1e-6)
    open_artifact(run, "finetune", verify=True)


def test_dev_chose_among_four(run: Path) -> None:
    events = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    dev = [event for event in events if "dev_spearman" in event]
    assert len(dev) == 4 and all({"dev_pearson", "dev_rmse", "dev_loss"} <= event.keys() for event in dev)
    best = max(dev, key=lambda event: event["dev_spearman"])
    (kept,) = [event for event in dev if event["step"] == scores(run)["chosen"]["step"]]
    assert kept["dev_loss"] <= best["dev_loss"] and kept["dev_spearman"] > best["dev_spearman"] - 0.05
    assert scores(run)["dev"]["rmse"] == pytest.approx(kept["dev_rmse"])


def test_predict_answers_with_the_scores_of_the_run(run: Path, data: TaskData, tmp_path: Path) -> None:
    assert data.test is not None
    predictor = Predictor.open(run)
    answers = predictor.predict(data.test.texts)
    _, _, predicted = predictions(run)
    assert [answer.score for answer in answers] == pytest.approx(predicted, rel=1e-5)
    assert all(answer.probability is None and answer.probabilities == {} for answer in answers)
    assert answers[0].label == f"{predicted[0]:.4g}"
    assert answer_file(predictor, Path(data.test.path), tmp_path / "answers.tsv") == 60
    with (tmp_path / "answers.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert list(rows[0]) == ["line", "score", "문장"]
    assert [float(row["score"]) for row in rows] == pytest.approx(predicted, rel=1e-5)


def test_transformers_gives_the_same_scores(run: Path, data: TaskData) -> None:
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(run / "model").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(run / "model")
    assert (model.config.problem_type, model.config.num_labels) == ("regression", 1)
    texts = [text for text in data.test.texts[:8] if isinstance(text, str)] if data.test else []
    with torch.no_grad():
        theirs = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits[:, 0].tolist()
    ours = [answer.score for answer in Predictor.open(run).predict(texts)]
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_folding_the_scale_in_changes_no_answer(data: TaskData, checkpoint: Path) -> None:
    model, tokenizer = pretrained(checkpoint).load(0, 0.0, 1)
    kind = data.kind.of(data.train, data.labels)
    gold = np.array([float(label) for label in data.train.labels])
    assert kind == Regression(pytest.approx(gold.mean()), pytest.approx(gold.std()))
    encoded = encode(tokenizer, data.train.texts[:20], 32)

    def outputs() -> np.ndarray[Any, Any]:
        return model_outputs(model, encoded, device=torch.device("cpu"), tokens_per_batch=512)

    before = kind.decode(outputs())
    after = kind.settle(model)
    assert after == Regression.saved(())
    np.testing.assert_allclose(after.decode(outputs()), before, rtol=1e-5)


def test_the_loss_is_squared_error_of_standard_scores() -> None:
    kind = Regression(50.0, 20.0)
    outputs, gold = torch.tensor([[0.5], [-1.0]]), torch.tensor([60.0, 50.0], dtype=torch.float64)
    assert float(kind.loss(outputs, gold)) == pytest.approx((0.5 - 0.5) ** 2 + (-1.0 - 0.0) ** 2)
    found = judged(kind, "rmse", kind.decode(outputs.numpy()), gold.numpy())
    assert (found.score**2, found.loss) == (pytest.approx(200), pytest.approx(0.5))


def test_a_collapsed_model_scores_0_and_says_so(
    scored: FinetuneConfig, data: TaskData, checkpoint: Path, tmp_path: Path
) -> None:
    dead = tmp_path / "dead"  # every text gets the same [CLS] vector, as after a failed pretraining
    shutil.copytree(checkpoint, dead)
    weights = load_file(dead / "model.safetensors")
    for name in weights:
        if name.endswith("output.LayerNorm.weight"):
            weights[name].zero_()
    save_file(weights, dead / "model.safetensors", metadata={"format": "pt"})
    heard = Heard()
    stuck = scored.model_copy(update={"epochs": 1, "evals": 1, "lr": 1e-12})
    finetune(stuck, data, pretrained(dead), tmp_path / "run", Context(heard))
    test = scores(tmp_path / "run")["test"]
    assert (test["spearman"], test["pearson"], test["constant"]) == (0.0, 0.0, True)
    assert heard.warned == [
        ("MM0626", {"split": "dev", "n": len(data.dev)}),
        ("MM0626", {"split": "test", "n": 60}),
    ]


def test_seeds_give_the_metrics_of_the_kind(
    scored: FinetuneConfig, data: TaskData, checkpoint: Path, tmp_path: Path
) -> None:
    short = scored.model_copy(update={"epochs": 1, "evals": 1})
    summary = finetune_seeds(short, data, pretrained(checkpoint), tmp_path / "runs", seeds=2)
    assert (summary["kind"], summary["metric"]) == ("regress", "spearman")
    assert set(summary["test"]) == {"spearman", "pearson", "rmse", "rows"}
    assert Predictor.open(tmp_path / "runs").predict(["나는 최고의 영화"])[0].score is not None


def test_as_typed(stars: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "finetune",
        str(checkpoint),
        "--train",
        str(stars / "train.csv"),
        "--text",
        "문장",
        "--label",
        "별점",
    ]
    words += ["--test", str(stars / "test.csv"), "--kind", "regress", "--out", str(tmp_path / "run")]
    quick = ["epochs=8", "lr=2e-3", "threads=1", "precision=fp32", "device=cpu", "batch_size=16"]
    sets = [word for setting in quick for word in ("--set", f"finetune.{setting}")]
    assert malmoi([*words, *sets, "--json"]) == 0
    seen = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    table = next(event for event in seen if event["event"] == "table")
    assert table["columns"] == ["split", "rows", "seeds", "Spearman", "Pearson", "RMSE"]
    assert float(table["rows"][1][3]) > 90 and float(table["rows"][1][5]) < 25
    assert malmoi(["predict", str(tmp_path / "run"), "나는 최고의 영화", "--json"]) == 0
    seen = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert 60 < seen[-1]["answers"][0]["score"] < 110
    (table,) = [event for event in seen if event["event"] == "table"]
    assert table["columns"] == ["text", "score"]
    assert malmoi([*words[:-4], "--kind", "scale", "--out", str(tmp_path / "other"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["code"] == "MM0004"
