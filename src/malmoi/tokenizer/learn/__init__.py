"""Learning vocabularies: `LEARNERS` has one function for each kind, from blocks of text to a tokenizer.

Imported late, each where it is asked for: a kind needs its own library only.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from malmoi.tokenizer.config import Kind
from malmoi.tokenizer.learn.task import Learner, Result, Task

__all__ = ["LEARNERS", "Learner", "Result", "Task", "learn", "passes"]

# kind → module of this package and function.
LEARNERS: dict[Kind, tuple[str, str]] = {
    "wordpiece": ("wordpiece", "learn"),
    "morpheme-wordpiece": ("morphemes", "learn_shaped"),
    "morpheme": ("morphemes", "learn_inside"),
    "unigram": ("sentencepiece", "learn"),
    "bpe": ("sentencepiece", "learn"),
    "bytebpe": ("bytebpe", "learn"),
}


def learn(task: Task) -> Result:
    """Learn the tokenizer that `task.config` asks for."""
    module, function = LEARNERS[task.config.kind]
    learner: Callable[[Task], Result] = getattr(import_module(f"{__name__}.{module}"), function)
    return learner(task)


def passes(kind: Kind) -> int:
    """How often learning this kind reads the text, in terms of `Task.advance`."""
    module, _ = LEARNERS[kind]
    return int(getattr(import_module(f"{__name__}.{module}"), "PASSES", 2))
