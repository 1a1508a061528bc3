"""The scores of a regression as numbers: read strictly, because a score misread is a silent error.

A point is the decimal mark. Commas (3,5), NaN, infinities, full-width digits and words stop with their lines.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.tasks.examples import Examples
from malmoi.tasks.table import some_lines

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
LARGEST = 1e30  # fp32, which the model answers in, ends at 3.4e38


def number(text: str) -> float | None:
    """A plain decimal number of at most 1e30 either side of 0, else None."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if abs(value) <= LARGEST else None


def numbers(examples: Examples) -> NDArray[np.float64]:
    """(N,) the labels as numbers. Raises MM0624 with the lines of those that are none."""
    values = [number(label) for label in examples.labels]
    if wrong := [i for i, value in enumerate(values) if value is None]:
        lines = some_lines([examples.lines[i] for i in wrong])
        raise MalmoiError(
            Code.SCORE_NOT_A_NUMBER, examples.place(wrong[0]), label=examples.labels[wrong[0]], lines=lines
        )
    return np.array(values, np.float64)


def check_scores(examples: Examples) -> None:
    """Raise MM0624 for what is no number, MM0625 where all rows have one score."""
    values = numbers(examples)
    if (values == values[0]).all():
        lines = some_lines(examples.lines)
        raise MalmoiError(Code.ONE_SCORE_ONLY, examples.place(0), score=examples.labels[0], lines=lines)


def tenths(examples: Examples) -> list[str]:
    """Which tenth of the scores each row lies in, so that a held-out share covers the whole scale."""
    values = numbers(examples)
    edges = np.quantile(values, np.arange(1, 10) / 10)
    return [str(tenth) for tenth in np.searchsorted(edges, values, side="right")]
