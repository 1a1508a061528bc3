"""The plots of pretraining: which quantities of a journal go together, for one run or several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from malmoi.messages import catalog, text, words
from malmoi.pretrain.objectives import OBJECTIVES, PlottedMetric
from malmoi.report.charts import ROLES, Level, Line, Style, colour, plot
from malmoi.report.curves import F64, Series
from malmoi.report.folder import PretrainRun


@dataclass(frozen=True, slots=True)
class Plot:
    """`lines` are names in the journal with their looks; `levels` are constant, one value each."""

    name: str
    lines: tuple[tuple[str, Style], ...]
    levels: tuple[str, ...] = ()
    at: float | None = None
    """A fixed level: what guessing gives."""
    own: bool = False
    """Only of runs whose objective has a metric of this name."""
    clock: bool = False
    zero: bool = False


PLOTS = (
    Plot("cls_cosine", (("heldout_cls_cosine", "thick"),), at=1.0, zero=True),
    Plot("lr", (("lr", "thin"),), zero=True),
    Plot("grad_norm", (("grad_norm", "thin"),), zero=True),
    Plot("tokens_per_s", (("clock.tokens_per_s", "thin"),), clock=True, zero=True),
    Plot("mfu", (("clock.mfu", "thin"),), clock=True, zero=True),
)
SPEED = ("tokens_per_s", "mfu")


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend: `look` is a class of the style sheet."""

    name: str
    colour: str
    look: str


@dataclass(frozen=True, slots=True)
class Figure:
    title: str
    note: str
    svg: Markup
    keys: list[Key]


def figures(
    runs: Sequence[PretrainRun], *, speed: bool, groups: Mapping[str, str] | None = None
) -> list[Figure]:
    """The plots that some run has values for: of the training, or (`speed`) of the machine.

    `groups` names what runs have in common (their tokenizer); those share a colour, otherwise each has its
    own.
    """
    labels = [(groups or {}).get(run.name, run.name) for run in runs]
    shapes = (*_own_plots(runs), *PLOTS)
    made = (_figure(shape, runs, labels) for shape in shapes if (shape.name in SPEED) == speed)
    return [figure for figure in made if figure is not None]


def _own_plots(runs: Sequence[PretrainRun]) -> list[Plot]:
    """Those of the runs' objectives, in the order of `OBJECTIVES`."""
    used = [run.objective for run in runs]
    kinds = [kind for kind in OBJECTIVES.values() if kind in used]
    metrics = {metric.name: metric for kind in kinds for metric in kind.metrics}
    return [_plot_of(metric) for metric in metrics.values()]


def _plot_of(metric: PlottedMetric) -> Plot:
    lines: list[tuple[str, Style]] = [(metric.name, "thin"), (f"heldout_{metric.name}", "thick")]
    lines += [(metric.beside, "dash")] if metric.beside else []
    levels = (metric.level,) if metric.level else ()
    return Plot(metric.name, tuple(lines), levels, at=metric.chance, own=True, zero=metric.zero)


def _has(run: PretrainRun, shape: Plot) -> bool:
    return not shape.own or any(metric.name == shape.name for metric in run.objective.metrics)


def _figure(shape: Plot, runs: Sequence[PretrainRun], labels: Sequence[str]) -> Figure | None:
    shades = shades_of(labels)
    lines: list[Line] = []
    shown: dict[str, str] = {}
    looks: dict[str, Style] = {}
    scale, unit = _time(runs) if shape.clock else (1.0, text("report.axis.tokens"))
    for label, run in zip(labels, runs, strict=True):
        if not _has(run, shape):
            continue
        for name, style in shape.lines:
            series = run.curves.series.get(name)
            if series is not None:
                x = _clock(run, series) / scale if shape.clock else series.tokens.astype(np.float64)
                lines.append(Line(x, series.values, shades[label], style))
                shown[label] = shades[label]
                looks[name] = style
    if not lines:
        return None
    levels = _levels(shape, runs, labels)
    if shape.at is not None:
        levels.append(Level(shape.at, words("report.level", shape.name), ROLES["flat"]))
    title = words("report.plot", shape.name)
    drawn = plot(lines, x_title=unit, title=title, levels=levels, zero=shape.zero)
    keys = [Key(name, shade, "swatch") for name, shade in shown.items()] if len(runs) > 1 else []
    if len(looks) > 1:
        shade = ROLES["ink"] if len(runs) > 1 else colour(0)
        keys += [Key(words("report.line", _side(name, shape)), shade, style) for name, style in looks.items()]
    note = f"report.plot.{shape.name}_note"
    return Figure(title, text(note) if note in catalog() else "", drawn, keys)


def shades_of(labels: Iterable[str]) -> dict[str, str]:
    """A colour for each label, in their order."""
    return {label: colour(number) for number, label in enumerate(dict.fromkeys(labels))}


def _side(name: str, shape: Plot) -> str:
    """What a line is beside the others of its plot: of training, held out, or what its name says."""
    if name.startswith("heldout"):
        return "heldout"
    return "train" if name == shape.name else name


def _levels(shape: Plot, runs: Sequence[PretrainRun], labels: Sequence[str]) -> list[Level]:
    """Constant levels: one if all runs agree, otherwise one in each run's colour, the highest with the
    name."""
    shades = shades_of(labels)
    found: list[Level] = []
    for name in shape.levels:
        own = [(label, run) for label, run in zip(labels, runs, strict=True)]
        values = {
            (shades[label], f"{value:.6g}"): value
            for label, run in own
            if _has(run, shape) and (value := run.curves.last(name)) is not None
        }
        agree = len({value for _, value in values}) <= 1
        ordered = sorted(values.items(), key=lambda item: -item[1])
        for (shade, _), value in ordered[: 1 if agree else None]:
            title = "" if found else words("report.level", name)
            found.append(Level(value, title, ROLES["flat"] if agree else shade))
    return found


def _clock(run: PretrainRun, series: Series) -> F64:
    return run.curves.elapsed()[: len(series.values)]


def _time(runs: Sequence[PretrainRun]) -> tuple[float, str]:
    """Seconds in the unit of the time axis, and its name."""
    longest = max(
        (float(run.curves.elapsed()[-1]) for run in runs if "clock.elapsed_s" in run.curves), default=0
    )
    for size, name in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if longest >= 3 * size:
            return size, text(f"report.axis.{name}")
    return 1.0, text("report.axis.seconds")
