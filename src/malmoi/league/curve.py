"""The score over pretraining: each kept milestone of a run, fine-tuned like the last checkpoint.

A cell is `curve/<row>/step-N/<task>/seed-K/`: an ordinary fine-tuning run that keeps no model. The points at
0 tokens and at the end are those of the table, not run again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.json_files import expected_shape, read_json, reason
from malmoi.league.entries import Entry
from malmoi.league.table import cell_scores
from malmoi.pretrain.checkpoint import RECORD, milestone_checkpoints
from malmoi.tasks.data import TaskData
from malmoi.tasks.resample import mean_and_sd

CURVE = "curve.json"


@dataclass(frozen=True, slots=True)
class Point:
    """A row's score on a task after so many steps and tokens (real ones, padding not counted).

    `sd` is the sample sd over the n seeds, None for one seed. Tokens 0: the same model without pretraining.
    """

    row: str
    task: str
    metric: str
    step: int
    tokens: int
    mean: float
    sd: float | None
    n: int
    values: list[float]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Milestone:
    """A checkpoint on the way to a row's last one."""

    row: str
    checkpoint: Path
    step: int
    tokens: int


def milestones(row: Entry) -> list[Milestone]:
    """The kept checkpoints of a row's pretraining run, the one in the table last; [] without a run."""
    if row.run is None or row.start is None or row.start.weights is None:
        return []
    last = row.start.weights
    before = [path for path in milestone_checkpoints(row.run) if path.name != last.name]
    return [_milestone(row.name, path) for path in (*before, last)]


def _milestone(row: str, checkpoint: Path) -> Milestone:
    try:
        record = read_json(checkpoint / RECORD)
        return Milestone(row, checkpoint, int(record["step"]), int(record["tokens"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MalmoiError(Code.ARTIFACT_CHANGED, checkpoint / RECORD, reason=reason(error)) from None


def curve_points(
    rows: Sequence[Entry],
    reached: Mapping[str, Sequence[Milestone]],
    data: TaskData,
    cells: Mapping[str, Sequence[Path]],
    curve_cells: Mapping[Path, Sequence[Path]],
) -> list[Point]:
    """One task's points, row by row in order of tokens.

    Args:
        reached: `milestones` of each row, by its name.
        cells: of the table, by row.
        curve_cells: of the milestones, by checkpoint.
    """
    points: list[Point] = []
    for row in rows:
        if not (found := reached[row.name]):
            continue
        if row.against is not None:
            points.append(_point(row.name, data, 0, 0, cells[row.against]))
        for one in found:
            scored = cells[row.name] if one is found[-1] else curve_cells[one.checkpoint]
            points.append(_point(row.name, data, one.step, one.tokens, scored))
    return points


def _point(row: str, data: TaskData, step: int, tokens: int, cells: Sequence[Path]) -> Point:
    values = cell_scores(cells, data)
    mean, sd = mean_and_sd(values)
    return Point(row, data.task.name, data.task.metric, step, tokens, mean, sd, len(values), values)


def read_curve(out: Path) -> list[Point]:
    """The points of a league's curve.json; [] if it has none."""
    path = out / CURVE
    if not path.exists():
        return []
    with expected_shape(path):
        return [Point(**point) for point in read_json(path)]
