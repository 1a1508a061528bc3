"""Answers of a fine-tuned model beside their texts: some that are right, and the most confident of the wrong
ones."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from malmoi.artifact.finished import record_file
from malmoi.codes import Code
from malmoi.corpus.personal import mask
from malmoi.errors import MalmoiError
from malmoi.report.folder import Cell
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.data import task_files, task_of
from malmoi.tasks.examples import Text, read_examples
from malmoi.tasks.kinds import TASK_KINDS

RIGHT, WRONG = 4, 8
CHARACTERS = 240


@dataclass(frozen=True, slots=True)
class Answer:
    """One row of predictions.tsv; `sure` is the probability of the answer, if it has one, or how far a number
    is off."""

    line: int
    gold: str
    predicted: str
    sure: float | None
    text: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """`reason` is a key of the catalog that says why there are no texts, or None."""

    cell: Cell
    number: bool
    right: list[Answer]
    wrong: list[Answer]
    reason: str | None


def answers(cell: Cell) -> Answers | None:
    """The chosen rows of a cell; None if it wrote no predictions. Raises MM1002 for a damaged file."""
    path = cell.folder / "predictions.tsv"
    if not path.is_file() or cell.scores is None:
        return None
    number = TASK_KINDS[cell.scores["kind"]].columns[0].number
    rows = _read(path, number)
    if number:
        ordered = sorted(rows, key=_sure)
        right, wrong = ordered[:RIGHT], ordered[::-1][:WRONG]
    else:
        good = [row for row in rows if row.gold == row.predicted]
        right = good[:: max(1, len(good) // RIGHT)][:RIGHT]
        wrong = sorted((row for row in rows if row.gold != row.predicted), key=_sure, reverse=True)[:WRONG]
    texts, reason = _texts(cell, {row.line for row in (*right, *wrong)})
    return Answers(cell, number, _with(right, texts), _with(wrong, texts), reason)


def _sure(row: Answer) -> float:
    return row.sure or 0.0


def _with(rows: list[Answer], texts: dict[int, tuple[str, ...]]) -> list[Answer]:
    return [Answer(row.line, row.gold, row.predicted, row.sure, texts.get(row.line, ())) for row in rows]


def _read(path: Path, number: bool) -> list[Answer]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        found = []
        for row in rows:
            sure = None
            if number:
                sure = abs(float(row["predicted"]) - float(row["gold"]))
            elif "probability" in row:
                sure = float(row["probability"])
            found.append(Answer(int(row["line"]), row["gold"], row["predicted"], sure))
        if not all(math.isfinite(_sure(row)) for row in found):
            raise ValueError
        return found
    except (ValueError, KeyError, TypeError, csv.Error):
        raise MalmoiError(Code.RECORD_DAMAGED, path) from None


def _texts(cell: Cell, lines: set[int]) -> tuple[dict[int, tuple[str, ...]], str | None]:
    """The texts on some lines of the test file, if it is still there and unchanged."""
    config = cell.manifest.config
    try:
        task_config = TaskConfig(**{name: config[name] for name in TaskConfig.model_fields if name in config})
        task = task_of(task_config)
        path = task_files(task_config, task)["test"]
        record = cell.manifest.inputs[str(path)]
        if record_file(path, record).sha256 != record.sha256:
            return {}, "report.answers.changed"
        examples = read_examples(path, task.text, task.label, quoted=task.quoted)
    except (MalmoiError, ValueError, KeyError, OSError):
        return {}, "report.answers.gone"
    return {
        line: _shown(text) for line, text in zip(examples.lines, examples.texts, strict=True) if line in lines
    }, None


def _shown(text: Text) -> tuple[str, ...]:
    """With personal numbers masked, and long texts cut."""
    parts = (text,) if isinstance(text, str) else text
    masked = [mask(part.strip()) for part in parts]
    return tuple(part if len(part) <= CHARACTERS else part[: CHARACTERS - 1] + "…" for part in masked)
