"""The kinds of tokenizers: a new one is a package of its own and an entry of `KINDS`.

Functions are named here and imported where they are asked for: a kind needs its own library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from malmoi.kinds import imported
from malmoi.tokenizer.learner import Learner, Result, Task


@dataclass(frozen=True, slots=True)
class TokenizerKind:
    """How a kind is opened and learned.

    Attributes:
        opens: "module:function" of (path, reporter=…, engine=…) → Tokenizer.
        learns: "module:function" of a `Learner`.
        refuses: "module:function" of (user word) → whether it means something else in such a vocabulary.
        with_analyzer: whether an analyzer shapes its vocabulary or cuts its texts.
    """

    opens: str
    learns: str
    refuses: str = ""
    with_analyzer: bool = False


_HOME = "malmoi.tokenizer"
_SENTENCEPIECE = TokenizerKind(
    f"{_HOME}.sentencepiece.model:open_sentencepiece",
    f"{_HOME}.sentencepiece.train:learn",
    refuses=f"{_HOME}.sentencepiece.train:has_space",
)
KINDS: dict[str, TokenizerKind] = {
    "wordpiece": TokenizerKind(f"{_HOME}.wordpiece.load:open_wordpiece", f"{_HOME}.wordpiece.train:learn"),
    "morpheme-wordpiece": TokenizerKind(
        f"{_HOME}.wordpiece.load:open_wordpiece", f"{_HOME}.morpheme.train:learn_shaped", with_analyzer=True
    ),
    "morpheme": TokenizerKind(
        f"{_HOME}.morpheme.load:open_morpheme", f"{_HOME}.morpheme.train:learn_inside", with_analyzer=True
    ),
    "unigram": _SENTENCEPIECE,
    "bpe": _SENTENCEPIECE,
    "bytebpe": TokenizerKind(
        f"{_HOME}.bytebpe.load:open_bytebpe",
        f"{_HOME}.bytebpe.train:learn",
        refuses=f"{_HOME}.bytebpe.train:is_bytes",
    ),
}


def learn(task: Task) -> Result:
    """Learn the tokenizer that `task.config` asks for."""
    learner: Learner = imported(KINDS[task.config.kind].learns)
    return learner(task)


def passes(kind: str) -> int:
    """How often learning this kind reads the text, in terms of `Task.advance`."""
    module, _, _ = KINDS[kind].learns.partition(":")
    return int(getattr(import_module(module), "PASSES", 2))
