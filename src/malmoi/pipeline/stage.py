"""What a stage of `malmoi run` is, and what every stage is given: a recipe that was read and found sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from malmoi.artifact.disk import real_place
from malmoi.config import read_recipe
from malmoi.context import Context
from malmoi.finetune.config import FinetuneConfig
from malmoi.pipeline.recipe import Recipe, Run, check_layout, runs_of, tasks_of, tokenizers_of
from malmoi.tokenizer.config import TokenizerConfig


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recipe asks for.

    Attributes:
        out: folder of all artifacts.
        tokenizers: by name; an only one's is "".
        runs: pretraining runs by their folder below `out`.
    """

    recipe: Recipe
    out: Path
    tokenizers: Mapping[str, TokenizerConfig]
    runs: Mapping[str, Run]
    tasks: Sequence[FinetuneConfig]


@dataclass(frozen=True, slots=True)
class Stage:
    """Its title is `pipeline.stage.NAME` of the catalog, or NAME, its key in `STAGES`.

    Attributes:
        run: makes what is not there yet, and gives what is to be shown as soon as it is made.
        shows: "module:function" of what `run` gives; imported where something is shown.
        is_wanted: whether a recipe asks for the stage.
        check: raises, before the first stage begins, what would stop this one.
    """

    run: Callable[[Plan, Context], Iterator[object]]
    shows: str = ""
    is_wanted: Callable[[Plan], bool] = lambda plan: True
    check: Callable[[Plan], None] = lambda plan: None


def read_plan(path: Path, sets: Sequence[str] = ()) -> tuple[Plan, dict[str, str]]:
    """A recipe's plan, and where each of its settings is from. Raises what is wrong with the recipe."""
    recipe, origins = read_recipe(path, Recipe, sets)
    tokenizers, runs = tokenizers_of(recipe, origins), runs_of(recipe, origins)
    plan = Plan(recipe, real_place(Path(recipe.out)), tokenizers, runs, tasks_of(recipe, origins))
    check_layout(plan.out, tokenizers, runs)
    return plan, origins


def say_which(context: Context, name: str, number: int, total: int, tokenizer: str = "") -> None:
    """Which of several the next lines are about; an only one has no name."""
    values = {"name": name, "number": number, "total": total}
    if tokenizer and tokenizer != name:
        context.reporter.say("pipeline.reads", tokenizer=tokenizer, **values)
    elif name:
        context.reporter.say("pipeline.one", **values)
