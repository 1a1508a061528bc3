"""The `[pretrain]` section of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from malmoi.config import Section, execution
from malmoi.kinds import OneOf, SettingsOf
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.objectives import OBJECTIVES, MlmConfig, ObjectiveConfig
from malmoi.training.optimizers import OPTIMIZERS, AdamWConfig, OptimizerConfig
from malmoi.training.schedules import SCHEDULES


class PretrainConfig(Section):
    """Defaults suit a small model on a CPU; recipes/ holds the tried combinations."""

    objective: Annotated[ObjectiveConfig, SettingsOf(OBJECTIVES, MlmConfig())] = Field(
        MlmConfig(),
        description="What is learned, and its settings: mlm (masked language model, a BERT) or electra "
        "(replaced tokens).",
    )
    weight_init: Literal["random", "cooccurrence"] = Field(
        "random",
        description="New weights: random, or cooccurrence: which words stand near which is counted in the "
        "text and written into them, for small budgets.",
    )
    # The digests of its files enter the key, not its path.
    init: Path | None = execution(
        None,
        "A checkpoint to start from (or a run: its newest), malmoi's or one of transformers; its shape is "
        "used, and the shards' vocabulary may be an extended one.",
    )
    row_len: int = Field(128, ge=8, description="Tokens in a row, [CLS] and [SEP] included.")
    batch_size: int = Field(32, ge=1, description="Rows in one step, over all micro-batches.")
    lr: float = Field(6e-4, gt=0, description="Peak learning rate.")
    warmup: float = Field(
        0.05, ge=0, le=1, description="Share of the steps in which the learning rate rises linearly."
    )
    warmup_steps: int = Field(
        0, ge=0, description="Steps in which it rises, whatever `steps` is (0: `warmup` decides)."
    )
    schedule: Annotated[str, OneOf(SCHEDULES)] = Field(
        "linear",
        description="How the learning rate falls after that. bert, electra: as published, on a line that "
        "begins at the first step; electra multiplies the warm-up with it, bert does not.",
    )
    optimizer: Annotated[OptimizerConfig, SettingsOf(OPTIMIZERS, AdamWConfig())] = Field(
        AdamWConfig(), description="What turns gradients into steps: `name`, and that optimizer's settings."
    )
    clip: float = Field(1.0, ge=0, description="Largest gradient norm (0: no clipping).")
    segment_pair_rate: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the sequences that are two segments, the second continuing the first.",
    )
    copy_rate: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the sequences that are a passage and the same again with tokens missing: it "
        "teaches to compare two texts.",
    )
    mask_rate: float = Field(0.15, gt=0, lt=1, description="Share of a row's tokens that is predicted.")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="auto: bf16 where it is fast.")
    seed: int = Field(0, ge=0, lt=2**32, description="Order of rows, masks, initial weights and dropout.")

    # Asking for more steps extends a run, so `steps` does not enter its key.
    steps: int = execution(
        1000,
        "Steps in all; asking for more extends a finished run, with the learning rates of the new total.",
        ge=1,
    )
    device: Literal["auto", "cpu", "cuda"] = execution("auto", "Where to compute.")
    micro_batch_size: int = execution(
        0,
        "Rows computed at once (0: the whole batch); the rest is accumulated. Changes rounding; on a GPU or "
        "compiled also what dropout drops.",
        ge=0,
    )
    threads: int = execution(0, "CPU threads (0: all cores).", ge=0)
    feed: Literal["auto", "thread", "process"] = execution(
        "auto",
        "Where batches are made: in a thread, or in processes of their own; auto: processes for a GPU, whose "
        "launches a thread would delay.",
    )
    compile: bool = execution(
        False,
        "torch.compile each block: slow to start, and on a CPU slower to run. Changes rounding, and what "
        "dropout drops.",
    )
    log_every: int = execution(20, "Steps between two lines of metrics.jsonl.", ge=1)
    heldout_every: int = execution(200, "Steps between two held-out losses.", ge=1)
    heldout_rows: int = execution(256, "Rows of the held-out text that are scored.", ge=1)
    checkpoint_every: int = execution(200, "Steps between two checkpoints.", ge=1)
    keep: int = execution(2, "Checkpoints kept; older ones are removed.", ge=2)
    milestones: tuple[Annotated[float, Field(gt=0, le=1)], ...] = execution(
        (), "Shares of the steps whose checkpoints are written and kept, for a curve of scores."
    )

    @model_validator(mode="after")
    def _shares_of_one_whole(self) -> PretrainConfig:
        if self.segment_pair_rate + self.copy_rate > 1:
            raise ValueError("segment_pair_rate + copy_rate > 1")
        return self

    @model_validator(mode="after")
    def _one_start(self) -> PretrainConfig:
        if self.init is not None and self.weight_init != "random":
            raise ValueError(f"init + weight_init={self.weight_init}")
        return self


class RunConfig(Section):
    """What a pretraining run is made of: the two sections that enter its key."""

    pretrain: PretrainConfig = PretrainConfig()
    model: ModelConfig = ModelConfig()
