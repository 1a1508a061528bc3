"""Run every cell of a league and make the table of their scores.

A cell is `cells/<row>/<task>/seed-N/`: a fine-tuning run like any other, skipped when it is done, so an
interrupted league, or one that gets another row, task or seed, computes only what is missing.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from malmoi.artifact.disk import real_place, write_json
from malmoi.artifact.finished import artifact_key, digest_json, finished_artifact, is_current, record_inputs
from malmoi.artifact.live import live_artifact, locked_output
from malmoi.codes import Code
from malmoi.config import identity
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig, check_shape
from malmoi.finetune.run import finetune
from malmoi.finetune.start import pretrained
from malmoi.league.char_ngrams import characters, need_scikit_learn
from malmoi.league.config import LeagueConfig
from malmoi.league.curve import CURVE, Milestone, Point, curve_points, milestones
from malmoi.league.entries import Entry, entries
from malmoi.league.table import TABLE, LeagueLine, league_table, with_ps
from malmoi.paths import as_stored, can_be_folder, first_unusable, shown_name
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.data import TaskData, read_task, task_of

STAGE = "league"
CELL_STAGE = "league-characters"


def league(
    config: LeagueConfig,
    tasks: Sequence[FinetuneConfig],
    checkpoints: Mapping[str, Path],
    out: Path,
    context: Context = Context(),
) -> list[LeagueLine]:
    """Checkpoints (by name) and baselines on tasks x seeds; returns the lines of the table, task by task and
    best first.

    `out` gets cells/, table.json (with every cell's score) and table.tsv; with `config.curve` also curve/ and
    curve.json. Raises MalmoiError: those of `finetune` and `read_task`, MM0006, MM0014, MM0701-MM0706.
    """
    out = real_place(out)
    checkpoints = {name: as_stored(path) for name, path in checkpoints.items()}
    rows = entries(checkpoints, no_pretraining=config.no_pretraining, characters=config.characters)
    _check(tasks, rows)
    # First: a damaged file must stop it before any cell.
    read = [read_task(task, context.reporter) for task in tasks]
    names = [data.task.name for data in read]
    if config.curve and (strange := [name for name in config.curve_tasks if name not in names]):
        raise MalmoiError(Code.CURVE_TASK_MISSING, name=strange[0], names=", ".join(names))
    # Looked up once: a run that is still training will have other checkpoints by the time the cells are done.
    reached = {row.name: milestones(row) for row in rows} if config.curve else {}
    passed = [one for found in reached.values() for one in found[:-1]]
    with locked_output(out):
        inputs = {
            path: record
            for row in rows
            if row.start is not None
            for path, record in row.start.inputs(out, verify=context.verify).items()
        }
        key = digest_json(
            {
                "config": identity(config),
                "tasks": [identity(task) for task in tasks],
                "rows": {row.name: row.start.names(inputs) if row.start else {} for row in rows},
            }
        )
        with live_artifact(
            out, STAGE, config, key, inputs=inputs, seed=None, origins=context.origins, keep=True
        ) as draft:
            drawn = [config.curve and data.task.name in (config.curve_tasks or names) for data in read]
            total = len(tasks) * sum(_seeds(row, config) for row in rows)
            total += sum(drawn) * config.curve_seeds * len(passed)
            # What a cell's settings are from, the league's own manifest says.
            cells = _Cells(config, out, total, replace(context, origins={}))
            lines: list[LeagueLine] = []
            points: list[Point] = []
            for task, data, on_curve in zip(tasks, read, drawn, strict=True):
                scored = {row.name: cells.of_row(row, task, data) for row in rows}
                lines += league_table(rows, data, scored)
                if on_curve:
                    on_the_way = {one.checkpoint: cells.of_milestone(one, task, data) for one in passed}
                    points += curve_points(rows, reached, data, scored, on_the_way)
            lines = with_ps(lines)
            write_json(out / TABLE, [line.as_dict() for line in lines])
            _write_tsv(out / "table.tsv", lines)
            (out / CURVE).unlink(missing_ok=True)
            if config.curve:
                write_json(out / CURVE, [point.as_dict() for point in points])
            draft.counts |= {"cells": cells.total, "rows": len(rows), "tasks": len(tasks)}
    return lines


def _check(tasks: Sequence[FinetuneConfig], rows: Sequence[Entry]) -> None:
    """Raise now what would stop a cell after hours: two tasks or two rows that write into the same folders
    (MM0705, MM0702), a row whose name no folder can have (MM0704), a head or a length that a model does not
    have (MM0412, MM0619), no scikit-learn (MM0701)."""
    names = [task_of(task).name for task in tasks]
    if (name := first_unusable(names)) is not None:
        raise MalmoiError(Code.TASK_TWICE, name=name)
    if (name := first_unusable(row.name for row in rows)) is not None:
        raise MalmoiError(
            Code.NAME_TAKEN if can_be_folder(name) else Code.BAD_ENTRY_NAME, name=shown_name(name)
        )
    for row in rows:
        if row.start is None:
            need_scikit_learn()
            continue
        for task in tasks:
            check_shape(task, row.start.shape)


def _seeds(row: Entry, config: LeagueConfig) -> int:
    """How often a row is run on each task; the character n-grams give the same each time."""
    return max(config.seeds, row.least) if row.start else 1


@dataclass(slots=True)
class _Cells:
    """Runs cells one after another and counts them."""

    config: LeagueConfig
    out: Path
    total: int
    context: Context
    done: int = 0

    def of_row(self, row: Entry, task: FinetuneConfig, data: TaskData) -> list[Path]:
        """The cells of one line of the table."""
        folder = self.out / "cells" / row.name / data.task.name
        if row.start is None:
            self._next(cell := folder / f"seed-{task.seed}")
            _run_characters(task, data, cell, self.context)
            return [cell]
        cells = []
        for seed in range(task.seed, task.seed + _seeds(row, self.config)):
            self._next(cell := folder / f"seed-{seed}")
            one = task.model_copy(update={"seed": seed})
            finetune(one, data, row.start, cell, self.context)
            cells.append(cell)
        return cells

    def of_milestone(self, one: Milestone, task: FinetuneConfig, data: TaskData) -> list[Path]:
        """The cells of one point of the curve."""
        folder = self.out / "curve" / one.row / f"step-{one.step}" / data.task.name
        start = pretrained(one.checkpoint)
        cells = []
        for seed in range(task.seed, task.seed + self.config.curve_seeds):
            self._next(cell := folder / f"seed-{seed}")
            finetune(
                task.model_copy(update={"seed": seed}),
                data,
                start,
                cell,
                self.context,
                keep_model=False,
            )
            cells.append(cell)
        return cells

    def _next(self, cell: Path) -> None:
        self.done += 1
        self.context.reporter.say("league.cell", done=self.done, total=self.total, cell=cell)


def _run_characters(task: FinetuneConfig, data: TaskData, cell: Path, context: Context) -> None:
    inputs = record_inputs(data.files.values(), cell, verify=context.verify)
    digests: dict[str, str] = {split: inputs[str(path)].sha256 for split, path in data.files.items()}
    config = TaskConfig(**task.model_dump(include=set(TaskConfig.model_fields)))
    key = artifact_key(CELL_STAGE, config, digests)
    if is_current(cell, CELL_STAGE, key, context, inputs=inputs):
        context.reporter.say("base.current", path=cell)
        return
    with finished_artifact(cell, CELL_STAGE, config, key, inputs=inputs) as draft:
        characters(data, draft, context.reporter)


def _write_tsv(path: Path, lines: Sequence[LeagueLine]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(LeagueLine.columns())
        writer.writerows(line.cells() for line in lines)
