"""The whole recipe: the sections of every stage in the order of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from malmoi.artifact.finished import MANIFEST
from malmoi.codes import Code
from malmoi.config import S, Section, changed, place_of, read_recipe
from malmoi.corpus.config import CorpusConfig
from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig
from malmoi.league.config import LeagueConfig
from malmoi.model.sizes import ModelConfig
from malmoi.nearest import did_you_mean, nearest
from malmoi.paths import can_be_folder, composed, first_unusable, shown_name
from malmoi.pretrain.config import PretrainConfig
from malmoi.shards.config import ShardsConfig
from malmoi.tasks.suites import TASKS
from malmoi.tokenizer.config import TokenizerConfig


class RunChanges(Section):
    """How one pretraining run differs from `[pretrain]` and `[model]`."""

    tokenizer: str = Field("", description="Which of `[tokenizers]` this run uses.")
    pretrain: dict[str, Any] = Field({}, description="Fields of `[pretrain]` that differ in this run.")
    model: dict[str, Any] = Field({}, description="Fields of `[model]` that differ in this run.")


class Recipe(Section):
    """`malmoi run` reads one of these."""

    out: str = Field(description="Folder for the artifacts of all stages.")
    corpus: CorpusConfig
    tokenizer: TokenizerConfig = TokenizerConfig()
    tokenizers: dict[str, dict[str, Any]] = Field(
        {}, description="Several vocabularies: `[tokenizers.NAME]` has what differs from `[tokenizer]`."
    )
    shards: ShardsConfig = ShardsConfig()
    model: ModelConfig = ModelConfig()
    pretrain: PretrainConfig = PretrainConfig()
    runs: dict[str, RunChanges] = Field(
        {},
        description="Several pretraining runs: `[runs.NAME.pretrain]`. With `[tokenizers]` and none of these "
        "there is one for each, of its name.",
    )
    finetune: FinetuneConfig | None = None
    tasks: dict[str, dict[str, Any]] = Field(
        {}, description="Several tasks: `[tasks.NAME]` has what differs from `[finetune]`."
    )
    league: LeagueConfig = LeagueConfig()
    ask: list[str] = Field([], description="Sentences the fine-tuned model answers at the end.")


@dataclass(frozen=True, slots=True)
class Run:
    """One pretraining run; `tokenizer` is the name of the one it reads by, "" of the only one."""

    tokenizer: str
    pretrain: PretrainConfig
    model: ModelConfig


def tokenizers_of(recipe: Recipe, origins: Mapping[str, str]) -> dict[str, TokenizerConfig]:
    """The tokenizers by name, in the recipe's order; the only one of a recipe that names none is "".

    Both it and its shards are written to a folder of that name below `tokenizer` and `shards`.
    Raises MM0805 (a name that no folder can have).
    """
    _check_names("tokenizers", recipe.tokenizers, origins)
    return {
        composed(name): changed(recipe.tokenizer, changes, origins, f"tokenizers.{name}")
        for name, changes in recipe.tokenizers.items()
    } or {"": recipe.tokenizer}


def runs_of(recipe: Recipe, origins: Mapping[str, str]) -> dict[str, Run]:
    """The pretraining runs by the folder each is written to, below the recipe's `out`.

    Raises MM0802 (a run of several tokenizers that names none), MM0803 (an unknown one), MM0804 (one, where
    there are none to choose from), MM0805 (a name that no folder can have).
    """
    _check_names("runs", recipe.runs, origins)
    names = [composed(name) for name in recipe.tokenizers]
    runs = recipe.runs or {name: RunChanges(tokenizer=name) for name in names}
    if not runs:
        return {"pretrain": Run("", recipe.pretrain, recipe.model)}
    return {
        f"pretrain/{composed(name)}": Run(
            _tokenizer_of(name, run, names, origins),
            changed(recipe.pretrain, run.pretrain, origins, f"runs.{name}.pretrain"),
            changed(recipe.model, run.model, origins, f"runs.{name}.model"),
        )
        for name, run in runs.items()
    }


def _tokenizer_of(run: str, changes: RunChanges, names: list[str], origins: Mapping[str, str]) -> str:
    wanted = composed(changes.tokenizer)
    if wanted in names or not (wanted or names):
        return wanted
    where = place_of(f"runs.{run}.tokenizer", origins)
    if not wanted:
        raise MalmoiError(Code.RUN_WITHOUT_TOKENIZER, where, run=run, names=", ".join(names), first=names[0])
    if not names:
        raise MalmoiError(Code.TOKENIZER_HAS_NO_NAME, where, run=run, tokenizer=wanted)
    raise MalmoiError(
        Code.RUN_TOKENIZER_MISSING,
        where,
        run=run,
        tokenizer=wanted,
        names=", ".join(names),
        hint=did_you_mean(wanted, names),
        near=nearest(wanted, names) or names[0],
    )


def _check_names(section: str, names: Iterable[str], origins: Mapping[str, str]) -> None:
    if (name := first_unusable(names)) is not None:
        where = place_of(f"{section}.{name}", origins)
        raise MalmoiError(Code.BAD_NAME, where, name=shown_name(name), section=section)


def check_layout(out: Path, tokenizers: Iterable[str], runs: Iterable[str]) -> None:
    """Raises MM0806 where `out` holds one tokenizer (or run) and the recipe has several, or the other way
    round: the first would lie around the others, and be replaced with them inside. `runs` are folders."""
    single = {"tokenizer": "" in tokenizers, "pretrain": "pretrain" in runs}
    single["shards"] = single["tokenizer"]
    for stage, alone in single.items():
        home = out / stage
        if any(home.glob(f"*/{MANIFEST}")) if alone else (home / MANIFEST).exists():
            raise MalmoiError(Code.OTHER_LAYOUT, home)


def tasks_of(recipe: Recipe, origins: Mapping[str, str]) -> list[FinetuneConfig]:
    """What is fine-tuned, in the recipe's order. A section is a published task's by its name; one that gives
    a training file and has no such name is a table of the user's, called as the section is.

    Raises MM0805 (a name that no folder can have).
    """
    base = recipe.finetune or FinetuneConfig()
    if not recipe.tasks:
        _check_task(base, "finetune", origins)
        return [base] if recipe.finetune else []
    tasks = [
        changed(base, _task_of(name, changes) | changes, origins, f"tasks.{name}")
        for name, changes in recipe.tasks.items()
    ]
    for name, task in zip(recipe.tasks, tasks, strict=True):
        _check_task(task, f"tasks.{name}", origins)
    return tasks


def _task_of(name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    own = "train" in changes and name not in TASKS
    return {"task": "table", "name": name} if own else {"task": name}


def _check_task(task: FinetuneConfig, section: str, origins: Mapping[str, str]) -> None:
    if task.name and not can_be_folder(task.name):
        where = place_of(f"{section}.name", origins)
        raise MalmoiError(Code.BAD_NAME, where, section=f"{section}.name", name=shown_name(task.name))


def read_sections(model: type[S], recipe: Path | None, sets: Sequence[str]) -> tuple[S, dict[str, str]]:
    """The sections one verb needs (the fields of `model`) out of a recipe and `--set` overrides."""
    others = set(Recipe.model_fields) - set(model.model_fields)
    return read_recipe(recipe, model, sets, others=others)
