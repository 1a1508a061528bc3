"""`malmoi league --checkpoint DIR … --task nsmc --data DIR --seeds 3 --out DIR`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from malmoi.cli import tasks as options
from malmoi.cli.console import console
from malmoi.cli.tasks import shown_score, task_overrides
from malmoi.context import Context
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.league.curve import Point
    from malmoi.league.table import LeagueLine


def register(app: typer.Typer) -> None:
    app.command("league", help=text("cli.league.help"))(league)


def league(
    checkpoints: Annotated[
        list[str], typer.Option("--checkpoint", help=text("cli.league.checkpoint"), show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help=text("cli.league.out"), show_default=False)],
    task: options.TaskName = None,
    data: options.Data = None,
    train: options.Train = None,
    dev: options.Dev = None,
    test: options.Test = None,
    columns: options.TextColumns = None,
    label: options.Label = None,
    kind: options.KindOfLabel = None,
    train_rows: options.TrainRows = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help=text("cli.league.seeds"))] = None,
    no_pretraining: Annotated[
        bool | None,
        typer.Option("--no-pretraining/--pretrained-only", help=text("cli.league.no_pretraining")),
    ] = None,
    characters: Annotated[
        bool | None, typer.Option("--characters/--no-characters", help=text("cli.league.characters"))
    ] = None,
    curve: Annotated[bool | None, typer.Option("--curve/--no-curve", help=text("cli.league.curve"))] = None,
    recipe: options.RecipeFile = None,
    sets: options.Sets = None,
    verify: options.Verify = False,
) -> None:
    overrides = task_overrides(locals())
    own = {"seeds": seeds, "no_pretraining": no_pretraining, "characters": characters, "curve": curve}
    overrides += [f"league.{name}={json.dumps(value)}" for name, value in own.items() if value is not None]

    from malmoi.config import Section
    from malmoi.finetune.config import FinetuneConfig
    from malmoi.league.config import LeagueConfig
    from malmoi.pipeline.recipe import read_sections

    class Sections(Section):
        finetune: FinetuneConfig = FinetuneConfig()
        league: LeagueConfig = LeagueConfig()

    config, origins = read_sections(Sections, recipe, [*overrides, *(sets or [])])

    from malmoi.league.entries import name_checkpoints
    from malmoi.league.run import league as run_league

    context = Context(console().reporter, origins, verify)
    run_league(config.league, [config.finetune], name_checkpoints(checkpoints), out, context)
    show(out)


def show(out: Path) -> None:
    """The table and, if there is one, the curve."""
    from malmoi.league.curve import read_curve
    from malmoi.league.table import read_table

    lines, points = read_table(out), read_curve(out)
    _show_table(lines)
    _show_curve(points)
    console().reporter.say("league.written", path=out / "table.tsv")
    result = {"out": str(out), "table": [line.as_dict() for line in lines]}
    if points:
        result["curve"] = [point.as_dict() for point in points]
    console().result(result, f"{out}: {winners(lines)}")


def _show_table(lines: Sequence[LeagueLine]) -> None:
    """Task by task, best first and in bold; then what the number of scored rows alone is worth."""
    from rich.text import Text

    from malmoi.report.numbers import chance, runs_of
    from malmoi.tasks.metrics import METRICS, metric_name

    rows = []
    for line in lines:
        style = "bold" if line.best else ""
        scale = METRICS[line.metric].scale
        gain = "" if line.difference is None else f"{scale * line.difference:+.2f}"
        if line.difference_se is not None:
            gain += f" ± {scale * line.difference_se:.2f}"
        if line.p is not None:
            gain += f" ({chance(line.p)})"
        score = shown_score(line.metric, line.mean, line.sd)
        metric = metric_name(line.metric) + (" (dev)" if line.split == "dev" else "")
        runs = runs_of(line.n, line.tunings, line.pooled)
        cells = (line.row, line.task, metric, score, runs, gain)
        rows.append([Text(cell, style=style) for cell in cells])
    names = ("row", "task", "metric", "score", "n", "difference")
    console().table("league.table", [text(f"league.column.{name}") for name in names], rows)
    for line in {line.row: line for line in lines if line.pooled}.values():
        values = {"n": line.n, "tunings": line.tunings, "names": ", ".join(line.pooled)}
        console().reporter.say("league.pooled", row=line.row, **values)
    for task in dict.fromkeys(line.task for line in lines):
        own = [line for line in lines if line.task == task]
        most = max(line.sampling_sd or 0.0 for line in own)
        if most:
            sampling = METRICS[own[0].metric].scale * most
            console().reporter.say("league.sampling", task=task, rows=own[0].scored, sampling=sampling)


def winners(lines: Sequence[LeagueLine]) -> str:
    """`nsmc: mine 84.10 ± 0.31; sts: …`: the best row of each task."""
    return "; ".join(
        f"{line.task}: {line.row} {shown_score(line.metric, line.mean, line.sd)}"
        for line in lines
        if line.best
    )


def _show_curve(points: Sequence[Point]) -> None:
    """One line for each row and task, its scores in order of tokens; nothing without points."""
    from malmoi.tasks.metrics import metric_name

    rows = []
    for row, task in dict.fromkeys((point.row, point.task) for point in points):
        own = [point for point in points if (point.row, point.task) == (row, task)]
        tokens = " → ".join(f"{point.tokens / 1e6:.4g}M" if point.tokens else "0" for point in own)
        scores = " → ".join(shown_score(point.metric, point.mean, None) for point in own)
        rows.append([row, task, metric_name(own[0].metric), tokens, scores])
    if rows:
        names = ("row", "task", "metric", "tokens", "score")
        console().table("league.curve", [text(f"league.column.{name}") for name in names], rows)
