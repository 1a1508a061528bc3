"""The whole recipe: the sections of every stage in the order of the road."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from malmoi.config import S, Section, read_recipe
from malmoi.corpus.config import CorpusConfig
from malmoi.finetune.config import FinetuneConfig
from malmoi.league.config import LeagueConfig
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.shards.config import ShardsConfig
from malmoi.tokenizer.config import TokenizerConfig


class Recipe(Section):
    """`malmoi run` reads one of these."""

    out: str = Field(description="Folder for the artifacts of all stages.")
    corpus: CorpusConfig
    tokenizer: TokenizerConfig = TokenizerConfig()
    shards: ShardsConfig = ShardsConfig()
    model: ModelConfig = ModelConfig()
    pretrain: PretrainConfig = PretrainConfig()
    finetune: FinetuneConfig | None = None
    league: LeagueConfig = LeagueConfig()
    ask: list[str] = Field([], description="Sentences the fine-tuned model answers at the end.")


def read_sections(model: type[S], recipe: Path | None, sets: Sequence[str]) -> tuple[S, dict[str, str]]:
    """The sections one verb needs (the fields of `model`) out of a recipe and `--set` overrides."""
    others = set(Recipe.model_fields) - set(model.model_fields)
    return read_recipe(recipe, model, sets, others=others)
