"""What to learn and from which files: the part of a recipe that finetune and league share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from malmoi.config import Section, execution
from malmoi.kinds import OneOf
from malmoi.tasks.kinds import TASK_KINDS
from malmoi.tasks.metrics import METRICS
from malmoi.tasks.spellings import MISSING, Alike


class TaskConfig(Section):
    """A named task with a folder (`task = "nsmc"`, `data = "nsmc/"`), or files with their columns.

    Paths are not identity: what enters an artifact's key is the digest of each file.
    """

    task: str = Field(
        "table", description='A name of the tasks table ("nsmc"), or "table" for your own files.'
    )
    name: str = Field("", description="What results call it; by default the task's name, or your file's.")
    kind: Annotated[str, OneOf(TASK_KINDS)] | None = Field(
        None, description='What the label of your file is: a class, or with "regress" a score such as 3.8.'
    )
    metric: Annotated[str, OneOf(METRICS)] | None = Field(
        None, description="What chooses the best checkpoint and heads the tables; by default the task's own."
    )
    data: Path | None = execution(None, "Folder with the published files of the task.")
    train: Path | None = execution(
        None, "Your own training file: csv, tsv, jsonl, or a JSON list of objects."
    )
    dev: Path | None = execution(
        None, "Your own file for choosing the best checkpoint; else held out of train."
    )
    test: Path | None = execution(None, "Your own test file, scored once at the end.")
    text: tuple[str, ...] = Field(
        (),
        max_length=2,
        description="Text column of your file; two make a pair. `#2`: the second, no header.",
    )
    label: str = Field("", description="Column of the label or score in your file.")
    missing: tuple[str, ...] = Field(
        MISSING, description='What stands for "no label" beside nothing at all; spelt so.'
    )
    alike_labels: Alike = Field(
        "stop",
        description="Labels that differ in spelling only (1 and 1.0, True and true): stop, merge them into "
        "one, or keep them apart.",
    )
    dev_share: float = Field(
        0.1, gt=0, lt=0.5, description="Share of train held out where there is no dev file."
    )
    train_rows: int = Field(
        0, ge=0, description="Train on this many rows only (a nested, keyed choice); 0: all."
    )
    dev_rows: int = Field(
        5000, ge=0, description="Choose on at most this many dev rows (accuracy ± 0.7); 0: all."
    )
    test_rows: int = Field(0, ge=0, description="Score this many test rows only; 0: all.")

    @field_validator("text", mode="before")
    @classmethod
    def _columns(cls, value: object) -> object:
        """`text = "a,b"` as `--text a,b` has it."""
        return columns_of(value) if isinstance(value, str) else value


def columns_of(names: str) -> list[str]:
    """The columns in `--text a,b`."""
    return [name.strip() for name in names.split(",")]
