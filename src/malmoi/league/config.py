"""The `[league]` section of a recipe. `[finetune]` says what is learned, and how."""

from __future__ import annotations

from pydantic import Field

from malmoi.config import Section

CHARACTERS = "characters"
NO_PRETRAINING = "no-pretraining"
"""Names of the baselines; those without pretraining begin with the second."""


class LeagueConfig(Section):
    """Which rows are added to the checkpoints, and how often each is run."""

    seeds: int = Field(
        3, ge=1, le=100, description="Runs per row and task, seeds counted up from finetune.seed."
    )
    no_pretraining: bool = Field(True, description="A row with new weights for each shape and tokenizer.")
    characters: bool = Field(
        True, description="A row with character n-grams (TF-IDF and a linear model): the baseline to beat."
    )
    curve: bool = Field(
        False,
        description="Score the kept milestones of each pretraining run too: the score over tokens read.",
    )
    curve_tasks: tuple[str, ...] = Field(
        (), description="Names of the tasks that the milestones are scored on; none named: all."
    )
    curve_seeds: int = Field(1, ge=1, le=100, description="Runs per milestone and task.")
