"""Kinds of task: a new one is a file of its own and an entry of `TASK_KINDS`."""

from malmoi.tasks.kinds.classification import Classification
from malmoi.tasks.kinds.protocol import LABEL, PROBABILITY, SCORE, AnswerColumn, Fitted, Prediction, TaskKind
from malmoi.tasks.kinds.regression import Regression

__all__ = [
    "DEFAULT_KIND",
    "LABEL",
    "PROBABILITY",
    "SCORE",
    "TASK_KINDS",
    "AnswerColumn",
    "Fitted",
    "Prediction",
    "TaskKind",
]

TASK_KINDS: dict[str, type[TaskKind]] = {"classify": Classification, "regress": Regression}
DEFAULT_KIND = "classify"  # of a file whose kind nobody says
