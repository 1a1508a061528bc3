"""Which sentences to drop, and why: the first reason that fits is the one recorded.

Lengths and shares come from one table look-up per character (`characters.line_counts`); a new filter is a few
lines in `reasons`.
"""

from __future__ import annotations

import polars as pl

from malmoi.corpus.characters import line_counts
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.ledger import Ledger
from malmoi.corpus.personal import B
from malmoi.corpus.rules import has_personal
from malmoi.readers.mojibake import misread

# Tables, templates and formulas that cleaning could not turn into text; formula_1 and codice_1 are what
# WikiExtractor leaves of <math> and <code>: the sentence around them has lost its words.
# `B`, not \b: the Unicode boundary throws Rust's regex out of its fast engine on Korean (11, not 480 MB/s).
MARKUP = "|".join(
    (
        r"^\s*(?:\{?\||!\s|\}\})",
        r"\|\||\{\{|\}\}|\[\[|\]\]",
        r"(?:formula|codice)_\d",
        rf"\\(?:frac|begin|end|left|right|mathbf|mathrm|sum|int|sqrt|cdot|times){B}",
        rf"{B}(?:align|style|colspan|rowspan|bgcolor|cellpadding)\s*=",
    )
)
# A sentence that begins with a particle or a closing mark has lost its first words (a formula, a picture).
TORN = r"^(?:[)\],]|(?:을|를|의|는|라고)\s)"


def filter_sentences(sentences: pl.DataFrame, config: CorpusConfig, ledger: Ledger) -> pl.DataFrame:
    """Drop rows of `sentences` (column `text`, no "\\n" inside) and record them under a reason code."""
    text = sentences["text"]
    if not len(text):
        return sentences
    counts = {name: pl.Series(values) for name, values in line_counts(text.str.join("\n")[0]).items()}
    solid = (counts["chars"] - counts["spaces"]).clip(lower_bound=1)
    reasons = {
        "too_short": counts["chars"] < config.min_chars,
        "too_long": counts["chars"] > config.max_chars,
        "misread": misread(text, counts["rare"], counts["hangul"]),
        # U+FFFD: bytes that were damaged before they came here.
        "broken_characters": text.str.contains("\ufffd", literal=True),
        "markup": text.str.contains(MARKUP)
        if config.markup
        else pl.Series([False]).new_from_index(0, len(text)),
        "torn": text.str.contains(TORN),
        "low_hangul": counts["hangul"] < config.min_hangul * solid,
        "symbols": counts["symbols"] > config.max_symbols * solid,
    }
    if config.personal == "drop":
        reasons["personal_number"] = has_personal(text)
    kept = pl.Series([True]).new_from_index(0, len(text))
    for code, wrong in reasons.items():
        if wrong.any():
            gone = wrong & kept
            ledger.drop(code, text.filter(gone), sentences["document"].filter(gone))
            kept &= ~wrong
    return sentences if kept.all() else sentences.filter(kept)
