"""Per row and task the mean ± sample sd over seeds, and the difference from the same model with new
weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from malmoi.finetune.record import SCORES
from malmoi.json_files import expected_shape, read_object
from malmoi.league.entries import Contender
from malmoi.league.gains import gain_ps
from malmoi.tasks.data import TaskData
from malmoi.tasks.metrics import mean_and_sd


@dataclass(frozen=True, slots=True)
class Line:
    """One row on one task; fractions, not per cent.

    Attributes:
        split: the rows scored: test, or dev where the task has no test file.
        scored: how many rows that is.
        sd: over n seeds, divided by n - 1; None for one run.
        sampling_sd: how much the choice of scored rows alone makes one seed's score vary (mean over seeds);
            None if a cell of an earlier version does not say.
        against: the row that `difference` (mean minus mean) refers to, with `difference_se`, its standard
            error over seeds; None where there is none.
        p: how likely chance alone makes such a difference, corrected for all lines of the table
            (`malmoi.league.gains`); None with one seed.
    """

    row: str
    task: str
    metric: str
    split: str
    scored: int
    mean: float
    sd: float | None
    n: int
    values: list[float]
    sampling_sd: float | None
    best: bool
    against: str | None
    difference: float | None
    difference_se: float | None
    p: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def columns() -> list[str]:
        return [
            "row",
            "task",
            "metric",
            "split",
            "scored",
            "mean",
            "sd",
            "n",
            "against",
            "difference",
            "p",
            "best",
        ]

    def cells(self) -> list[str]:
        """One line of table.tsv; fractions with six digits, nothing where there is nothing."""
        values = self.as_dict()
        shown = {
            k: f"{v:.6f}" if isinstance(v, float) else "" if v is None else str(v) for k, v in values.items()
        }
        return [shown[name] for name in self.columns()]


def cell_scores(cells: Sequence[Path], data: TaskData) -> list[float]:
    """The task's metric in each cell's scores.json: on test, or on dev if there is no test file."""
    return [float(found[data.task.metric]) for found in _scored(cells, data)]


def _scored(cells: Sequence[Path], data: TaskData) -> list[dict[str, Any]]:
    split = "test" if data.test is not None else "dev"
    found = []
    for cell in cells:
        with expected_shape(cell / SCORES):
            scored: dict[str, Any] = read_object(cell / SCORES)[split]
            found.append(scored | {data.task.metric: float(scored[data.task.metric])})
    return found


def _sampling_sd(cells: Sequence[Path], data: TaskData) -> float | None:
    told = [found.get("sampling_sd") for found in _scored(cells, data)]
    known = [float(sd) for sd in told if sd is not None]
    return sum(known) / len(known) if len(known) == len(told) else None


def with_ps(lines: Sequence[Line]) -> list[Line]:
    """The lines of all tasks, each with its `p`."""
    ps = gain_ps([line.as_dict() for line in lines])
    return [replace(line, p=p) for line, p in zip(lines, ps, strict=True)]


def league_table(
    rows: Sequence[Contender], data: TaskData, cells: Mapping[str, Sequence[Path]]
) -> list[Line]:
    """The lines of one task, best mean first."""
    metric = data.task.metric
    split = "test" if data.test is not None else "dev"
    scored = len(data.test) if data.test is not None else len(data.dev)
    values = {row.name: cell_scores(cells[row.name], data) for row in rows}
    means = {name: mean_and_sd(found) for name, found in values.items()}
    top = max(mean for mean, _ in means.values())
    lines = []
    for row in rows:
        mean, sd = means[row.name]
        difference = difference_se = None
        if row.against is not None:
            base, base_sd = means[row.against]
            difference = mean - base
            if sd is not None and base_sd is not None:
                difference_se = math.sqrt(
                    sd**2 / len(values[row.name]) + base_sd**2 / len(values[row.against])
                )
        lines.append(
            Line(
                row=row.name,
                task=data.task.name,
                metric=metric,
                split=split,
                scored=scored,
                mean=mean,
                sd=sd,
                n=len(values[row.name]),
                values=values[row.name],
                sampling_sd=_sampling_sd(cells[row.name], data),
                best=mean == top,
                against=row.against,
                difference=difference,
                difference_se=difference_se,
            )
        )
    return sorted(lines, key=lambda line: -line.mean)
