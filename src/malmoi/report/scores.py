"""The league as a page shows it: for each task, the rows with every seed as a dot, and scores over
pretraining."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from malmoi.json_files import expected_shape
from malmoi.league.gains import judge
from malmoi.messages import text
from malmoi.report.charts import ROLES, Band, Level, plot
from malmoi.report.figures import Figure, Key, shades_of
from malmoi.report.folder import Cell, Found, League
from malmoi.report.numbers import percent, signed
from malmoi.report.samples import Answers, answers
from malmoi.report.verdict import is_baseline, metric_name

LABELS = 12  # a larger confusion matrix is unreadable


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the league; places are per cent of the strip's width."""

    name: str
    score: str
    sd: str
    n: int
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
class Task:
    name: str
    metric: str
    scored: str
    sampling: str
    rows: list[Row]
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


def tasks(league: League) -> list[Task]:
    """In the order of the table."""
    names = list(dict.fromkeys(str(line["task"]) for line in league.lines))
    return [_task(name, [line for line in league.lines if line["task"] == name]) for name in names]


def _task(name: str, lines: list[dict[str, Any]]) -> Task:
    seen = [float(value) for line in lines for value in line["values"]]
    seen += [line["mean"] + side * (line["sd"] or 0.0) for line in lines for side in (-1, 1)]
    low, high = min(seen), max(seen)
    edge = 0.08 * (high - low) or 0.01
    low, high = low - edge, high + edge

    def place(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    rows = []
    for line in lines:
        mean, sd = float(line["mean"]), float(line["sd"] or 0.0)
        gain = line.get("difference")
        rows.append(
            Row(
                name=_name(str(line["row"])),
                score=percent(mean, 2),
                sd=percent(line["sd"], 2) if line["sd"] is not None else "",
                n=int(line["n"]),
                gain=signed(gain, 2) if gain is not None else "",
                error=percent(line["difference_se"], 2) if line.get("difference_se") is not None else "",
                outcome=judge(gain, line.get("p")) if gain is not None else "",
                best=bool(line["best"]),
                baseline=is_baseline(str(line["row"])),
                dots=[place(float(value)) for value in line["values"]],
                mean=place(mean),
                low=place(mean - sd),
                high=place(mean + sd),
            )
        )
    bar = next((place(float(line["mean"])) for line in lines if line["row"] == "characters"), None)
    first = lines[0]
    scored = text(
        "report.league.scored", n=f"{first['scored']:,}", split=text(f"report.league.{first['split']}")
    )
    sampling = first.get("sampling_sd")
    return Task(
        name,
        metric_name(str(first["metric"])),
        scored,
        percent(sampling, 2) if sampling else "",
        rows,
        bar,
        (percent(low), percent(high)),
    )


def _name(row: str) -> str:
    return text("report.league.characters") if row == "characters" else row


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
        bands = []
        for name in (name for name in names if name in there):
            own = sorted((p for p in points if p["row"] == name), key=lambda p: int(p["tokens"]))
            x, y, sd = (np.array([float(p[key] or 0.0) for p in own]) for key in ("tokens", "mean", "sd"))
            bands.append(Band(x, 100 * y, 100 * sd, shades[labels[name]]))
        shown = dict.fromkeys(label for name, label in labels.items() if name in there)
        keys = [Key(label, shades[label], "thick") for label in shown]
        own_lines = [line for line in league.lines if line["task"] == task]
        levels = _levels(own_lines, {name: shades[label] for name, label in labels.items()})
        if any(not level.name for level in levels):
            keys.append(Key(text("report.league.without"), ROLES["ink"], "dash"))
        metric = metric_name(str(points[0]["metric"]))
        title = text("report.league.curve", task=task, metric=metric)
        drawn = plot(bands, x_title=text("report.axis.tokens"), title=title, levels=levels)
        made.append(Figure(title, text("report.league.curve_note"), drawn, keys))
    return made


def _levels(lines: list[dict[str, Any]], shades: dict[str, str]) -> list[Level]:
    """The character n-grams by name, and in each row's colour the same model without pretraining."""
    means = {str(line["row"]): 100 * float(line["mean"]) for line in lines}
    levels = [Level(means["characters"], _name("characters"))] if "characters" in means else []
    against = {str(line["row"]): line.get("against") for line in lines}
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
    means = {(line["row"], line["task"]): float(line["mean"]) for line in (league.lines if league else [])}
    for cell in done:
        before = chosen.get(cell.task)
        if is_baseline(cell.row):
            continue
        mean = means.get((cell.row, cell.task), 0.0)
        if before is None or mean > means.get((before.row, before.task), 0.0):
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
    shown = [
        # An error is on the scale of the file; all other scores are fractions.
        (metric_name(name), f"{value:.3f}" if name in ("mse", "rmse") else percent(value, 2))
        for name, value in scores.items()
        if isinstance(value, float) and name not in ("loss", "sampling_sd")
    ]
    return Answered(title, answers(cell), confusion, shown)
