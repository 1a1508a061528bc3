"""The name that a mistyped one stands near to: a hint that is far off misleads more than none."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

from malmoi.messages import text

NEAR = 0.6  # difflib's ratio; over letters, for two syllables of which one is mistyped share one of two


def nearest(wanted: str, names: Iterable[str]) -> str | None:
    """The nearest of `names`, None where none is near. Hangul is compared by its letters, case left aside;
    of dotted names (`finetune.lr`) the last part must be near too, or all in one section would be."""
    own = _letters(wanted)
    letters = {_letters(name): name for name in names}
    for found in difflib.get_close_matches(own, letters, n=3, cutoff=NEAR):
        last, wanted_last = found.rpartition(".")[2], own.rpartition(".")[2]
        if difflib.SequenceMatcher(None, wanted_last, last).ratio() >= NEAR:
            return letters[found]
    return None


def did_you_mean(wanted: str, names: Iterable[str]) -> str:
    """` Did you mean 'x'?`, to stand behind a sentence; empty where nothing is near."""
    near = nearest(wanted, names)
    return "" if near is None else text("base.near", near=near)


def _letters(name: str) -> str:
    return unicodedata.normalize("NFD", name).casefold()
