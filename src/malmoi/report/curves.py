"""A journal as columns of numbers, and columns thinned to what a plot can show.

A journal of 500,000 lines is 150 MB of JSON; as dicts it would take gigabytes, as columns it takes 100 MB.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.json_files import parse_json

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Series:
    """N values of one quantity, with the step and the tokens seen at each."""

    steps: I64
    tokens: I64
    values: F64

    @property
    def last(self) -> float:
        return float(self.values[-1])


@dataclass(frozen=True, slots=True)
class Curves:
    """A journal: its quantities by name (those of `clock` as `clock.NAME`), and its alarms as written."""

    series: dict[str, Series] = field(default_factory=dict)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    step: int = 0
    tokens: int = 0

    def __contains__(self, name: str) -> bool:
        return name in self.series

    def last(self, name: str) -> float | None:
        """The newest value of a quantity; None if it was never written."""
        return self.series[name].last if name in self.series else None

    def elapsed(self) -> F64:
        """Seconds of training at each value of `clock.*`; that clock starts again with every process."""
        seconds = self.series["clock.elapsed_s"].values
        restarts = np.diff(seconds, prepend=0.0) < 0
        before = np.where(restarts, np.concatenate([[0.0], seconds[:-1]]), 0.0)
        return np.asarray(seconds + np.cumsum(before), np.float64)


class _Column:
    def __init__(self) -> None:
        self.places, self.values = array("q"), array("d")


def read_curves(path: Path) -> Curves:
    """Read metrics.jsonl; an empty `Curves` if there is none yet.

    The last line may be incomplete: a live run is writing it. Raises MM1002 for any other line that is
    damaged.
    """
    steps, tokens = array("q"), array("q")
    columns: dict[str, _Column] = {}
    alarms: list[dict[str, Any]] = []
    torn: int | None = None
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if torn is not None:
                    raise MalmoiError(Code.RECORD_DAMAGED, f"{path}:{torn}")
                entry = _entry(line)
                if entry is None:
                    torn = number
                    continue
                if "alarm" in entry:
                    alarms.append(entry)
                    continue
                clock = entry.pop("clock", None)
                place = len(steps)
                steps.append(entry.pop("step"))
                tokens.append(entry.pop("tokens"))
                if isinstance(clock, dict):
                    entry |= {f"clock.{name}": value for name, value in clock.items()}
                for name, value in entry.items():
                    if isinstance(value, int | float):
                        column = columns.get(name) or columns.setdefault(name, _Column())
                        column.places.append(place)
                        column.values.append(value)
    except FileNotFoundError:
        return Curves()
    at, seen = np.array(steps, np.int64), np.array(tokens, np.int64)
    series = {}
    for name, column in columns.items():
        places = np.array(column.places, np.int64)
        series[name] = Series(at[places], seen[places], np.array(column.values, np.float64))
    return Curves(series, alarms, steps[-1] if steps else 0, tokens[-1] if tokens else 0)


def _entry(line: bytes) -> dict[str, Any] | None:
    """One line of a journal, or None if it is incomplete."""
    try:
        entry = parse_json(line)
        whole = (
            isinstance(entry, dict) and isinstance(entry["step"], int) and isinstance(entry["tokens"], int)
        )
    except (ValueError, KeyError):
        return None
    return entry if whole and line.endswith(b"\n") else None


def thin(x: F64, y: F64, width: int) -> tuple[F64, F64]:
    """At most about 2·`width` of the points: the lowest and the highest of each of `width` columns.

    So a spike of one step stays visible, which a mean or every n-th point would lose. Non-finite values are
    left out; the first and the last point stay.
    """
    keep = np.isfinite(x) & np.isfinite(y)
    x, y = x[keep], y[keep]
    if len(x) <= 2 * width:
        return x, y
    low, high = float(x.min()), float(x.max())
    column = np.minimum(((x - low) / ((high - low) or 1.0) * width).astype(np.int64), width - 1)
    order = np.lexsort((y, column))
    first = np.flatnonzero(np.diff(column[order], prepend=-1))
    last = np.append(first[1:], len(order)) - 1
    chosen = np.unique(np.concatenate([order[first], order[last], [0, len(x) - 1]]))
    return x[chosen], y[chosen]


def improvement(before: float | None, after: float | None) -> float | None:
    """before - after if both are numbers."""
    if before is None or after is None or not (math.isfinite(before) and math.isfinite(after)):
        return None
    return before - after
