"""Whether one row is better than another: Welch's t-test over seeds, corrected for everything reported
together.

A gain of twice its standard error proves nothing if that error comes from a few seeds: without any effect it
appears in 6 % (three seeds, one row) to 28 % (two seeds, four rows) of the tables. With two seeds on each
side Student's t has one to two degrees of freedom, and hardly anything is shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from malmoi.league.config import CHARACTERS

LEVEL = 0.05  # of all claims of a table together
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(64)

Outcome = Literal["helps", "hurts", "unclear", "one_seed"]


def judge(difference: float, p: float | None) -> Outcome:
    """What is claimed of a difference, given its corrected p."""
    if p is None:
        return "one_seed"
    if not p < LEVEL:  # NaN too
        return "unclear"
    return "helps" if difference > 0 else "hurts"


def gain_ps(lines: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """For each line of a table the p of its difference from the same model without pretraining."""
    return _ps(lines, lambda line: line.get("against"))


def bar_ps(lines: Sequence[Mapping[str, Any]]) -> list[float | None]:
    """For each line of a table, the p of its difference from the character n-grams."""
    return _ps(lines, lambda line: CHARACTERS if line["row"] != CHARACTERS else None)


def _ps(
    lines: Sequence[Mapping[str, Any]], against: Callable[[Mapping[str, Any]], str | None]
) -> list[float | None]:
    """Two-sided p after Holm over all lines that have one; None without another row, or without two seeds."""
    found = {(line["task"], line["row"]): line for line in lines}
    ps: list[float | None] = []
    for line in lines:
        base = found.get((line["task"], against(line)))
        ps.append(welch(_group(line), _group(base)) if base else None)
    corrected = iter(holm([p for p in ps if p is not None]))
    return [None if p is None else next(corrected) for p in ps]


def _group(line: Mapping[str, Any]) -> tuple[float, float | None, float]:
    """Mean of a line, its variance (the squared standard error) and degrees of freedom; a variance of None
    for a single seed. The character n-grams give the same score at every seed."""
    values = np.asarray(line["values"], np.float64)
    if line["row"] == CHARACTERS:
        return float(values[0]), 0.0, math.inf
    if len(values) < 2:
        return float(values[0]), None, 0.0
    # Scores on n rows come in steps of about 1/n: a few seeds on the same step do not make the sd 0.
    sd = max(float(values.std(ddof=1)), 1 / max(line["scored"], 1))
    return float(values.mean()), sd**2 / len(values), len(values) - 1.0


def welch(one: tuple[float, float | None, float], other: tuple[float, float | None, float]) -> float | None:
    """Two-sided p of a difference of means, each with its variance and degrees of freedom (Welch 1947)."""
    (a, va, fa), (b, vb, fb) = one, other
    if va is None or vb is None:
        return None
    freedom = (va + vb) ** 2 / (va**2 / fa + vb**2 / fb)
    return student_tail((a - b) / math.sqrt(va + vb), freedom)


def student_tail(t: float, freedom: float) -> float:
    """P(|T| ≥ |t|) of Student's distribution, to six digits from one degree of freedom on.

    With t = √f·cot(φ) the density becomes sin(φ)^(f-1): smooth, on a finite range, so that 64 Gauss-Legendre
    points are enough, and nobody needs scipy to read a report.
    """
    end = math.atan2(math.sqrt(freedom), abs(t))
    part = end / 2 * float(_WEIGHTS @ np.sin(end / 2 * (_POINTS + 1)) ** (freedom - 1))
    whole = math.sqrt(math.pi) / 2 * math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom + 1) / 2))
    return min(1.0, part / whole)


def holm(ps: Sequence[float]) -> list[float]:
    """Each p corrected for the others (Holm 1979): at a given level, all claims below it hold together."""
    corrected = [0.0] * len(ps)
    worst = 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        worst = max(worst, min(1.0, (len(ps) - rank) * ps[i]))
        corrected[i] = worst
    return corrected
