"""Per row and task the mean ± sample sd over seeds, and the difference to the same model's new weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from malmoi.finetune.record import SCORES
from malmoi.json_files import expected_shape, read_json, read_object
from malmoi.league.entries import Entry
from malmoi.league.gains import gain_ps
from malmoi.tasks.data import TaskData
from malmoi.tasks.metrics import METRICS
from malmoi.tasks.resample import mean_and_sd

TABLE = "table.json"


@dataclass(frozen=True, slots=True)
class Line:
    """One row on one task; fractions, not per cent.

    Attributes:
        split: the rows scored: test, or dev where the task has no test file.
        scored: how many rows that is.
        sd: over n seeds, divided by n - 1; None for one run.
        sampling_sd: what the choice of scored rows alone makes one seed's score vary by (mean over seeds);
            None where a cell of an earlier version does not say.
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


def read_table(out: Path) -> list[Line]:
    """The lines of a league's table.json."""
    with expected_shape(out / TABLE):
        return [Line(**line) for line in read_json(out / TABLE)]


def cell_scores(cells: Sequence[Path], data: TaskData) -> list[float]:
    """The task's metric in each cell's scores.json: on test, or on dev where there is no test file."""
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


def league_table(rows: Sequence[Entry], data: TaskData, cells: Mapping[str, Sequence[Path]]) -> list[Line]:
    """The lines of one task, best mean first."""
    metric, sign = data.task.metric, METRICS[data.task.metric].sign
    split = "test" if data.test is not None else "dev"
    scored = len(data.test) if data.test is not None else len(data.dev)
    values = {row.name: cell_scores(cells[row.name], data) for row in rows}
    means = {name: mean_and_sd(found) for name, found in values.items()}
    top = max(sign * mean for mean, _ in means.values())
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
                best=sign * mean == top,
                against=row.against,
                difference=difference,
                difference_se=difference_se,
            )
        )
    return sorted(lines, key=lambda line: -sign * line.mean)
