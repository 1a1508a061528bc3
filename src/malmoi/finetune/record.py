"""What a run leaves behind: scores.json, predictions.tsv and the model folder that `malmoi predict` opens."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.artifact import write_json
from malmoi.model.heads import Classifier
from malmoi.model.hf import write_model
from malmoi.tasks.data import TaskData
from malmoi.tasks.examples import Examples
from malmoi.tasks.metrics import Scores
from malmoi.tokenizer import Tokenizer

MODEL = "model"
TASK_FILE = "malmoi_task.json"
SCORES = "scores.json"


def write_scores(
    out: Path,
    data: TaskData,
    *,
    seed: int | None,
    dev: dict[str, Any],
    test: Scores | None,
    chosen: dict[str, Any],
) -> None:
    """scores.json: dev and test, and what was chosen on dev (an update, or settings of a baseline)."""
    write_json(
        out / SCORES,
        {
            "task": data.task.name,
            "metric": data.task.metric,
            "labels": list(data.labels),
            "seed": seed,
            "chosen": chosen,
            "dev": dev,
            "test": test.as_dict() if test is not None else None,
        },
    )


def write_predictions(
    path: Path, examples: Examples, answers_NC: NDArray[np.float32], labels: tuple[str, ...]
) -> None:
    """One line per row: its line in the file, gold label, predicted label and that label's probability."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(["line", "gold", "predicted", "probability"])
        for i, predicted in enumerate(answers_NC.argmax(1)):
            line, gold = examples.lines[i], examples.labels[i]
            writer.writerow([line, gold, labels[predicted], f"{answers_NC[i, predicted]:.6f}"])


def write_tuned(folder: Path, model: Classifier, tokenizer: Tokenizer, data: TaskData, max_len: int) -> None:
    """The tuned model with its tokenizer and what it was taught: needs nothing else to answer."""
    folder.mkdir()
    write_model(folder, model.eval(), list(data.labels))
    tokenizer.save(folder)
    task = {
        "task": data.task.name,
        "kind": data.task.kind,
        "text": list(data.task.text),
        "label": data.task.label,
        "labels": list(data.labels),
        "max_len": max_len,
    }
    (folder / TASK_FILE).write_text(json.dumps(task, ensure_ascii=False, indent=1) + "\n", "utf-8")
