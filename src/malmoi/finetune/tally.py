"""What a model could read of the texts it was given: unknown tokens, and cut, blank, misread texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from malmoi.codes import Code
from malmoi.finetune.batches import Encoded
from malmoi.messages import text
from malmoi.progress import Reporter
from malmoi.readers.mojibake import misread_texts
from malmoi.shards.build import MANY_UNKNOWN
from malmoi.tasks.examples import MANY, Text, is_blank, tell_blank


@dataclass(slots=True)
class Tally:
    """Counts over encoded rows, which may come window by window.

    Attributes:
        tokens: without [CLS] and [SEP].
        unknown: tokens that are [UNK].
        full: rows as long as rows may be; what they had beyond is cut.
        blank: rows without anything to read.
        misread: texts whose UTF-8 was read as CP949.
    """

    max_len: int
    rows: int = 0
    tokens: int = 0
    unknown: int = 0
    full: int = 0
    blank: int = 0
    misread: int = 0

    def add(self, texts: Sequence[Text], encoded: Encoded) -> None:
        special = sum(2 if isinstance(one, str) else 3 for one in texts)
        self.rows += len(texts)
        self.tokens += max(0, int(encoded.lengths.sum()) - special)
        self.unknown += encoded.unknown
        self.full += int(np.count_nonzero(encoded.lengths >= self.max_len))
        self.blank += sum(is_blank(one) for one in texts)
        self.misread += misread_texts(
            [part for one in texts for part in ((one,) if isinstance(one, str) else one)]
        )

    def tell_unknown(self, reporter: Reporter, where: str) -> None:
        """Warn (MM0641) where the vocabulary cannot read the texts."""
        if self.unknown > MANY_UNKNOWN * self.tokens:
            reporter.warn(Code.MANY_UNK_IN_TASK, where, percent=f"{100 * self.unknown / self.tokens:.1f}")

    def tell_full(self, reporter: Reporter, where: str, advice: str) -> None:
        """Say how many rows are cut; warn (MM0639) where they are many."""
        values = {"n": self.full, "total": self.rows, "max_len": self.max_len}
        if self.full >= max(1, MANY * self.rows):
            reporter.warn(Code.TEXTS_CUT, where, **values, advice=advice)
        elif self.full:
            reporter.say("finetune.cut", where=where, **values)

    def tell_misread(self, reporter: Reporter, where: str) -> None:
        """Warn (MM0648) of text that looks like Korean and is none."""
        if self.misread:
            reporter.warn(Code.TASK_MISREAD_AS_CP949, where, n=self.misread)

    def tell_blank(self, reporter: Reporter, where: str) -> None:
        tell_blank(reporter, where, self.blank, self.rows)


def longer(max_len: int, positions: int) -> str:
    """How to read more than `max_len` tokens with a model of so many positions."""
    if max_len < positions:
        return text("finetune.longer", max_len=min(2 * max_len, positions))
    return text("finetune.longest", positions=positions)
