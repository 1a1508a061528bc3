"""`malmoi league --checkpoint DIR … --task nsmc --data DIR --seeds 3 --out DIR`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from malmoi.cli.console import console
from malmoi.cli.finetune import percent, task_overrides
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.league.table import Line


def register(app: typer.Typer) -> None:
    app.command("league", help=text("cli.league.help"))(league)


def league(
    checkpoints: Annotated[
        list[str], typer.Option("--checkpoint", help=text("cli.league.checkpoint"), show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help=text("cli.league.out"), show_default=False)],
    task: Annotated[str | None, typer.Option("--task", help=text("cli.finetune.task"))] = None,
    data: Annotated[Path | None, typer.Option("--data", help=text("cli.finetune.data"))] = None,
    train: Annotated[Path | None, typer.Option("--train", help=text("cli.finetune.train"))] = None,
    dev: Annotated[Path | None, typer.Option("--dev", help=text("cli.finetune.dev"))] = None,
    test: Annotated[Path | None, typer.Option("--test", help=text("cli.finetune.test"))] = None,
    columns: Annotated[str | None, typer.Option("--text", help=text("cli.finetune.text"))] = None,
    label: Annotated[str | None, typer.Option("--label", help=text("cli.finetune.label"))] = None,
    train_rows: Annotated[
        int | None, typer.Option("--train-rows", min=0, help=text("cli.finetune.train_rows"))
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help=text("cli.league.seeds"))] = None,
    no_pretraining: Annotated[
        bool | None,
        typer.Option("--no-pretraining/--pretrained-only", help=text("cli.league.no_pretraining")),
    ] = None,
    characters: Annotated[
        bool | None, typer.Option("--characters/--no-characters", help=text("cli.league.characters"))
    ] = None,
    recipe: Annotated[Path | None, typer.Option("--recipe", help=text("cli.recipe"))] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.cli.recipe import read_sections
    from malmoi.config import Section
    from malmoi.finetune.config import FinetuneConfig
    from malmoi.league.config import LeagueConfig

    class Sections(Section):
        finetune: FinetuneConfig = FinetuneConfig()
        league: LeagueConfig = LeagueConfig()

    overrides = task_overrides(
        task=task,
        data=data,
        train=train,
        dev=dev,
        test=test,
        text=columns,
        label=label,
        train_rows=train_rows,
    )
    own = {"seeds": seeds, "no_pretraining": no_pretraining, "characters": characters}
    overrides += [f"league.{name}={json.dumps(value)}" for name, value in own.items() if value is not None]
    config, origins = read_sections(Sections, recipe, [*overrides, *(sets or [])])

    from malmoi.league.contenders import name_checkpoints
    from malmoi.league.run import league as run_league

    lines = run_league(
        config.league,
        [config.finetune],
        name_checkpoints(checkpoints),
        out,
        reporter=console().reporter,
        origins=origins,
        verify=verify,
    )
    show_league(lines)
    sampling = 100 * max(line.sampling_sd for line in lines)
    console().reporter.say("league.written", path=out / "table.tsv", sampling=sampling)
    console().result({"out": str(out), "table": [line.as_dict() for line in lines]})


def show_league(lines: list[Line]) -> None:
    """Best first; the best of each task in bold."""
    from rich.text import Text

    rows = []
    for line in lines:
        style = "bold" if line.best else ""
        gain = "" if line.difference is None else f"{100 * line.difference:+.2f}"
        if line.difference_se is not None:
            gain += f" ± {100 * line.difference_se:.2f}"
        score = percent({"mean": line.mean, "sd": line.sd})
        metric = text(f"finetune.column.{line.metric}") + (" (dev)" if line.split == "dev" else "")
        cells = (line.row, line.task, metric, score, str(line.n), gain)
        rows.append([Text(cell, style=style) for cell in cells])
    names = ("row", "task", "metric", "score", "n", "difference")
    console().table("league.table", [text(f"league.column.{name}") for name in names], rows)
