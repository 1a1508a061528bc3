"""Per row and task the mean ± sample sd over seeds, and the difference from the same model with new weights.

Pretrainings that differ only in the seed are one row, and its spread is theirs: on KorSTS ten times
that of fine-tuning one of them again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
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
class LeagueLine:
    """One row on one task; fractions, not per cent.

    Attributes:
        split: the rows scored: test, or dev where the task has no test file.
        scored: how many rows that is.
        sd: over the n `values`, divided by n - 1; None for one.
        values: a score for each seed; or for each of the `pooled` pretrainings, by name: the mean of its
            `tunings` fine-tunings.
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
    pooled: list[str] = field(default_factory=list)
    tunings: int = 1

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
            "pooled",
            "against",
            "difference",
            "p",
            "best",
        ]

    def cells(self) -> list[str]:
        """One line of table.tsv; fractions with six digits, nothing where there is nothing."""
        values = self.as_dict() | {"pooled": ", ".join(self.pooled)}
        shown = {
            k: f"{v:.6f}" if isinstance(v, float) else "" if v is None else str(v) for k, v in values.items()
        }
        return [shown[name] for name in self.columns()]


def read_table(out: Path) -> list[LeagueLine]:
    """The lines of a league's table.json."""
    with expected_shape(out / TABLE):
        return [LeagueLine(**line) for line in read_json(out / TABLE)]


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


def with_ps(lines: Sequence[LeagueLine]) -> list[LeagueLine]:
    """The lines of all tasks, each with its `p`."""
    ps = gain_ps([line.as_dict() for line in lines])
    return [replace(line, p=p) for line, p in zip(lines, ps, strict=True)]


def league_table(
    rows: Sequence[Entry], data: TaskData, cells: Mapping[str, Sequence[Path]]
) -> list[LeagueLine]:
    """The lines of one task, best mean first."""
    metric, sign = data.task.metric, METRICS[data.task.metric].sign
    split = "test" if data.test is not None else "dev"
    scored = len(data.test) if data.test is not None else len(data.dev)
    lines: list[LeagueLine] = []
    for name, own in _pooled(rows).items():
        scores = [cell_scores(cells[row.name], data) for row in own]
        values = [mean_and_sd(found)[0] for found in scores] if own[0].pool else scores[0]
        mean, sd = mean_and_sd(values)
        lines.append(
            LeagueLine(
                row=name,
                task=data.task.name,
                metric=metric,
                split=split,
                scored=scored,
                mean=mean,
                sd=sd,
                n=len(values),
                values=values,
                sampling_sd=_sampling_sd([cell for row in own for cell in cells[row.name]], data),
                best=False,
                against=own[0].against,
                difference=None,
                difference_se=None,
                pooled=[row.name for row in own if row.pool],
                tunings=len(scores[0]) if own[0].pool else 1,
            )
        )
    by = {line.row: line for line in lines}
    top = max(sign * line.mean for line in lines)
    lines = [
        replace(_compared(line, by.get(line.against or "")), best=sign * line.mean == top) for line in lines
    ]
    return sorted(lines, key=lambda line: -sign * line.mean)


def _pooled(rows: Sequence[Entry]) -> dict[str, list[Entry]]:
    """The rows behind each line of the table, by its name."""
    found: dict[str, list[Entry]] = {}
    for row in rows:
        found.setdefault(row.pool or row.name, []).append(row)
    return found


def _compared(line: LeagueLine, base: LeagueLine | None) -> LeagueLine:
    """A line with its difference to another one."""
    if base is None:
        return line
    error = None
    if line.sd is not None and base.sd is not None:
        error = math.sqrt(line.sd**2 / line.n + base.sd**2 / base.n)
    return replace(line, difference=line.mean - base.mean, difference_se=error)
