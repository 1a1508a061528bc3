"""The pretraining runs → `league`: each fine-tuned on every task, beside what it is to beat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from malmoi.context import Context
from malmoi.pipeline.stage import Plan, Stage


def checkpoints(plan: Plan) -> dict[str, Path]:
    """Runs by their name in the league: `pretrain/electra` is electra, a lone `pretrain` is pretrained."""
    return {folder.partition("/")[2] or "pretrained": plan.out / folder for folder in plan.runs}


def run(plan: Plan, context: Context) -> Iterator[Path]:
    from malmoi.league.run import league

    league(plan.recipe.league, plan.tasks, checkpoints(plan), plan.out / "league", context)
    yield plan.out / "league"


LEAGUE = Stage(run, shows="malmoi.cli.league:show", is_wanted=lambda plan: bool(plan.tasks))
