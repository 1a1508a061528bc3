"""One text through the cleaner with the change of every step, for people who ask what happened to it. It
calls what `refine_block` calls, one step further each time, so its result is the same (tested). What needs
the whole corpus (duplicates, boilerplate) cannot be seen on one text.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from malmoi.corpus.characters import clean_characters
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.documents import DOC
from malmoi.corpus.filters import filter_sentences
from malmoi.corpus.ledger import Ledger
from malmoi.corpus.refine import strip_markup
from malmoi.corpus.rules import rewrite, rules_of
from malmoi.corpus.split import split_sentences
from malmoi.hangul.nfc import composed
from malmoi.hangul.spelling import respell


@dataclass(frozen=True, slots=True)
class CleaningStep:
    """`name` is nfc, html, spaces, or a code of the audit."""

    name: str
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Fate:
    """A sentence, and the reason code it would be dropped under; None: it is kept."""

    text: str
    dropped: str | None


@dataclass(frozen=True, slots=True)
class CleaningTrace:
    steps: list[CleaningStep]
    sentences: list[Fate]


def trace_cleaning(text: str, config: CorpusConfig | None = None) -> CleaningTrace:
    """Clean one document the way the corpus stage does. Lines are joined by "\\n" in each step's text."""
    config = config or CorpusConfig()
    ledger = Ledger(0)
    steps: list[CleaningStep] = []
    current = text.replace(DOC, " ").replace("\r\n", "\n").replace("\r", "\n")

    def took(name: str, after: str) -> None:
        nonlocal current
        steps.append(CleaningStep(name, current, after))
        current = after

    took("nfc", composed(current))
    if config.markup:
        took("html", strip_markup(current, config, ledger))
    took("hangul_spelling", respell(current))
    took("invisible_characters", clean_characters(current, 0).text)
    if config.repeats:
        took("repeated_characters", clean_characters(current, config.repeats).text)
    lines = pl.Series("text", [line for line in current.split("\n") if line.strip()], dtype=pl.String)
    rules = rules_of(config)
    cleaned = rewrite(lines, [], ledger)
    took("spaces", "\n".join(cleaned))
    for count, rule in enumerate(rules, 1):
        # All rules so far on the original lines: one screen picks the lines for all rules.
        cleaned = rewrite(lines, rules[:count], ledger)
        took(rule.code, "\n".join(cleaned))
    frame = pl.DataFrame({"document": pl.zeros(len(cleaned), pl.UInt32, eager=True), "text": cleaned})
    frame = frame.filter(pl.col("text") != "")
    if config.split and len(frame):
        frame = split_sentences(frame, config.min_chars)
    return CleaningTrace(steps, [_fate(frame[i : i + 1], config) for i in range(len(frame))])


def _fate(row: pl.DataFrame, config: CorpusConfig) -> Fate:
    ledger = Ledger(0)
    filter_sentences(row, config, ledger)
    return Fate(str(row["text"][0]), next(iter(ledger.dropped), None))
