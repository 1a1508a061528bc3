"""The whole recipe: the sections of every stage in the order of the road."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from malmoi.config import S, Section, changed, read_recipe
from malmoi.corpus.config import CorpusConfig
from malmoi.finetune.config import FinetuneConfig
from malmoi.league.config import LeagueConfig
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.shards.config import ShardsConfig
from malmoi.tokenizer.config import TokenizerConfig


class RunChanges(Section):
    """What one pretraining run has otherwise than `[pretrain]` and `[model]` say."""

    pretrain: dict[str, Any] = Field({}, description="Fields of `[pretrain]` that differ in this run.")
    model: dict[str, Any] = Field({}, description="Fields of `[model]` that differ in this run.")


class Recipe(Section):
    """`malmoi run` reads one of these."""

    out: str = Field(description="Folder for the artifacts of all stages.")
    corpus: CorpusConfig
    tokenizer: TokenizerConfig = TokenizerConfig()
    shards: ShardsConfig = ShardsConfig()
    model: ModelConfig = ModelConfig()
    pretrain: PretrainConfig = PretrainConfig()
    runs: dict[str, RunChanges] = Field(
        {},
        description="Several pretraining runs over the same shards: `[runs.NAME.pretrain]`.",
    )
    finetune: FinetuneConfig | None = None
    tasks: dict[str, dict[str, Any]] = Field(
        {}, description="Several tasks: `[tasks.NAME]` has what differs from `[finetune]`."
    )
    league: LeagueConfig = LeagueConfig()
    ask: list[str] = Field([], description="Sentences the fine-tuned model answers at the end.")


def runs_of(recipe: Recipe, origins: Mapping[str, str]) -> dict[str, RunConfig]:
    """The pretraining runs by the folder each is written to, below the recipe's `out`."""
    if not recipe.runs:
        return {"pretrain": RunConfig(pretrain=recipe.pretrain, model=recipe.model)}
    return {
        f"pretrain/{name}": RunConfig(
            pretrain=changed(recipe.pretrain, run.pretrain, origins, f"runs.{name}.pretrain"),
            model=changed(recipe.model, run.model, origins, f"runs.{name}.model"),
        )
        for name, run in recipe.runs.items()
    }


def tasks_of(recipe: Recipe, origins: Mapping[str, str]) -> list[FinetuneConfig]:
    """What is fine-tuned, in the recipe's order. A task's name is the published task's unless it says."""
    base = recipe.finetune or FinetuneConfig()
    if not recipe.tasks:
        return [base] if recipe.finetune else []
    return [
        changed(base, {"task": name} | changes, origins, f"tasks.{name}")
        for name, changes in recipe.tasks.items()
    ]


def read_sections(model: type[S], recipe: Path | None, sets: Sequence[str]) -> tuple[S, dict[str, str]]:
    """The sections one verb needs (the fields of `model`) out of a recipe and `--set` overrides."""
    others = set(Recipe.model_fields) - set(model.model_fields)
    return read_recipe(recipe, model, sets, others=others)
