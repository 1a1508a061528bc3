"""`malmoi run RECIPE`: every stage from raw text to answers, skipping what is done."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from malmoi.cli.console import console, duration
from malmoi.context import Context
from malmoi.kinds import imported
from malmoi.messages import text, words


def register(app: typer.Typer) -> None:
    app.command("run", help=text("cli.run.help"))(run)


def run(
    recipe: Annotated[Path, typer.Argument(help=text("cli.run.recipe"), show_default=False)],
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, help=text("cli.workers"))] = 0,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.pipeline.stage import read_plan
    from malmoi.pipeline.stages import STAGES

    begun = time.monotonic()
    plan, origins = read_plan(recipe, sets or [])
    context = Context(console().reporter, origins, verify, workers)
    stages = {name: stage for name, stage in STAGES.items() if stage.is_wanted(plan)}
    for stage in stages.values():
        stage.check(plan)
    for number, (name, stage) in enumerate(stages.items(), 1):
        title = words("pipeline.stage", name)
        context.reporter.say("cli.run.stage", number=number, total=len(stages), stage=title)
        for made in stage.run(plan, context):
            imported(stage.shows)(made)
    context.reporter.say("cli.run.done", out=plan.out, time=duration(time.monotonic() - begun))
