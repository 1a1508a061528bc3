"""The table of tasks: what the published files are called, which columns hold what, and how it is scored.

A new task is one entry of `TASKS`; a user's own table is `table_task(text, label)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from malmoi.tasks.examples import Split
from malmoi.tasks.kinds import DEFAULT_KIND, TASK_KINDS


@dataclass(frozen=True, slots=True)
class Task:
    """What to learn from which files.

    Attributes:
        files: names of the published files by split, in the folder the user gives; no "dev": held out.
        text: one text column, or two for a pair.
        label: the column of the label or score.
        kind: a key of `TASK_KINDS`.
        labels: all labels, in the order of the outputs; empty: those that the training file holds.
        metric: a key of `METRICS`: chooses the best checkpoint and heads the tables.
        quoted: whether `"` wraps fields; None: found out per file.
        defaults: values of `FinetuneConfig` fields that the user has not set.
        source: where the files come from.
        licence: under which terms they are published.
    """

    name: str
    text: tuple[str, ...]
    label: str
    kind: str = DEFAULT_KIND
    files: Mapping[Split, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    metric: str = "accuracy"
    quoted: bool | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    licence: str = ""


# Batch 32, 128 tokens, 5e-5 at width 768 and 10 epochs are KoELECTRA's published settings for all three
# (github.com/monologg/KoELECTRA, finetune/config); it reports the best of all checkpoints *on the test file*,
# for Question Pair and KorSTS too, although they have dev files. Here dev chooses and test is scored once.
# NSMC gets 3 epochs: 150,000 rows are seen often enough.
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
        licence="CC0 1.0",
    ),
    # How alike two sentences are, 0.000 to 5.000; a machine-translated STS benchmark, dev and test corrected
    # by people (Ham et al. 2020, arXiv 2004.03289). 260 training rows hold bare quotes.
    "korsts": Task(
        name="korsts",
        kind="regress",
        files={"train": "sts-train.tsv", "dev": "sts-dev.tsv", "test": "sts-test.tsv"},
        text=("sentence1", "sentence2"),
        label="score",
        metric="spearman",
        quoted=False,
        defaults={"epochs": 10, "batch_size": 32, "max_len": 128},
        source="https://github.com/kakaobrain/KorNLUDatasets",
        licence="CC BY-SA 4.0",
    ),
    # Label 0 means the two questions ask the SAME thing, 1 that they differ (759 of 760 identical pairs: 0),
    # although the column is called is_duplicate.
    "question_pair": Task(
        name="question_pair",
        files={"train": "train.tsv", "dev": "dev.tsv", "test": "test.tsv"},
        text=("question1", "question2"),
        label="is_duplicate",
        labels=("0", "1"),
        metric="accuracy",
        quoted=False,
        defaults={"epochs": 10, "batch_size": 32, "max_len": 128},
        source="https://github.com/songys/Question_pair",
        licence="MIT",
    ),
}


def table_task(name: str, text: Sequence[str], label: str, kind: str = DEFAULT_KIND) -> Task:
    """A user's own file."""
    return Task(
        name=name,
        text=tuple(text),
        label=label,
        kind=kind,
        metric=TASK_KINDS[kind].metric,
        defaults={"epochs": 3, "batch_size": 32, "max_len": 128},
    )
