"""What a run leaves behind: scores.json, predictions.tsv and the model folder that `malmoi predict` opens."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.artifact.disk import write_json
from malmoi.codes import Code
from malmoi.finetune.judged import Judged
from malmoi.model.heads import Classifier
from malmoi.model.hf.folder import write_model
from malmoi.progress import Reporter
from malmoi.tasks.data import TaskData
from malmoi.tasks.examples import Examples
from malmoi.tasks.kinds import TaskKind
from malmoi.tokenizer import Tokenizer

MODEL = "model"
TASK_FILE = "malmoi_task.json"
SCORES = "scores.json"


def write_scores(
    out: Path,
    data: TaskData,
    *,
    seed: int | None,
    dev: Judged,
    test: Judged | None,
    chosen: dict[str, Any],
) -> None:
    """scores.json: dev and test, and what was chosen on dev (an update, or settings of a baseline)."""
    write_json(
        out / SCORES,
        {
            "task": data.task.name,
            "kind": data.task.kind,
            "metric": data.task.metric,
            "labels": list(data.labels),
            "seed": seed,
            "chosen": chosen,
            "dev": dev.as_dict(),
            "test": test.as_dict() if test is not None else None,
        },
    )


def warn_if_constant(data: TaskData, dev: Judged, test: Judged | None, reporter: Reporter) -> None:
    """Warn (MM0626) where every row is given the same score."""
    for split, judged, examples in (("dev", dev, data.dev), ("test", test, data.test)):
        if judged is not None and judged.details.get("constant") and examples is not None:
            reporter.warn(Code.CONSTANT_ANSWERS, str(examples.path), split=split, n=judged.rows)


def write_predictions(
    path: Path, examples: Examples, answers_NC: NDArray[np.float32], kind: TaskKind
) -> None:
    """One line per row: its line in the file, its gold label, and the answer in the kind's columns."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(["line", "gold", "predicted", *(column.name for column in kind.columns[1:])])
        for line, gold, answer_C in zip(examples.lines, examples.labels, answers_NC, strict=True):
            writer.writerow([line, gold, *kind.cells(kind.prediction(answer_C))])


def write_tuned(folder: Path, model: Classifier, tokenizer: Tokenizer, data: TaskData, max_len: int) -> None:
    """The tuned model with its tokenizer and what it was taught: needs nothing else to answer."""
    folder.mkdir()
    write_model(folder, model.eval(), list(data.labels) or None, problem_type=data.kind.problem_type)
    tokenizer.save(folder)
    task = {
        "task": data.task.name,
        "kind": data.task.kind,
        "text": list(data.task.text),
        "label": data.task.label,
        "labels": list(data.labels),
        "max_len": max_len,
    }
    write_json(folder / TASK_FILE, task)
