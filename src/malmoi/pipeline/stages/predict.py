"""The first run, fine-tuned on a task of single texts if there is one, answers the recipe's sentences."""

from __future__ import annotations

from collections.abc import Iterator

from malmoi.context import Context
from malmoi.pipeline.stage import Plan, Stage
from malmoi.pipeline.stages.league import checkpoints


def run(plan: Plan, context: Context) -> Iterator[object]:
    from malmoi.predict.predictor import Predictor
    from malmoi.tasks.data import task_of

    task = next((task for task in plan.tasks if len(task_of(task).text) == 1), plan.tasks[0])
    # A user's own task is named after its file, not "table".
    home = plan.out / "league" / "cells" / next(iter(checkpoints(plan))) / task_of(task).name
    cell = home / f"seed-{task.seed}"
    if texts := plan.recipe.ask:
        predictor = Predictor.open(cell, reporter=context.reporter)
        yield texts, predictor.predict(texts), predictor.kind
    context.reporter.say("pipeline.ask", cell=cell)


PREDICT = Stage(run, shows="malmoi.cli.predict:show", is_wanted=lambda plan: bool(plan.tasks))
