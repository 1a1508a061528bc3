"""The league as a page shows it: for each task, the rows with every seed as a dot, and scores over
pretraining."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from malmoi.json_files import expected_shape
from malmoi.league.config import CHARACTERS
from malmoi.messages import text
from malmoi.report.charts import ROLES, Band, Level, plot
from malmoi.report.figures import Figure, Key, shades_of
from malmoi.report.folder import Cell, Found, League, rows_of
from malmoi.report.numbers import gained, metric_title, runs_of, scored
from malmoi.report.samples import Answers, answers
from malmoi.report.verdict import is_baseline, outcome_of, worth
from malmoi.tasks.metrics import METRICS, metric_name

LABELS = 12  # a larger confusion matrix is unreadable


@dataclass(frozen=True, slots=True)
class LeagueRow:
    """One line of the league; places are per cent of the strip's width, the better the further right."""

    name: str
    score: str
    sd: str
    runs: str
    gain: str
    error: str
    outcome: str
    best: bool
    baseline: bool
    dots: list[float]
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LeagueTask:
    """The lines of one task."""

    name: str
    metric: str
    scored: str
    sampling: str
    pooled: list[str]
    """What rows of several pretrainings consist of, in words."""
    rows: list[LeagueRow]
    bar: float | None
    """Where the character n-gram baseline is."""
    ends: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Confusion:
    """`rows` per gold label: the counts of each answer with its share of that label."""

    labels: list[str]
    rows: list[tuple[str, list[tuple[int, float]]]]


@dataclass(frozen=True, slots=True)
class Answered:
    title: str
    answers: Answers | None
    confusion: Confusion | None
    scores: list[tuple[str, str]]


def tasks(league: League) -> list[LeagueTask]:
    """In the order of the table."""
    names = list(dict.fromkeys(str(line["task"]) for line in league.lines))
    return [_task(name, [line for line in league.lines if line["task"] == name]) for name in names]


def _task(name: str, lines: list[dict[str, Any]]) -> LeagueTask:
    metric = str(lines[0]["metric"])
    seen = [float(value) for line in lines for value in line["values"]]
    seen += [line["mean"] + side * (line["sd"] or 0.0) for line in lines for side in (-1, 1)]
    low, high = min(seen), max(seen)
    edge = 0.08 * (high - low) or 0.01
    low, high = low - edge, high + edge

    left, right = (low, high) if METRICS[metric].higher_is_better else (high, low)

    def place(value: float) -> float:
        return round(100 * (value - left) / (right - left), 2)

    rows = []
    for line in lines:
        mean, sd = float(line["mean"]), float(line["sd"] or 0.0)
        gain, error = line.get("difference"), line.get("difference_se")
        ends = sorted((place(mean - sd), place(mean + sd)))
        rows.append(
            LeagueRow(
                name=_name(str(line["row"])),
                score=scored(metric, mean, 2),
                sd=scored(metric, line["sd"], 2) if line["sd"] is not None else "",
                runs=runs_of(line["n"], line.get("tunings", 1), line.get("pooled", ())),
                gain=gained(metric, gain, 2) if gain is not None else "",
                error=scored(metric, error, 2) if error is not None else "",
                outcome=outcome_of(line) if gain is not None else "",
                best=bool(line["best"]),
                baseline=is_baseline(str(line["row"])),
                dots=[place(float(value)) for value in line["values"]],
                mean=place(mean),
                low=ends[0],
                high=ends[1],
            )
        )
    bar = next((place(float(line["mean"])) for line in lines if line["row"] == CHARACTERS), None)
    first = lines[0]
    rows_scored = text(
        "report.league.scored", n=f"{first['scored']:,}", split=text(f"report.league.{first['split']}")
    )
    sampling = first.get("sampling_sd")
    return LeagueTask(
        name,
        metric_title(metric),
        rows_scored,
        scored(metric, sampling, 2) if sampling else "",
        [_pooled(line) for line in lines if line.get("pooled")],
        rows,
        bar,
        (scored(metric, left), scored(metric, right)),
    )


def _pooled(line: dict[str, Any]) -> str:
    values = {"row": line["row"], "n": line["n"], "tunings": line["tunings"]}
    return text("report.league.pooled", names=", ".join(line["pooled"]), **values)


def _name(row: str) -> str:
    return text("report.league.characters") if row == CHARACTERS else row


def score_curves(league: League, runs: list[str], groups: Mapping[str, str]) -> list[Figure]:
    """Scores over pretraining tokens, one plot per task; a row with the name of one of `runs` has its colour,
    and the runs of one group share one."""
    made = []
    for task in dict.fromkeys(str(point["task"]) for point in league.curve):
        points = [point for point in league.curve if point["task"] == task]
        there = dict.fromkeys(str(point["row"]) for point in points)
        names = list(dict.fromkeys([*runs, *there]))
        labels = {name: groups.get(name, name) for name in names}
        shades = shades_of(labels.values())
        metric = str(points[0]["metric"])
        scale = METRICS[metric].scale
        bands = []
        for name in (name for name in names if name in there):
            own = sorted((p for p in points if p["row"] == name), key=lambda p: int(p["tokens"]))
            x, y, sd = (np.array([float(p[key] or 0.0) for p in own]) for key in ("tokens", "mean", "sd"))
            bands.append(Band(x, scale * y, scale * sd, shades[labels[name]]))
        shown = dict.fromkeys(label for name, label in labels.items() if name in there)
        keys = [Key(label, shades[label], "thick") for label in shown]
        own_lines = [line for line in league.lines if line["task"] == task]
        levels = _levels(own_lines, {name: shades[label] for name, label in labels.items()}, scale)
        if any(not level.name for level in levels):
            keys.append(Key(text("report.league.without"), ROLES["ink"], "dash"))
        title = text("report.league.curve", task=task, metric=metric_title(metric))
        drawn = plot(bands, x_title=text("report.axis.tokens"), title=title, levels=levels)
        made.append(Figure(title, text("report.league.curve_note"), drawn, keys))
    return made


def _levels(lines: list[dict[str, Any]], shades: dict[str, str], scale: int) -> list[Level]:
    """The character n-grams by name, and in each row's colour the same model without pretraining."""
    means = {str(line["row"]): scale * float(line["mean"]) for line in lines}
    levels = [Level(means[CHARACTERS], _name(CHARACTERS))] if CHARACTERS in means else []
    against = {row: line.get("against") for line in lines for row in rows_of(line)}
    bases = dict.fromkeys((shade, against.get(name)) for name, shade in shades.items())
    return levels + [Level(means[base], "", shade) for shade, base in bases if base in means]


def answered(found: Found) -> list[Answered]:
    """For each task, the answers of its best pretrained row, first seed; or those of a single fine-tuning
    run."""
    made = []
    for cell in (*found.tuned, *_chosen(found.league)):
        with expected_shape(cell.folder / "scores.json"):
            made.append(_answered(cell))
    return made


def _chosen(league: League | None) -> list[Cell]:
    chosen: dict[str, Cell] = {}
    done = [cell for cell in league.cells if cell.scores is not None] if league else []
    lines = league.lines if league else []
    means = {(row, line["task"]): worth(line) for line in lines for row in rows_of(line)}
    for cell in done:
        before = chosen.get(cell.task)
        if is_baseline(cell.row):
            continue
        least = -math.inf
        if before is None or means.get((cell.row, cell.task), least) > means.get(
            (before.row, before.task), least
        ):
            chosen[cell.task] = cell
    return list(chosen.values())


def _answered(cell: Cell) -> Answered:
    scores = (cell.scores or {}).get("test") or (cell.scores or {}).get("dev") or {}
    title = " · ".join(
        part for part in (cell.task, cell.row, f"seed {cell.seed}" if cell.seed is not None else "") if part
    )
    labels = [str(label) for label in (cell.scores or {}).get("labels") or []]
    matrix = scores.get("confusion")
    confusion = None
    if matrix and 2 <= len(labels) <= LABELS:
        rows = []
        for label, counts in zip(labels, matrix, strict=True):
            total = max(1, sum(counts))
            rows.append((label, [(int(count), count / total) for count in counts]))
        confusion = Confusion(labels, rows)
    shown = [(metric_name(name), scored(name, scores[name], 2)) for name in METRICS if name in scores]
    return Answered(title, answers(cell), confusion, shown)
