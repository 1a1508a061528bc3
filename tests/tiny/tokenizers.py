"""Vocabularies: one learned from our sentences, two whose cuts can be counted by hand, one of syllables."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from malmoi.tokenizer.wordpiece.train import learn_wordpiece
from tests.tiny.korean import TEXT

WHOLE = WordPiece([*SPECIAL_TOKENS, "마당에서", "고추를", "말렸다", "."])
"""Knows whole eojeols and nothing else."""
PARTS = WordPiece(
    [*SPECIAL_TOKENS, "마당", "고추", "말", "비", ".", "##에서", "##를", "##렸", "##다", "##마당", "##가"]
)
"""Knows morphemes, and cuts 말렸다 into three."""


@cache
def learned_wordpiece() -> WordPiece:
    found = learn_wordpiece(lambda: [TEXT], size=400, limit_alphabet=500, min_frequency=2)
    return WordPiece([*SPECIAL_TOKENS, *found.entries])


def write_syllables(folder: Path, text: str) -> int:
    """A tokenizer of the characters of a text, each at the start and inside of words; how many entries."""
    letters = sorted(set(text) - set(" \n"))
    entries = [*SPECIAL_TOKENS, *letters, *("##" + letter for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(entries) + "\n", "utf-8")
    load_tokenizer(folder).save(folder)
    return len(entries)
