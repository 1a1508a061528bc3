"""Dev chooses, and what it chose is what comes out: the weights of the best checkpoint, the best seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.run import finetune
from malmoi.finetune.seeds import best_seed, summarize
from malmoi.finetune.start import pretrained
from malmoi.predict.predictor import Predictor
from malmoi.tasks.data import read_task
from tests.tiny.labelled import reviews


def test_the_weights_that_come_out_are_those_dev_chose(
    config: FinetuneConfig, checkpoint: Path, tmp_path: Path
) -> None:
    """The dev rows say the opposite of the training rows: the more is learned the worse they are met, so the
    first of the checkpoints is the best by every measure, and the last the worst."""
    swapped = {"좋음": "나쁨", "나쁨": "좋음", "감정": "감정"}
    rows = [line.rsplit(",", 1) for line in reviews(60, start=300).splitlines()]
    (tmp_path / "dev.csv").write_text("\n".join(f"{text},{swapped[label]}" for text, label in rows), "utf-8")
    stubborn = config.model_copy(update={"dev": tmp_path / "dev.csv"})
    data = read_task(stubborn)
    finetune(stubborn, data, pretrained(checkpoint), tmp_path / "run")
    events = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text("utf-8").splitlines()
    ]
    dev = [event for event in events if "dev_loss" in event]
    found = json.loads((tmp_path / "run" / "scores.json").read_text("utf-8"))
    assert [event["dev_loss"] for event in dev] == sorted(event["dev_loss"] for event in dev)
    assert dev[-1]["dev_loss"] > dev[0]["dev_loss"] + 0.5
    assert found["chosen"]["step"] == dev[0]["step"]
    answers = Predictor.open(tmp_path / "run").predict(data.dev.texts)
    shares = np.array([list(answer.probabilities.values()) for answer in answers], np.float32)
    gold = np.array([data.labels.index(label) for label in data.dev.labels])
    assert -np.log(shares[np.arange(60), gold]).mean() == pytest.approx(dev[0]["dev_loss"], abs=1e-5)
    assert (shares.argmax(1) == gold).mean() == dev[0]["dev_accuracy"]


def write_scores(run: Path, kind: str, dev: dict[str, float], test: dict[str, float]) -> Path:
    """A run's scores.json of `kind`, with what all kinds have in common filled in."""
    run.mkdir(parents=True)
    metric = "accuracy" if kind == "classify" else "spearman"
    told: dict[str, Any] = {"task": "평", "kind": kind, "metric": metric, "seed": int(run.name[-1])}
    told |= {"dev": dev | {"n": 2000}, "test": test | {"n": 2000}}
    (run / "scores.json").write_text(json.dumps(told), "utf-8")
    return run


def test_the_seed_that_answers_is_the_best_on_dev(tmp_path: Path) -> None:
    """Neither the first nor the last, nor the best on test; all measures of dev agree on it."""
    runs = [
        write_scores(
            tmp_path / f"seed-{seed}",
            "classify",
            {"accuracy": dev, "macro_f1": dev - 0.01, "loss": 1 - dev},
            {"accuracy": test, "macro_f1": test - 0.01},
        )
        for seed, dev, test in ((0, 0.7, 0.9), (1, 0.9, 0.6), (2, 0.5, 0.8))
    ]
    summary = summarize(runs)
    assert summary["best"] == "seed-1"
    assert summary["test"]["accuracy"]["values"] == [0.9, 0.6, 0.8]
    assert summary["dev"]["macro_f1"]["mean"] == pytest.approx(0.69)
    assert (summary["dev"]["rows"], summary["seeds"]) == (2000, [0, 1, 2])


def test_the_best_seed_of_a_regression(tmp_path: Path) -> None:
    runs = [
        write_scores(
            tmp_path / f"seed-{seed}",
            "regress",
            {"spearman": dev, "pearson": dev, "rmse": 1 - dev, "loss": 1 - dev},
            {"spearman": test, "pearson": test, "rmse": 1 - test},
        )
        for seed, dev, test in ((0, 0.2, 0.9), (1, 0.3, 0.8), (2, 0.8, 0.1))
    ]
    assert summarize(runs)["best"] == "seed-2"


def test_the_best_seed_without_a_sampling_error_and_at_equal_loss() -> None:
    """Where no error is told any difference in score is one; at equal losses the score decides."""
    unsure = [{"accuracy": 0.70, "loss": 0.1}, {"accuracy": 0.71, "loss": 0.9}]
    assert best_seed(unsure, "accuracy") == 1
    told = [found | {"sampling_sd": 0.02} for found in unsure]
    assert best_seed(told, "accuracy") == 0
    equal = [{"accuracy": score, "loss": 0.5, "sampling_sd": 0.1} for score in (0.70, 0.72, 0.71)]
    assert best_seed(equal, "accuracy") == 1


def test_the_best_seed_is_the_one_predict_opens(
    config: FinetuneConfig, checkpoint: Path, tmp_path: Path
) -> None:
    short = config.model_copy(update={"epochs": 1, "evals": 1})
    data, runs = read_task(short), []
    for seed in (0, 1):
        run = tmp_path / "runs" / f"seed-{seed}"
        finetune(short.model_copy(update={"seed": seed}), data, pretrained(checkpoint), run)
        told = json.loads((run / "scores.json").read_text("utf-8"))
        told["dev"]["macro_f1"], told["dev"]["loss"] = ((0.2, 2.0), (0.9, 0.2))[seed]
        (run / "scores.json").write_text(json.dumps(told), "utf-8")
        runs.append(run)
    (tmp_path / "runs" / "summary.json").write_text(json.dumps(summarize(runs)), "utf-8")
    opened = Predictor.open(tmp_path / "runs")
    assert opened.folder == runs[1] / "model"
    wanted = load_file(runs[1] / "model" / "model.safetensors")["classifier.weight"]
    assert opened.model.head.classifier.weight.tolist() == wanted.tolist()
