"""Run every cell of a league and lay the table out of their scores.

A cell is `cells/<row>/<task>/seed-N/`: a fine-tuning run like any other, skipped when it is done, so a
league that was cut, or that gets another row or seed, computes only what is missing.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from malmoi.artifact import (
    Manifest,
    artifact_key,
    digest_json,
    finished_artifact,
    is_current,
    read_manifest,
    record_inputs,
    write_json,
)
from malmoi.config import identity
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.growing import growing_artifact
from malmoi.finetune.run import finetune
from malmoi.league.characters import characters
from malmoi.league.config import LeagueConfig
from malmoi.league.contenders import Contender, contenders
from malmoi.league.table import Line, league_table
from malmoi.progress import SILENT, Reporter
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.data import TaskData, read_task

STAGE = "league"
CELL_STAGE = "league-characters"


def league(
    config: LeagueConfig,
    tasks: Sequence[FinetuneConfig],
    checkpoints: Mapping[str, Path],
    out: Path,
    *,
    reporter: Reporter = SILENT,
    origins: Mapping[str, str] | None = None,
    verify: bool = False,
) -> list[Line]:
    """Checkpoints (by name) and baselines on tasks x seeds; returns the lines of the table, best first.

    `out` gets cells/, table.json (with every cell's score) and table.tsv.
    Raises MalmoiError: those of `finetune` and `read_task`, MM0701-MM0704, MM0014.
    """
    rows = contenders(checkpoints, no_pretraining=config.no_pretraining, characters=config.characters)
    inputs = {
        path: record
        for row in rows
        if row.start is not None
        for path, record in row.start.inputs(out, verify=verify).items()
    }
    key = digest_json(
        {
            "config": identity(config),
            "tasks": [identity(task) for task in tasks],
            "rows": {row.name: row.start.names(inputs) if row.start else {} for row in rows},
        }
    )
    with growing_artifact(
        out, STAGE, config, key, inputs=inputs, seed=None, origins=origins, keep=True
    ) as draft:
        lines: list[Line] = []
        total = len(tasks) * sum(config.seeds if row.start else 1 for row in rows)
        done = 0
        for task in tasks:
            data = read_task(task, reporter)
            cells: dict[str, list[Path]] = {row.name: [] for row in rows}
            for row in rows:
                for seed in range(task.seed, task.seed + (config.seeds if row.start else 1)):
                    done += 1
                    cell = out / "cells" / row.name / data.task.name / f"seed-{seed}"
                    reporter.say("league.cell", done=done, total=total, cell=cell)
                    _run_cell(row, task.model_copy(update={"seed": seed}), data, cell, reporter, verify)
                    cells[row.name].append(cell)
            lines += league_table(rows, data, cells)
        write_json(out / "table.json", [line.as_dict() for line in lines])
        _write_tsv(out / "table.tsv", lines)
        draft.counts |= {"cells": total, "rows": len(rows), "tasks": len(tasks)}
    return lines


def _run_cell(
    row: Contender, task: FinetuneConfig, data: TaskData, cell: Path, reporter: Reporter, verify: bool
) -> Manifest:
    if row.start is not None:
        return finetune(task, data, row.start, cell, reporter=reporter, verify=verify)
    inputs = record_inputs(data.files.values(), cell, verify=verify)
    digests: dict[str, str] = {split: inputs[str(path)].sha256 for split, path in data.files.items()}
    config = TaskConfig(**task.model_dump(include=set(TaskConfig.model_fields)))
    key = artifact_key(CELL_STAGE, config, digests)
    if is_current(cell, CELL_STAGE, key, verify=verify):
        reporter.say("base.current", path=cell)
    else:
        with finished_artifact(cell, CELL_STAGE, config, key, inputs=inputs) as draft:
            characters(data, draft, reporter)
    return read_manifest(cell)


def _write_tsv(path: Path, lines: Sequence[Line]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(Line.columns())
        writer.writerows(line.cells() for line in lines)
