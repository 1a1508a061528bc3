"""What a learner is given and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from malmoi.kinds import imported
from malmoi.progress import SILENT, Reporter
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.kinds import KINDS


@dataclass(frozen=True)
class LearningTask:
    """Learn what `config` says from `blocks()`.

    `blocks()` gives whole lines of text in blocks of some megabytes, and the same ones at every call.
    `words` are the user's: entries of the vocabulary, each one token wherever it stands.
    `corpus` is the corpus's folder, for messages. `advance(n)` moves the bar by n of `passes` times the
    text's bytes; what is more does not move it. `workers` cores analyze morphemes, for kinds that do.
    `reporter` says what is odd about the analyzer's cache.
    """

    config: TokenizerConfig
    blocks: Callable[[], Iterator[str]]
    corpus: str
    advance: Callable[[float], None] = field(default=lambda amount: None)
    words: tuple[str, ...] = ()
    workers: int = 1
    reporter: Reporter = SILENT


@dataclass(frozen=True)
class Result:
    """A tokenizer, and what its manifest should tell of how it was learned."""

    tokenizer: Tokenizer
    counts: dict[str, Any]


class Learner(Protocol):
    """Reads the text as often as its bar says (`PASSES`, 2 unless the module has another number)."""

    def __call__(self, task: LearningTask) -> Result: ...


def learn(task: LearningTask) -> Result:
    """Learn the tokenizer that `task.config` asks for."""
    learner: Learner = imported(KINDS[task.config.kind].learns)
    return learner(task)


def passes(kind: str) -> int:
    """How often learning this kind reads the text, in terms of `LearningTask.advance`."""
    module, _, _ = KINDS[kind].learns.partition(":")
    return int(getattr(import_module(module), "PASSES", 2))
