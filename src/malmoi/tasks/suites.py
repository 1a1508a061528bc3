"""The table of tasks: what the published files are called, which columns hold what, and how it is scored.

A new task is one entry of `TASKS`; a user's own table is `table_task(text, label)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Split = Literal["train", "dev", "test"]


@dataclass(frozen=True, slots=True)
class Task:
    """What to learn from which files.

    Attributes:
        files: names of the published files by split, in the folder the user gives; no "dev": held out.
        text: one text column, or two for a pair.
        label: the column of the label.
        labels: all labels, in the order of the outputs; empty: those that the training file holds.
        metric: chooses the best checkpoint and heads the tables.
        quoted: whether `"` wraps fields; None: found out per file.
        defaults: values of `FinetuneConfig` fields that the user has not set.
        source: where the files and the settings come from.
    """

    name: str
    text: tuple[str, ...]
    label: str
    kind: Literal["classify"] = "classify"
    files: Mapping[Split, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    metric: Literal["accuracy", "macro_f1"] = "accuracy"
    quoted: bool | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


# Batch 32 and 128 tokens are KoELECTRA's published NSMC settings; it trains 10 epochs and reports the best
# checkpoint *on the test file*. Here 3 epochs, chosen on held-out training rows, test scored once.
TASKS: dict[str, Task] = {
    "nsmc": Task(
        name="nsmc",
        files={"train": "ratings_train.txt", "test": "ratings_test.txt"},
        text=("document",),
        label="label",
        labels=("0", "1"),
        metric="accuracy",
        quoted=False,
        defaults={"epochs": 3, "batch_size": 32, "max_len": 128},
        source="https://github.com/e9t/nsmc",
    ),
}


def table_task(name: str, text: Sequence[str], label: str) -> Task:
    """A user's own file. Macro-F1 chooses: in real data the rare class is often the one that matters."""
    return Task(
        name=name,
        text=tuple(text),
        label=label,
        metric="macro_f1",
        defaults={"epochs": 3, "batch_size": 32, "max_len": 128},
    )
