"""A tokenizer whose entries are characters, the commonest of the text it was learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from malmoi.artifact.disk import write_bytes
from malmoi.hangul.nfc import composed
from malmoi.progress import SILENT, Reporter
from malmoi.special import SPECIAL_TOKENS, SpecialIds
from malmoi.tokenizer.about import write_about
from malmoi.tokenizer.encoding.frame import SpanTokenizer, TokenSpans
from malmoi.tokenizer.kinds import TokenizerKind
from malmoi.tokenizer.learner import LearningTask, Result

FILE = "characters.txt"
PASSES = 1


class Characters(SpanTokenizer):
    kind = "characters"
    special = SpecialIds()

    def __init__(self, characters: Sequence[str]) -> None:
        self.entries = [*SPECIAL_TOKENS, *characters]
        self.vocab_size = self.learned = len(self.entries)
        self._ids = {entry: index for index, entry in enumerate(self.entries)}

    def encode_spans(self, texts: list[str]) -> TokenSpans:
        places = [[at for at, character in enumerate(text) if not character.isspace()] for text in texts]
        ids = [
            self._ids.get(text[at], self.special.unk)
            for text, its in zip(texts, places, strict=True)
            for at in its
        ]
        spans = [(at, at + 1) for its in places for at in its]
        return TokenSpans(
            np.array(ids, np.int32),
            np.array(spans, np.int32).reshape(-1, 2),
            np.array(list(map(len, places)), np.int64),
        )

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / FILE, "\n".join(self.entries[len(SPECIAL_TOKENS) :]).encode())
        write_about(folder, self)


def open_characters(path: Path, *, reporter: Reporter = SILENT, engine: str = "auto") -> Characters:
    return Characters((path / FILE).read_text("utf-8").split("\n"))


def learn(task: LearningTask) -> Result:
    counts: Counter[str] = Counter()
    for block in task.blocks():
        counts.update("".join(composed(block).split()))
        task.advance(len(block.encode()))
    kept = sorted(counts, key=lambda character: (-counts[character], character))
    return Result(Characters(kept[: task.config.vocab_size - len(SPECIAL_TOKENS)]), {"alphabet": len(counts)})


_HERE = "tests.extension.characters"
CHARACTERS = TokenizerKind(
    f"{_HERE}:open_characters",
    f"{_HERE}:learn",
    vocabularies=(FILE,),
    files=(FILE,),
    takes_words=False,
)
