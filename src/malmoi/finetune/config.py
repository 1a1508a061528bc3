"""The `[finetune]` section of a recipe."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from malmoi.codes import Code
from malmoi.config import execution
from malmoi.errors import MalmoiError
from malmoi.kinds import OneOf, SettingsOf
from malmoi.model.sizes import HEAD_KINDS, EncoderConfig, HeadKind
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.suites import Task
from malmoi.training.optimizers import OPTIMIZERS, AdamWConfig, OptimizerConfig
from malmoi.training.schedules import SCHEDULES

ADAMW = AdamWConfig(beta2=0.999, eps=1e-8)  # torch's defaults; google-research/bert and electra have eps 1e-6


class FinetuneConfig(TaskConfig):
    """Fields left at None take the task's default, written into the manifest as they were used."""

    epochs: int | None = Field(
        None, ge=1, description="Passes over the training rows; 3, more on small data."
    )
    lr: float | None = Field(
        None,
        gt=0,
        description="Peak learning rate; by default 5e-5 at width 768, in inverse proportion to width.",
    )
    batch_size: int | None = Field(None, ge=1, description="Rows in one step.")
    max_len: int | None = Field(
        None, ge=4, description="Tokens of a row, [CLS] and [SEP] included; more are cut."
    )
    head: Literal["auto", "pooler", "linear", "dense"] = Field(
        "auto",
        description="pooler: BERT's (dense, tanh, linear); linear: one layer on [CLS], as ELECTRA's authors "
        "fine-tune; dense: dense, gelu, linear, as transformers fine-tunes ELECTRA. auto: pooler for a BERT, "
        "linear for an ELECTRA.",
    )
    glorot: bool = Field(
        False,
        description="The output layer starts Glorot-uniform, as google-research/electra leaves it, and not "
        "N(0, .02), as google-research/bert has it.",
    )
    layer_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Each block's learning rate as a share of that of the block above; 1: all the same.",
    )
    layer_decay_depth: Literal["right", "published"] = Field(
        "right",
        description="published: one decay more below the head, as google-research/electra computes it.",
    )
    warmup: float = Field(
        0.1, ge=0, le=1, description="Share of the steps in which the learning rate rises linearly."
    )
    schedule: Annotated[str, OneOf(SCHEDULES)] = Field(
        "linear", description="How the learning rate falls after that, as in `[pretrain]`."
    )
    optimizer: Annotated[OptimizerConfig, SettingsOf(OPTIMIZERS, ADAMW)] = Field(
        ADAMW, description="What turns gradients into steps: `name`, and that optimizer's settings."
    )
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Dropout in the encoder and before the output layer; by default what the checkpoint's "
        "config.json says.",
    )
    attention_dropout: float | None = Field(
        None, ge=0, lt=1, description="Dropout of attention weights; by default likewise."
    )
    clip: float = Field(1.0, gt=0, description="Largest gradient norm.")
    evals: int = Field(
        6, ge=1, description="How often the dev rows are scored during training, evenly spaced."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="New weights, order of rows and dropout.")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="auto: bf16 where it is fast.")
    device: Literal["auto", "cpu", "cuda"] = execution("auto", "Where to compute.")
    threads: int = execution(0, "CPU threads (0: all cores).", ge=0)
    tokens_per_batch: int = execution(
        16384,
        "Tokens computed at once, padding included; the rest of a batch is accumulated. Changes rounding; "
        "on a GPU also what dropout drops.",
        ge=512,
    )


# 800 rows in three epochs are 75 updates, too few to leave the start. The best dev checkpoint is kept, so
# more do no harm (Mosbach et al. 2021, arXiv 2006.04884, train small sets for 20 epochs).
FEWEST_UPDATES = 600
MOST_EPOCHS = 20


def resolve(config: FinetuneConfig, task: Task, *, rows: int, shape: EncoderConfig) -> FinetuneConfig:
    """Fill in what the user left open. `rows` is the number of training rows, `shape` the model's.

    Small data gets more epochs than the task's, up to 20, until there are 600 updates.
    The rate scales as 1/width because Adam's step does not shrink as a matrix grows (Yang et al. 2022,
    arXiv 2203.03466): 5e-5 is the published rate for width 768; 256 gets 1.5e-4, 128 gets 3e-4.
    """
    batch_size = config.batch_size or task.defaults["batch_size"]
    needed = math.ceil(FEWEST_UPDATES * batch_size / rows)
    defaults = {
        "epochs": max(task.defaults["epochs"], min(needed, MOST_EPOCHS)),
        "batch_size": batch_size,
        "max_len": min(task.defaults["max_len"], shape.max_positions),
        "lr": 5e-5 * 768 / shape.hidden,
        "dropout": shape.dropout,
        "attention_dropout": shape.attention_dropout,
    }
    chosen = {k: v for k, v in defaults.items() if getattr(config, k) is None}
    return config.model_copy(update=chosen | {"head": head_kind(config, shape)})


def check_shape(config: FinetuneConfig, shape: EncoderConfig) -> None:
    """Raise MM0412 or MM0619 where a model of this shape cannot be given that head or rows of that length."""
    head_kind(config, shape)
    if config.max_len and config.max_len > shape.max_positions:
        raise MalmoiError(Code.MAX_LEN_TOO_LONG, max_len=config.max_len, positions=shape.max_positions)


def head_kind(config: FinetuneConfig, shape: EncoderConfig) -> HeadKind:
    """The head that `auto` stands for, or the one asked for. Raises MM0412 where the encoder has no such."""
    known = HEAD_KINDS[shape.arch]
    kind = known[0] if config.head == "auto" else config.head
    if kind not in known:
        raise MalmoiError(Code.HEAD_DOES_NOT_FIT, kind=kind, arch=shape.arch, known=", ".join(known))
    return kind
